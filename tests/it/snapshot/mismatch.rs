//! Snapshots of another build of the program, damaged snapshots, and types that their codec cannot store.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use cache_core::{BuildError, Damage, SkipReason, SnapshotError};

use super::*;

/// The same program, built after its types were changed.
mod later {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
    pub struct Book {
        pub title: String,
        pub pages: u64,
    }

    #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[query(value = Book, capacity = 10_000, persist)]
    pub struct GetBook {
        pub id: u64,
    }

    #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[query(value = String, lru = 4, persist, codec = "json")]
    pub struct GetRecent(pub u32);

    #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[query(value = u64, ttl = "10s", persist, version = 2)]
    pub struct GetQuote(pub String);

    #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = u64, tti = "10s")]
    pub struct GetSession(pub u32);

    registry! {
        pub struct Library {
            GetBook,
            GetRecent,
            GetQuote,
            GetSession,
            super::GetBlob,
        }
    }
}

#[test]
fn tables_that_have_changed_are_skipped_with_the_reason_and_the_others_restored() {
    let (cache, _) = library();
    cache.insert(GetBook { id: 1 }, book(1));
    cache.insert(GetRecent(1), "r".to_owned());
    cache.insert(GetQuote("q".to_owned()), 1u64);
    cache.insert(GetSession(1), 1u64);
    cache.insert(GetBlob(1), vec![1]);
    let _pin = cache.pin(&GetText(1));
    cache.insert(GetText(1), "t");
    let later = Cache::<later::Library>::new();
    let report = restore(&later, &saved(&cache));
    let reason = |name: &str| {
        let (_, skipped) = report.skipped().find(|(table, _)| *table == name).unwrap();
        assert_eq!(skipped.entries, 1);
        skipped.reason.clone()
    };
    assert_eq!(reason("get_book"), SkipReason::ShapeChanged);
    assert!(matches!(reason("get_recent"), SkipReason::CodecChanged { .. }));
    assert!(matches!(reason("get_quote"), SkipReason::VersionChanged { now: 2, .. }));
    assert_eq!(reason("get_session"), SkipReason::NotPersisted);
    assert_eq!(reason("get_text"), SkipReason::UnknownTable);
    assert_eq!((report.restored(), later.len()), (1, 1));
    assert_eq!(*later.get(&GetBlob(1)).unwrap(), [1]);
}

/// Returns everything readable, as text.
fn content<R: Registry>(cache: &Cache<R>) -> impl PartialEq + Debug + use<R> {
    let mut entries: Vec<String> = cache
        .inspect_entries()
        .tables
        .iter()
        .flat_map(|table| &table.entries)
        .map(|entry| format!("{entry:?}"))
        .collect();
    entries.sort();
    (entries, cache.revision())
}

#[test]
fn a_damaged_snapshot_is_an_error_and_leaves_the_cache_as_it_was() {
    let (cache, _) = library();
    for id in 1..=5 {
        cache.insert(GetBook { id }, book(id));
    }
    let mut bytes = saved(&cache);
    let third = bytes.windows(6).position(|bytes| bytes == b"book 3").unwrap();
    bytes[third] ^= 0x20;

    let (other, _) = library();
    other.insert(GetBook { id: 3 }, book(33));
    let before = content(&other);
    let error = other.restore_from(&bytes[..]).unwrap_err();
    assert!(matches!(error, SnapshotError::Damaged { damage: Damage::Checksum { .. }, .. }), "{error}");
    assert_eq!(content(&other), before);
}

#[test]
fn every_cut_and_every_changed_byte_is_an_error_that_changes_nothing() {
    let (cache, _) = library();
    cache.insert(GetBook { id: 1 }, book(1));
    let whole = saved(&cache);
    let (other, _) = library();
    other.insert(GetBook { id: 1 }, book(2));
    let before = content(&other);
    for position in 0..whole.len() {
        other.restore_from(&whole[..position]).unwrap_err();
        let mut changed = whole.clone();
        changed[position] ^= 1 << (position % 8);
        other.restore_from(&changed[..]).unwrap_err();
    }
    assert_eq!(content(&other), before);
}

