//! For which types and codecs a shape guarantees that saved values read back equal.
#![allow(dead_code, reason = "only the types are used")]

use std::collections::{BTreeMap, HashMap};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cache_core::__private::codec::{Bincode, Json, Postcard};
use cache_core::__private::shape::ShapeReport;
use cache_core::Shape;
use serde::{Deserialize, Deserializer, Serialize};

/// Returns whether the shape of `T` vouches for it: `[bincode, postcard, json]`.
fn vouched<T: Shape + ?Sized>() -> [bool; 3] {
    let report = ShapeReport::of::<T>();
    [report.vouches_for::<Bincode>(), report.vouches_for::<Postcard>(), report.vouches_for::<Json>()]
}

const ALL: [bool; 3] = [true; 3];
const NONE: [bool; 3] = [false; 3];

#[derive(Shape, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Post {
    id: u64,
    #[serde(default, alias = "headline")]
    title: String,
    tags: Vec<Arc<str>>,
    score: Option<f64>,
    kind: Kind,
    #[serde(skip)]
    handle: Option<u8>,
    unit: Unit,
    wrapped: Wrapped,
    pair: Pair,
}

#[derive(Shape, Serialize, Deserialize)]
#[serde(rename = "kind-of-post")]
enum Kind {
    Text,
    Link(String),
    Poll { answers: HashMap<String, u32> },
}

#[derive(Shape, Serialize, Deserialize)]
struct Unit;

#[derive(Shape, Serialize, Deserialize)]
struct Wrapped(Vec<u8>);

#[derive(Shape, Serialize, Deserialize)]
struct Pair(i8, i128);

#[derive(Shape, Serialize, Deserialize)]
struct Generic<T> {
    of: T,
}

#[derive(Shape, Serialize, Deserialize)]
#[serde(transparent)]
struct Transparent {
    of: Wrapped,
}

#[test]
fn plain_types_are_vouched_for_by_every_codec() {
    assert_eq!(vouched::<(u8, i128, f64, char, bool, String)>(), ALL);
    assert_eq!(vouched::<HashMap<String, Vec<(Duration, SystemTime, [u8; 16])>>>(), ALL);
    assert_eq!(vouched::<[Range<u8>]>(), ALL);
    assert_eq!(vouched::<Post>(), ALL);
    assert_eq!(vouched::<Transparent>(), ALL);
    let entry = ShapeReport::of_entry::<u64, str>();
    assert!(entry.vouches_for::<Bincode>() && entry.vouches_for::<Json>());
}

#[test]
fn a_report_that_does_not_fit_the_codec_is_not_vouched_for() {
    assert_eq!(vouched::<serde_json::Value>(), NONE);
    let entry = ShapeReport::of_opaque_entry("a::Key", "a::Value");
    assert!(!entry.vouches_for::<Bincode>() && !entry.vouches_for::<Json>());
}

#[derive(Shape, Serialize, Deserialize)]
struct Node {
    next: Option<Box<Node>>,
}

#[derive(Shape, Serialize, Deserialize)]
struct Hidden {
    #[shape(opaque)]
    inside: u8,
}

#[derive(Clone, Shape, Serialize, Deserialize)]
#[serde(try_from = "u8")]
struct Even(u8);

impl TryFrom<u8> for Even {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if number.is_multiple_of(2) { Ok(Self(number)) } else { Err(format!("{number} is odd")) }
    }
}

#[derive(Clone, Shape, Serialize, Deserialize)]
#[serde(into = "u16")]
struct Widened(u8);

impl From<Widened> for u16 {
    fn from(widened: Widened) -> Self {
        widened.0.into()
    }
}

#[derive(Clone, Shape, Serialize, Deserialize)]
#[serde(from = "Raw", into = "Raw")]
struct Converted(u8);

#[derive(Shape, Serialize, Deserialize)]
struct Raw(u8);

impl From<Raw> for Converted {
    fn from(raw: Raw) -> Self {
        Self(raw.0)
    }
}

impl From<Converted> for Raw {
    fn from(converted: Converted) -> Self {
        Self(converted.0)
    }
}

