//! What a report says besides the fingerprint.
#![allow(dead_code, reason = "only the types are used")]

use cache_core::__private::shape::ShapeReport;
use cache_core::Shape;
use serde::{Deserialize, Serialize};

#[derive(Shape, Serialize, Deserialize)]
#[shape(self_describing)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
    Text(String),
}

#[derive(Shape, Serialize, Deserialize)]
#[shape(self_describing)]
struct Everything {
    #[serde(flatten)]
    rest: Plain,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sparse: Option<u8>,
    #[serde(default, skip_serializing)]
    read: u8,
    #[serde(skip_deserializing)]
    written: u8,
}

#[derive(Shape, Serialize, Deserialize)]
struct Plain {
    a: u8,
}

#[derive(Shape)]
struct Holder {
    inside: Vec<Option<Untagged>>,
    second: Everything,
}

#[derive(Shape)]
struct Document {
    body: serde_json::Value,
}

#[test]
fn a_type_without_marks_has_a_plain_report() {
    let report = ShapeReport::of::<Plain>();
    assert_eq!(report.self_describing, None);
    assert!(!report.is_recursive && !report.is_opaque && !report.has_unknown_depth());
}

#[test]
fn the_first_type_that_needs_a_self_describing_format_is_named() {
    assert_eq!(ShapeReport::of::<Holder>().self_describing, Some("shape::reports::Untagged"));
    assert_eq!(ShapeReport::of_entry::<u8, Everything>().self_describing, Some("shape::reports::Everything"));
}

#[test]
fn a_json_value_needs_a_self_describing_format_and_has_no_bounded_depth() {
    let report = ShapeReport::of::<Document>();
    assert_eq!(report.self_describing, Some("serde_json::Value"));
    assert!(report.is_recursive);
}

#[test]
fn an_opaque_type_is_reported() {
    #[derive(Shape)]
    #[shape(opaque)]
    struct ByHand(std::sync::mpsc::Sender<u8>);

    #[derive(Shape)]
    enum Choice {
        #[shape(opaque)]
        #[serde(with = "somewhere")]
        By(u8),
    }

    assert!(ShapeReport::of::<Vec<ByHand>>().is_opaque);
    assert!(ShapeReport::of::<Choice>().is_opaque);
}
