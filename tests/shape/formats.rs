//! Which types survive which format: the facts behind the errors of `Shape`. Does not use a cache.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsString};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroI8, NonZeroU64, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeInclusive};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Returns whether `value` comes back as it was, by format: `[bincode, postcard, json]`.
fn survives<T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> [bool; 3] {
    [by_bincode(value), by_postcard(value), by_json(value)].map(|back| back.as_ref() == Some(value))
}

/// Reads back what was written, followed by another value, to detect a reader that takes too much or too
/// little.
fn by_bincode<T: Serialize + DeserializeOwned>(value: &T) -> Option<T> {
    let config = bincode::config::standard().with_fixed_int_encoding();
    let bytes = bincode::serde::encode_to_vec((value, 0x5A5A_5A5A_u32), config).ok()?;
    let ((value, mark), length): ((T, u32), usize) =
        bincode::serde::decode_from_slice(&bytes, config).ok()?;
    (mark == 0x5A5A_5A5A && length == bytes.len()).then_some(value)
}

fn by_postcard<T: Serialize + DeserializeOwned>(value: &T) -> Option<T> {
    let bytes = postcard::to_allocvec(&(value, 0x5A5A_5A5A_u32)).ok()?;
    let ((value, mark), rest): ((T, u32), &[u8]) = postcard::take_from_bytes(&bytes).ok()?;
    (mark == 0x5A5A_5A5A && rest.is_empty()).then_some(value)
}

fn by_json<T: Serialize + DeserializeOwned>(value: &T) -> Option<T> {
    serde_json::from_slice(&serde_json::to_vec(value).ok()?).ok()
}

#[track_caller]
fn only_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    assert_eq!(survives(&value), [false, false, true], "{value:?}");
}

#[track_caller]
fn all<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    assert_eq!(survives(&value), [true; 3], "{value:?}");
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
    Text(String),
}

