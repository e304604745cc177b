use std::collections::BTreeMap;
use std::fmt::{self, Display};

use proptest::prelude::*;
use serde::{Serialize, Serializer};

use super::escape::{special_bits, special_bits_anywhere};
use super::*;

#[derive(Serialize, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(u8, bool),
    Struct { side: i16, names: Vec<&'static str> },
    Empty {},
}

#[derive(Serialize)]
struct UnitStruct;

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Newtype<T>(T);

#[derive(Serialize)]
struct Pair(f32, Option<char>);

struct Bytes(&'static [u8]);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// A map whose keys need no order.
struct Entries<K: 'static>(&'static [(K, u8)]);

impl<K: Serialize> Serialize for Entries<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// A text that is written in two pieces.
struct Displayed(&'static str, &'static str);

impl Display for Displayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        f.write_str(self.1)
    }
}

impl Serialize for Displayed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn text(value: &(impl Serialize + ?Sized)) -> String {
    String::from_utf8(to_json(value).unwrap()).unwrap()
}

#[track_caller]
fn assert_like_serde_json(value: &impl Serialize) {
    assert_eq!(text(value), serde_json::to_string(value).unwrap());
}

#[test]
fn every_kind_of_value_is_written_as_by_serde_json() {
    assert_like_serde_json(&(true, false, (), None::<u8>, Some(Some(7_u8)), UnitStruct));
    assert_like_serde_json(&(i8::MIN, i16::MIN, i32::MIN, -9_007_199_254_740_991_i64, -1_i128));
    assert_like_serde_json(&(u8::MAX, u16::MAX, u32::MAX, 9_007_199_254_740_991_u64, 0_u128));
    assert_like_serde_json(&(0.1_f32, -0.0_f64, 1e300_f64, f64::MIN_POSITIVE, 1.0_f64, 5e-324_f64));
    assert_like_serde_json(&(
        "text",
        'c',
        Bytes(b"ab\0"),
        Displayed("one \"", "\\ two"),
        "\"\\\n\r\t\u{8}\u{c}\0\u{7f}",
    ));
    assert_like_serde_json(&(Newtype("inside"), Pair(1.5, Some('x')), [[0_u8; 0]; 2], Vec::<u8>::new()));
    let kind = Shape::Struct { side: -1, names: vec!["a", ""] };
    assert_like_serde_json(&[Shape::Unit, Shape::Newtype(1), Shape::Tuple(2, true), kind, Shape::Empty {}]);
}

#[test]
fn keys_of_maps_are_strings_as_in_serde_json() {
    assert_like_serde_json(&BTreeMap::<String, ()>::new());
    assert_like_serde_json(&BTreeMap::from([("a", 1), ("quote \"", 2)]));
    assert_like_serde_json(&BTreeMap::from([(u64::MAX, 1), (7, 2)]));
    assert_like_serde_json(&BTreeMap::from([(i128::MIN, "min"), (-1, "one")]));
    assert_like_serde_json(&BTreeMap::from([(true, 'c'), (false, '"')]));
    assert_like_serde_json(&BTreeMap::from([('"', [1]), ('b', [2])]));
    assert_like_serde_json(&BTreeMap::from([(Newtype(Newtype(3_u8)), Some(1)), (Newtype(Newtype(4)), None)]));
    assert_like_serde_json(&BTreeMap::from([(Shape::Unit, BTreeMap::from([(1_u8, ())]))]));
    assert_like_serde_json(&Entries(&[(0.1_f32, 1), (-0.0, 2), (f32::MAX, 3)]));
    assert_like_serde_json(&Entries(&[(0.1_f64, 1), (5e-324, 2), (1.0, 3)]));
}

#[track_caller]
fn assert_refused(value: &impl Serialize, expected: &str) {
    assert_eq!(to_json(value).unwrap_err().to_string(), expected);
}

#[test]
fn what_has_no_form_in_json_names_its_place() {
    let no_text = "has a key that is no text, number or `bool`, which JSON has no form for";
    assert_refused(&BTreeMap::from([((1, 2), 3)]), &format!("the value {no_text}"));
    assert_refused(&BTreeMap::from([(Shape::Newtype(1), 3)]), &format!("the value {no_text}"));
    assert_refused(&[BTreeMap::from([(None::<u8>, 3)])], &format!("`[0]` {no_text}"));

    let infinite = "is infinite or not a number, for which JSON has no form";
    assert_refused(&f32::NAN, &format!("the value {infinite}"));
    assert_refused(&[Entries(&[(f64::NAN, 1)])], &format!("`[0]` {infinite}"));
    #[derive(Serialize)]
    enum Nested {
        Inside(BTreeMap<u8, Vec<Field>>),
    }
    #[derive(Serialize)]
    struct Field {
        pair: (u8, f64),
    }
    let map = BTreeMap::from([(1, vec![Field { pair: (0, 1.0) }, Field { pair: (0, f64::INFINITY) }])]);
    assert_refused(&Nested::Inside(map), &format!("`Inside[..][1].pair[1]` {infinite}"));

    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("why"))
        }
    }
    assert_refused(&(1, Failing), "`[1]` cannot be written: why");
}