#[test]
fn the_error_says_that_a_file_is_not_a_snapshot() {
    let (cache, _) = library();
    for bytes in [&b""[..], b"0123456789"] {
        assert!(matches!(cache.restore_from(bytes), Err(SnapshotError::NotASnapshot)));
    }
    let mut newer = saved(&cache);
    newer[8..12].copy_from_slice(&7u32.to_le_bytes());
    let error = cache.restore_from(&newer[..]).unwrap_err();
    assert!(error.to_string().contains("version 7"), "{error}");
}

#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
#[shape(self_describing)]
#[serde(untagged)]
pub enum Loose {
    Number(u32),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
pub struct Answer {
    loose: Vec<Loose>,
}

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Answer, capacity = 10, persist)]
pub struct InBincode;

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Answer, capacity = 10, persist, codec = "json")]
pub struct InJson;

/// Hides its content from `Shape`.
#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
pub struct Hidden {
    #[shape(opaque)]
    loose: Loose,
}

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Hidden, capacity = 10, persist)]
pub struct InHiding(pub u32);

registry! {
    pub struct Wrong { InBincode }
}

registry! {
    pub struct Right { InJson, InHiding }
}

#[test]
fn a_self_describing_type_in_a_binary_codec_fails_the_build_and_is_named() {
    let error = Cache::<Wrong>::builder().build().unwrap_err();
    assert!(matches!(error, BuildError::Codec { table: "in_bincode", .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("Loose") && text.contains("codec = \"json\""), "{text}");
}

/// Creates a registry of one query whose value is saved in JSON.
macro_rules! in_json {
    ($($module:ident $type:ty;)*) => {$(
        mod $module {
            use super::*;

            #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
            #[query(value = $type, capacity = 10, persist, codec = "json")]
            pub struct Answer;

            registry! {
                pub struct Only { Answer }
            }

            pub fn error() -> Option<BuildError> {
                Cache::<Only>::builder().build().err()
            }
        }
    )*};
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Shape, Serialize, Deserialize)]
pub enum Kind {
    Text,
    Link,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Shape, Serialize, Deserialize)]
pub struct Id(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Shape, Serialize, Deserialize)]
pub struct Place {
    id: Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Shape, Serialize, Deserialize)]
pub enum Owner {
    Nobody,
    One(Id),
}

#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
pub struct Marker;

#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
pub struct Wrapped<T>(T);

#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
pub struct Newtype(Option<u8>);

#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
pub struct Hiding {
    #[shape(opaque)]
    inside: Option<Option<u8>>,
}

/// Written as a string in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Shape, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct AsText(u8, u8);

impl From<String> for AsText {
    fn from(text: String) -> Self {
        let mut bytes = text.bytes();
        Self(bytes.next().unwrap_or(0), bytes.next().unwrap_or(0))
    }
}

impl From<AsText> for String {
    fn from(AsText(first, second): AsText) -> Self {
        Self::from_iter([char::from(first), char::from(second)])
    }
}

in_json! {
    optional_twice Option<Option<u8>>;
    optional_unit Vec<Option<()>>;
    optional_marker Option<Marker>;
    optional_phantom Option<std::marker::PhantomData<u8>>;
    optional_in_box Wrapped<Option<Box<Option<String>>>>;
    optional_newtype Result<Option<Newtype>, u8>;
    keys_of_tuples HashMap<(u8, u8), u8>;
    keys_of_lists BTreeMap<Vec<u8>, u8>;
    keys_of_structs BTreeMap<Place, u8>;
    keys_with_fields Option<BTreeMap<Owner, u8>>;
    keys_of_options BTreeMap<Option<u8>, u8>;
    keys_of_units BTreeMap<(), u8>;
    keys_of_times BTreeMap<std::time::Duration, u8>;

    optional_values Option<(Option<u8>, Vec<Option<f64>>, Option<Place>, Option<Owner>, Option<Vec<()>>)>;
    keys_of_texts (BTreeMap<Box<str>, u8>, HashMap<String, HashMap<char, u8>>, BTreeMap<std::net::IpAddr, u8>);
    keys_of_numbers (BTreeMap<u128, u8>, BTreeMap<i8, u8>, BTreeMap<bool, u8>, BTreeMap<std::num::NonZeroU8, u8>);
    keys_of_kinds (HashMap<Kind, u8>, BTreeMap<Id, Option<Kind>>);
    keys_that_convert HashMap<AsText, u8>;
    hidden_from_the_shape (Hiding, Option<serde_json::Value>);
}