#[test]
fn types_that_hold_what_their_shape_does_not_show_are_not_vouched_for() {
    assert_eq!(vouched::<Node>(), NONE);
    assert_eq!(vouched::<Hidden>(), NONE);
    assert_eq!(vouched::<Even>(), NONE);
    assert_eq!(vouched::<Widened>(), NONE);
    assert_eq!(vouched::<Converted>(), NONE);
    // Its `Deserialize` may be written by hand.
    assert_eq!(vouched::<Generic<u8>>(), NONE);
    // From any depth.
    assert_eq!(vouched::<BTreeMap<u8, Option<(u8, Generic<Even>)>>>(), NONE);
}

#[test]
fn a_key_that_loses_a_field_is_not_vouched_for() {
    let entry = ShapeReport::of_entry::<u8, Post>();
    assert!(entry.vouches_for::<Bincode>(), "a value that does comes back as saved otherwise");
    let entry = ShapeReport::of_entry::<Post, u8>();
    assert!(!entry.vouches_for::<Bincode>() && !entry.vouches_for::<Json>());
}

/// Writes in JSON what it cannot read itself.
#[derive(Shape, Serialize, Deserialize)]
struct ReadUnderAnotherName {
    #[serde(rename(serialize = "a", deserialize = "b"))]
    field: u8,
}

#[derive(Shape, Serialize, Deserialize)]
enum VariantsReadUnderOtherNames {
    #[serde(rename(serialize = "A"))]
    Variant,
}

#[test]
fn names_that_are_read_as_others_count_where_names_are_written() {
    assert_eq!(vouched::<ReadUnderAnotherName>(), [true, true, false]);
    assert_eq!(vouched::<VariantsReadUnderOtherNames>(), [true, true, false]);
}

/// Types whose `Deserialize` is written by hand in the usual ways.
mod by_hand {
    use super::*;

    #[derive(Shape, Serialize)]
    pub struct Text {
        pub text: String,
    }

    impl<'de> Deserialize<'de> for Text {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            if text.is_empty() {
                return Err(serde::de::Error::custom("it is empty"));
            }
            Ok(Self { text })
        }
    }

    #[derive(Shape, Serialize)]
    pub struct Checked(pub u8);

    impl<'de> Deserialize<'de> for Checked {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Raw::deserialize(deserializer).map(|Raw(number)| Self(number.min(100)))
        }
    }

    #[derive(Shape, Serialize)]
    pub struct MadeUp;

    impl<'de> Deserialize<'de> for MadeUp {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }

    #[derive(Shape, Serialize)]
    pub struct Mapped {
        pub number: u8,
    }

    impl<'de> Deserialize<'de> for Mapped {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let raw = Raw::deserialize(deserializer).map_err(serde::de::Error::custom)?;
            Ok(Self { number: raw.0 })
        }
    }
}

#[test]
fn a_deserialize_written_by_hand_is_not_vouched_for() {
    assert_eq!(vouched::<by_hand::Text>(), NONE);
    assert_eq!(vouched::<by_hand::Checked>(), NONE);
    assert_eq!(vouched::<by_hand::MadeUp>(), NONE);
    assert_eq!(vouched::<Vec<by_hand::Mapped>>(), NONE);
}

/// Has a shape and cannot be read.
#[derive(Shape)]
struct WithoutSerde {
    number: u8,
}

#[test]
fn a_type_that_cannot_be_read_says_nothing_of_how_it_is_read() {
    assert_eq!(vouched::<WithoutSerde>(), ALL);
}

#[test]
fn types_that_do_not_always_come_back_as_they_were_are_not_vouched_for() {
    assert_eq!(vouched::<RangeInclusive<u8>>(), NONE);
    assert_eq!(vouched::<url::Url>(), NONE);
    assert_eq!(vouched::<chrono::DateTime<chrono::FixedOffset>>(), NONE);
    assert_eq!(vouched::<chrono::DateTime<chrono::Utc>>(), ALL);
    assert_eq!(vouched::<(chrono::NaiveDateTime, chrono::TimeDelta, uuid::Uuid)>(), ALL);
}