#[test]
fn untagged_enums_survive_only_json() {
    only_json(Untagged::Number(1));
    only_json(Untagged::Text("a".into()));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum PartlyUntagged {
    Tagged(u32),
    #[serde(untagged)]
    Text(String),
}

#[test]
fn an_untagged_variant_spoils_its_enum() {
    only_json(PartlyUntagged::Text("a".into()));
    only_json(PartlyUntagged::Tagged(1));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Internal {
    Unit,
    Struct { a: u32 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
struct Labelled {
    a: u32,
}

#[test]
fn internally_tagged_types_survive_only_json() {
    only_json(Internal::Unit);
    only_json(Internal::Struct { a: 1 });
    only_json(Labelled { a: 1 });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
enum Adjacent {
    Unit,
    Newtype(u32),
    Tuple(u8, String),
    Struct { a: u32, b: Option<String> },
}

/// serde writes the tag as a variant, but reads it back as an identifier where the format has no field names.
#[test]
fn adjacently_tagged_enums_survive_only_json() {
    only_json(Adjacent::Unit);
    only_json(Adjacent::Newtype(1));
    only_json(Adjacent::Tuple(1, "b".into()));
    only_json(Adjacent::Struct { a: 1, b: Some("b".into()) });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    a: u32,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Rest {
    b: u32,
}

#[test]
fn flattened_fields_survive_only_json() {
    only_json(Flat { a: 1, rest: Rest { b: 2 } });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    a: Option<u8>,
    b: u64,
}

#[test]
fn a_field_left_out_survives_only_json() {
    only_json(Sparse { a: None, b: 7 });
    // It works as long as nothing is left out, so a test might not detect it.
    all(Sparse { a: Some(1), b: 7 });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct WrittenOnly {
    #[serde(skip_deserializing)]
    a: u8,
    b: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ReadOnly {
    #[serde(skip_serializing, default)]
    a: u8,
    b: u64,
}

#[test]
fn a_field_written_or_read_but_not_both_survives_only_json() {
    only_json(WrittenOnly { a: 0, b: 7 });
    only_json(ReadOnly { a: 0, b: 7 });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum SkippedFirst {
    #[serde(skip)]
    #[allow(dead_code)]
    Never,
    A(u8),
    B(u8),
}

#[test]
fn a_skipped_variant_makes_the_variants_after_it_read_as_others() {
    only_json(SkippedFirst::A(1));
    only_json(SkippedFirst::B(1));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum SkippedLast {
    A(u8),
    #[serde(skip)]
    #[allow(dead_code)]
    Never,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Skipped {
    #[serde(skip)]
    a: u8,
    #[serde(skip_serializing, skip_deserializing)]
    b: u8,
    c: u64,
}

#[test]
fn skipping_at_the_end_or_in_both_directions_is_harmless() {
    all(SkippedLast::A(1));
    all(Skipped { a: 0, b: 0, c: 7 });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
struct Renamed {
    #[serde(rename = "x", alias = "y")]
    first_field: u8,
    second_field: Vec<u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Transparent {
    inner: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
struct Converted(String);

impl From<String> for Converted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Converted> for String {
    fn from(converted: Converted) -> Self {
        converted.0
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum WithOther {
    A,
    #[serde(other)]
    Other,
}

#[test]
fn renames_defaults_conversions_and_transparency_are_harmless() {
    all(Renamed { first_field: 1, second_field: vec![2] });
    all(Transparent { inner: "a".into() });
    all(Converted("a".into()));
    all(WithOther::A);
    all(WithOther::Other);
}

#[test]
fn json_values_survive_only_json() {
    only_json(serde_json::json!({ "a": [1, null, "b"] }));
    only_json(serde_json::Number::from(1));
}

#[test]
fn the_types_of_std_survive_every_format() {
    all((true, 'ß', -1_i8, -2_i16, -3_i32, -4_i64, -5_i128, -6_isize));
    all((1_u8, 2_u16, 3_u32, 4_u64, 5_u128, 6_usize, 1.5_f32, 2.5_f64));
    all((String::from("a"), Box::<str>::from("b"), Cow::<'static, str>::Borrowed("c"), ()));
    all((CString::from(c"d"), OsString::from("e"), PathBuf::from("f"), [1_u8; 4]));
    all((Some(1), None::<u8>, Some(Some(1_u8)), Ok::<u8, u8>(1), Err::<u8, u8>(1)));
    all((vec![1], VecDeque::from([2]), LinkedList::from([3]), Box::<[u8]>::from([4])));
    all((BTreeSet::from([1]), HashSet::from([2])));
    all((BTreeMap::from([(1, 2)]), HashMap::from([(3, 4)])));
    all((Duration::from_nanos(1), SystemTime::UNIX_EPOCH + Duration::from_secs(1)));
    all((
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
        Ipv4Addr::LOCALHOST,
        Ipv6Addr::LOCALHOST,
    ));
    all(SocketAddr::from(([127, 0, 0, 1], 80)));
    all((Range { start: 1, end: 2 }, RangeInclusive::new(1, 2), Bound::Included(1), Bound::<u8>::Unbounded));
    all((NonZeroI8::MIN, NonZeroU64::MAX, Wrapping(1), Saturating(2), std::marker::PhantomData::<u8>));
    assert_eq!(by_bincode(&BinaryHeap::from([1, 2])).map(BinaryHeap::into_sorted_vec), Some(vec![1, 2]));
}

#[test]
fn the_types_of_the_feature_crates_survive_every_format() {
    all(chrono::DateTime::UNIX_EPOCH);
    all(chrono::DateTime::UNIX_EPOCH.fixed_offset());
    all((chrono::NaiveDate::MIN, chrono::NaiveDateTime::MIN, chrono::NaiveTime::MIN));
    all((chrono::Weekday::Fri, chrono::Month::May, chrono::TimeDelta::milliseconds(-1)));
    all(time::OffsetDateTime::UNIX_EPOCH);
    all((
        time::Date::MIN,
        time::PlainDateTime::MIN,
        time::UtcDateTime::MIN,
        time::Time::MAX,
        time::UtcOffset::UTC,
    ));
    all((time::Weekday::Friday, time::Month::May, time::SignedDuration::MIN, time::Timestamp::MIN));
    all(uuid::Uuid::from_u128(1));
    all(uuid::Uuid::from_u128(1).hyphenated());
    all((
        uuid::Uuid::from_u128(1).simple(),
        uuid::Uuid::from_u128(1).urn(),
        uuid::Uuid::from_u128(1).braced(),
    ));
    let url = url::Url::parse("https://example.org/a?b#c").unwrap();
    all(url.host().map(|host| host.to_owned()));
    all(url);
}