#[test]
fn what_json_cannot_distinguish_fails_the_build_and_is_named() {
    for (table, error, culprit) in [
        ("optional_twice", optional_twice::error(), "option::Option<core::option::Option<u8>>`"),
        ("optional_unit", optional_unit::error(), "option::Option<()>`"),
        ("optional_marker", optional_marker::error(), "mismatch::Marker>`"),
        ("optional_phantom", optional_phantom::error(), "PhantomData<u8>>`"),
        (
            "optional_in_box",
            optional_in_box::error(),
            "option::Option<alloc::boxed::Box<core::option::Option<",
        ),
        ("optional_newtype", optional_newtype::error(), "mismatch::Newtype>`"),
    ] {
        let text = error.unwrap_or_else(|| panic!("{table} was built")).to_string();
        assert!(
            text.starts_with("table `answer`: codec \"json\" cannot save `core::option::Option<"),
            "{text}"
        );
        assert!(text.contains(culprit) && text.contains("both as `None` and as a `Some`"), "{text}");
        assert!(text.ends_with("or another codec, as with `codec = \"bincode\"` in the query"), "{text}");
    }
}

#[test]
fn maps_whose_keys_have_no_form_in_json_fail_the_build_and_are_named() {
    for (error, culprit) in [
        (keys_of_tuples::error(), "HashMap<(u8, u8), u8>`"),
        (keys_of_lists::error(), "BTreeMap<alloc::vec::Vec<u8>, u8>`"),
        (keys_of_structs::error(), "mismatch::Place, u8>`"),
        (keys_with_fields::error(), "mismatch::Owner, u8>`"),
        (keys_of_options::error(), "BTreeMap<core::option::Option<u8>, u8>`"),
        (keys_of_units::error(), "BTreeMap<(), u8>`"),
        (keys_of_times::error(), "BTreeMap<core::time::Duration, u8>`"),
    ] {
        let text = error.unwrap_or_else(|| panic!("{culprit} was built")).to_string();
        assert!(text.contains(culprit) && text.contains("its keys are not strings"), "{text}");
        assert!(text.contains("table `answer`") && text.contains("codec = \"bincode\""), "{text}");
    }
}

#[test]
fn what_json_distinguishes_or_decides_when_it_is_saved_is_built() {
    for error in [
        optional_values::error(),
        keys_of_texts::error(),
        keys_of_numbers::error(),
        keys_of_kinds::error(),
        keys_that_convert::error(),
        hidden_from_the_shape::error(),
    ] {
        assert!(error.is_none(), "{error:?}");
    }
}

#[derive(Shape, Serialize, Deserialize)]
struct Both {
    loose: Loose,
    twice: Option<Option<u8>>,
}

#[test]
fn a_dynamic_type_that_no_codec_can_carry_fails_the_build_and_is_named() {
    let error = Cache::<Right>::builder().register::<Both>("both").build().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("mismatch::Both`") && text.contains("Option<core::option::Option<u8>>`"), "{text}");
    // bincode distinguishes them.
    Cache::<Right>::builder().register::<Option<Option<u8>>>("twice").build().unwrap();
}

#[test]
fn a_self_describing_type_in_json_is_saved_and_restored() {
    let cache = Cache::<Right>::new();
    let answer = Answer { loose: vec![Loose::Text("t".to_owned()), Loose::Number(3)] };
    cache.insert(InJson, answer.clone());
    let restored = Cache::<Right>::new();
    restore(&restored, &saved(&cache));
    assert_eq!(*restored.get(&InJson).unwrap(), answer);
}

#[test]
fn a_self_describing_type_behind_an_opaque_field_is_named_with_the_way_out_or_fails_the_save() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.snapshot");
    let cache = Cache::<Right>::new();
    cache.save(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    cache.insert(InHiding(7), Hidden { loose: Loose::Number(1) });
    let error = cache.save_options().skip_unreadable(false).write_file(&path).unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), before, "the old file is unchanged");
    let report = cache.save(&path).unwrap();
    assert_eq!(report.entries(), 0);
    for text in [error.to_string(), report.to_string()] {
        for part in ["in_hiding", "InHiding(7)", "codec = \"json\""] {
            assert!(text.contains(part), "{text}");
        }
    }
}
