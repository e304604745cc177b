//! Snapshots of another build of the program, damaged ones, and types that their codec cannot carry.

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

/// Everything readable, as text.
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
fn what_is_no_snapshot_is_said_to_be_none() {
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

/// Hides from `Shape` what it holds.
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
    assert_eq!(std::fs::read(&path).unwrap(), before, "the old file is untouched");
    let report = cache.save(&path).unwrap();
    assert_eq!(report.entries(), 0);
    for text in [error.to_string(), report.to_string()] {
        for part in ["in_hiding", "InHiding(7)", "codec = \"json\""] {
            assert!(text.contains(part), "{text}");
        }
    }
}