#[test]
fn integers_have_their_digits_and_no_others() {
    for number in (0_u32..=1_100).chain([9_999, 10_000, 99_999_999, 100_000_000]) {
        assert_eq!(text(&(number, u64::from(number))), format!("[{number},{number}]"));
        let negative = -i64::from(number);
        assert_eq!(text(&negative), negative.to_string());
    }
}

#[test]
fn integers_beyond_those_of_javascript_are_refused() {
    const LAST: i64 = (1 << 53) - 1;
    for number in [LAST, -LAST] {
        assert_eq!(text(&(number, i128::from(number))), format!("[{number},{number}]"));
    }
    for result in [
        to_json(&(LAST + 1)),
        to_json(&(-LAST - 1)),
        to_json(&i64::MIN),
        to_json(&u64::MAX),
        to_json(&i128::MIN),
        to_json(&(1_u128 << 53)),
    ] {
        assert!(result.unwrap_err().to_string().starts_with("the value is an integer beyond 2^53"));
    }
}

/// As the JSON of a text must be, found one character at a time.
fn naive_json(text: &str) -> String {
    naive_json_of(&serde_json::to_string(text).unwrap())
}

/// JSON with escapes for what means something in HTML or in a script.
fn naive_json_of(json: &str) -> String {
    let mut json = json.to_owned();
    for character in ['<', '>', '&', '\u{2028}', '\u{2029}'] {
        json = json.replace(character, &format!("\\u{:04x}", u32::from(character)));
    }
    json
}

#[test]
fn names_of_fields_are_escaped_like_texts() {
    #[derive(Serialize)]
    enum Named {
        #[serde(rename = "</variant>")]
        Variant {
            plain_1: u8,
            #[serde(rename = "with \"quotes\"")]
            quotes: u8,
            #[serde(rename = "</script>\u{2028}\u{e9}")]
            html: u8,
            #[serde(rename = "a name that is longer than a chunk, & has a special character")]
            long: u8,
            #[serde(rename = "")]
            empty: u8,
            a_name_of_twenty_8_characters: u8,
            a_name_of_twenty_nine_letters: u8,
        },
    }
    let value = Named::Variant {
        plain_1: 1,
        quotes: 2,
        html: 3,
        long: 4,
        empty: 5,
        a_name_of_twenty_8_characters: 6,
        a_name_of_twenty_nine_letters: 7,
    };
    assert_eq!(text(&value), naive_json_of(&serde_json::to_string(&value).unwrap()));
}

const SPECIAL: &str = "\"\\'<>&\n\0\u{1f}\u{2027}\u{2028}\u{2029}\u{202a}€é/";

#[test]
fn a_special_character_is_found_at_each_place_of_each_length() {
    // Characters that nearly need an escape, others, and only those of ASCII, so that long texts are looked at without a
    // stop in each way.
    for characters in ["a ~\u{7f}é]#^|0", "a z\u{7f}é]$}_0", "a z\u{7f}!]$}_("] {
        for length in 0..100 {
            let plain = characters.repeat(10).chars().take(length).collect::<String>();
            assert_eq!(text(&plain), naive_json(&plain));
            for (at, _) in plain.char_indices() {
                for character in SPECIAL.chars() {
                    let special = format!("{}{character}{}", &plain[..at], &plain[at..]);
                    assert_eq!(text(&special), naive_json(&special));
                }
            }
        }
    }
}

/// Texts with many characters that need an escape, at all distances from each other.
fn texts() -> impl Strategy<Value = String> {
    let special = prop::sample::select(SPECIAL.chars().collect::<Vec<_>>());
    let character = prop_oneof![6 => prop::char::range('a', 'z'), 2 => special, 1 => any::<char>()];
    prop::collection::vec(character, 0..80).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn both_ways_to_find_special_bytes_are_the_same(chunk in prop::array::uniform16(any::<u8>())) {
        prop_assert_eq!(special_bits(chunk), special_bits_anywhere(chunk));
    }

    #[test]
    fn every_text_arrives_as_it_is_and_ends_nothing(first in texts(), second in texts()) {
        let value = BTreeMap::from([(first.as_str(), second.as_str())]);
        let json = text(&value);
        prop_assert_eq!(&json, &format!("{{{}:{}}}", naive_json(&first), naive_json(&second)));
        let read: BTreeMap<String, String> = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read, BTreeMap::from([(first.clone(), second.clone())]));
        let ends = |character: char| matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}');
        prop_assert!(!json.contains(ends), "{}", json);

        // In a script it is a string in single quotes, with one more escape for each of two characters.
        let mut direct = JsonWriter::after(Vec::new(), Quoting::InScript);
        value.serialize(&mut direct).unwrap();
        let mut copied = JsonWriter::after(Vec::new(), Quoting::InScript);
        copied.json(json.as_bytes());
        let expected = json.replace('\\', "\\\\").replace('\'', "\\'");
        prop_assert_eq!(copied.is_same_here(json.as_bytes()), expected == json);
        prop_assert_eq!(String::from_utf8(direct.into_bytes()).unwrap(), expected.clone());
        prop_assert_eq!(String::from_utf8(copied.into_bytes()).unwrap(), expected);
    }
}
