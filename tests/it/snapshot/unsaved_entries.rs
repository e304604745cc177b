//! Entries that cannot be saved, or would not come back: each is skipped alone, wherever it is, and is named.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use cache_core::{Holds, SaveReport, SkipReason, SnapshotError, TableSave};
use serde::{Deserializer, Serializer};

use super::*;

/// Hides the content of a value from its shape, so that each entry is read back.
#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
pub struct Opaque<T>(#[shape(opaque)] pub T);

/// Refuses odd numbers when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Shape, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Even(u32);

impl TryFrom<u32> for Even {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if number.is_multiple_of(2) { Ok(Self(number)) } else { Err(format!("{number} is odd")) }
    }
}

impl From<Even> for u32 {
    fn from(even: Even) -> Self {
        even.0
    }
}

/// Cannot be read once it has a number of 128 bits, since serde keeps the fields until it knows the tag.
#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
#[shape(self_describing)]
#[serde(tag = "kind")]
pub enum Tagged {
    Small { number: u128 },
    Text { text: String },
}

/// Reads back as a different text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Shape, Serialize)]
pub struct Lower(String);

impl<'de> Deserialize<'de> for Lower {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.to_lowercase()))
    }
}

/// Counts how often it is written, and is written as the count.
#[derive(Debug, Default)]
pub struct Written(AtomicU64);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|count| Self(AtomicU64::new(count)))
    }
}

/// Has the shape of a plain number, but is written differently if it is 7.
#[derive(Clone, Debug, PartialEq, Shape, Deserialize)]
pub struct Promise(u32);

impl Serialize for Promise {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            7 => serializer.serialize_newtype_struct("Promise", "seven"),
            number => serializer.serialize_newtype_struct("Promise", &number),
        }
    }
}

macro_rules! queries {
    ($($name:ident: $value:ty, $codec:literal;)*) => {
        $(
            #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
            #[query(value = $value, lru = 10_000, persist, codec = $codec)]
            pub struct $name(pub u32);
        )*

        registry! {
            pub struct Unsaved { $($name,)* ByText }
        }
    };
}

queries! {
    NumberInJson: Opaque<f64>, "json";
    MaybeInJson: Opaque<Option<f64>>, "json";
    EvenInBincode: Opaque<Even>, "bincode";
    EvenInPostcard: Even, "postcard";
    UnitsInBincode: Opaque<Vec<()>>, "bincode";
    UnitsInPostcard: Opaque<Vec<()>>, "postcard";
    TaggedInJson: Tagged, "json";
    PathInBincode: PathBuf, "bincode";
    PathInJson: PathBuf, "json";
    TimeInPostcard: SystemTime, "postcard";
    Maps: Opaque<HashMap<String, HashSet<u32>>>, "bincode";
    MapsInJson: Opaque<HashMap<String, HashSet<u32>>>, "json";
    Counting: Opaque<Written>, "bincode";
    Promised: Promise, "bincode";
}

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u32, lru = 10_000, persist)]
pub struct ByText(pub Lower);

fn unsaved() -> Cache<Unsaved> {
    Cache::builder()
        .register::<Opaque<Even>>("even")
        .register::<PathBuf>("path")
        .register::<Tagged>("tagged")
        .build()
        .unwrap()
}

/// Returns a cache with `count` entries of `Q`, least recently used first.
fn filled<Q: Query>(count: u32, key: fn(u32) -> Q, value: impl Fn(u32) -> Q::Value) -> Cache<Unsaved>
where
    Unsaved: Holds<Q>,
    Q::Value: Sized,
{
    let cache = unsaved();
    (0..count).for_each(|id| drop(cache.insert(key(id), value(id))));
    cache
}

#[track_caller]
fn only_table(report: &SaveReport) -> &TableSave {
    let mut tables = report.tables.iter().filter(|table| table.entries > 0 || table.skipped.count > 0);
    let table = tables.next().expect("a table has entries");
    assert!(tables.next().is_none());
    table
}

/// Saves a table with one entry that does not read back. The report names it, the others come back, and on
/// request it fails the save.
#[track_caller]
fn one_is_left_out(cache: &Cache<Unsaved>, key: &str, why: &str) {
    let entries = cache.len();
    let mut bytes = Vec::new();
    let report = cache.save_to(&mut bytes).unwrap();
    let table = only_table(&report);
    assert!(table.is_verified);
    assert_eq!((table.entries, table.skipped.count), (entries as u64 - 1, 1));
    let [entry] = &table.skipped.named[..] else { panic!("one entry is named: {report}") };
    assert_eq!(entry.key.as_deref(), Some(key));
    assert!(
        matches!(&entry.reason, SkipReason::Unreadable { reason, .. } if reason.contains(why)),
        "{entry}"
    );
    assert!(report.to_string().contains(key), "{report}");

    let restored = unsaved();
    let report = restore(&restored, &bytes);
    assert_eq!((report.restored(), restored.len()), (entries as u64 - 1, entries - 1));
    assert!(report.tables.iter().all(|table| table.skipped_entries.count == 0), "{report}");

    let error = cache.save_options().skip_unreadable(false).write_to(std::io::sink()).unwrap_err();
    let SnapshotError::Unreadable { key: named, .. } = &error else { panic!("another error: {error}") };
    assert_eq!(named, key);
}

#[test]
fn only_a_number_that_json_cannot_write_is_left_out() {
    let value = |id| Opaque(if id == 63 { f64::NAN } else { f64::from(id) });
    one_is_left_out(&filled(100, NumberInJson, value), "NumberInJson(63)", "");
}

#[test]
fn a_value_that_would_come_back_as_none_is_left_out() {
    let value = |id| Opaque(Some(if id == 7 { f64::INFINITY } else { f64::from(id) }).filter(|_| id != 3));
    one_is_left_out(&filled(100, MaybeInJson, value), "MaybeInJson(7)", "infinite or NaN");
}

#[test]
fn only_a_value_that_its_own_type_refuses_is_left_out() {
    let value = |id| Opaque(Even(if id == 501 { id } else { 2 * id }));
    one_is_left_out(&filled(1000, EvenInBincode, value), "EvenInBincode(501)", "501 is odd");
    // Also in the middle of thousands, of which each thread encodes some.
    one_is_left_out(&filled(10_000, EvenInPostcard, |id| value(id).0), "EvenInPostcard(501)", "");
}

#[test]
fn a_sequence_too_long_for_its_bytes_is_left_out_though_shorter_ones_are_read() {
    let value = |id| Opaque(vec![(); if id == 1 { 20_000 } else { 5_000 }]);
    one_is_left_out(&filled(3, UnitsInBincode, value), "UnitsInBincode(1)", "");
    one_is_left_out(&filled(3, UnitsInPostcard, value), "UnitsInPostcard(1)", "");
}

#[test]
fn a_tagged_variant_that_serde_cannot_read_is_left_out() {
    let value = |id| match id {
        4 => Tagged::Small { number: u128::MAX },
        id => Tagged::Text { text: id.to_string() },
    };
    one_is_left_out(&filled(10, TaggedInJson, value), "TaggedInJson(4)", "");
    let cache = unsaved();
    (0..10).for_each(|id| drop(cache.dynamic().insert::<Tagged>(id.to_string(), value(id))));
    one_is_left_out(&cache, "4", "");
}

#[test]
fn a_key_that_reads_back_as_another_is_left_out() {
    let cache = unsaved();
    for text in ["one", "two", "Three", "four"] {
        cache.insert(ByText(Lower(text.to_owned())), 1u32);
    }
    one_is_left_out(&cache, "ByText(Lower(\"Three\"))", "its key reads back as ByText(Lower(\"three\"))");
}

#[test]
fn a_dynamic_value_that_does_not_read_back_is_left_out() {
    let cache = unsaved();
    for number in [2, 4, 5, 6] {
        cache.dynamic().insert::<Opaque<Even>>(number.to_string(), Opaque(Even(number)));
    }
    one_is_left_out(&cache, "5", "5 is odd");
}

/// An entry that cannot be encoded fails the save, or is left out on request.
#[track_caller]
fn one_fails_the_save(cache: &Cache<Unsaved>, key: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    std::fs::write(&path, "old").unwrap();
    let error = cache.save(&path).unwrap_err();
    let SnapshotError::Encode { key: named, .. } = &error else { panic!("another error: {error}") };
    assert_eq!(named, key);
    assert_eq!(std::fs::read(&path).unwrap(), b"old");

    let report = cache.save_options().skip_unencodable(true).write_file(&path).unwrap();
    let table = only_table(&report);
    let [entry] = &table.skipped.named[..] else { panic!("one entry is named: {report}") };
    assert_eq!(entry.key.as_deref(), Some(key));
    assert!(matches!(entry.reason, SkipReason::Unencodable { .. }), "{entry}");
    let restored = unsaved();
    assert_eq!(restored.restore(&path).unwrap().restored(), table.entries);
    assert_eq!(restored.len(), cache.len() - 1);
}

#[test]
fn a_time_before_1970_fails_the_save_or_is_left_out_on_request() {
    let value = |id| match id {
        700 => UNIX_EPOCH - Duration::from_secs(1),
        id => UNIX_EPOCH + Duration::from_secs(id.into()),
    };
    one_fails_the_save(&filled(2000, TimeInPostcard, value), "TimeInPostcard(700)");
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf8_fails_the_save_or_is_left_out_on_request() {
    use std::os::unix::ffi::OsStringExt;

    fn value(id: u32) -> PathBuf {
        let name = if id == 2 { vec![b'p', 0xff] } else { vec![b'p'] };
        std::ffi::OsString::from_vec(name).into()
    }
    one_fails_the_save(&filled(3, PathInBincode, value), "PathInBincode(2)");
    // JSON has written the beginning of the entry by then.
    one_fails_the_save(&filled(3, PathInJson, value), "PathInJson(2)");
    let cache = unsaved();
    (0..3).for_each(|id| drop(cache.dynamic().insert::<PathBuf>(id.to_string(), value(id))));
    one_fails_the_save(&cache, "2");
}

#[test]
fn maps_and_sets_that_come_back_in_another_order_are_what_they_were() {
    let value = |id: u32| {
        let set = |first: u32| (first..first + 20).collect::<HashSet<_>>();
        Opaque((0..20).map(|name| (format!("name {name}"), set(id * name))).collect::<HashMap<_, _>>())
    };
    for cache in [filled(20, Maps, value), filled(20, MapsInJson, value)] {
        let report = cache.save_options().skip_unreadable(false).write_to(std::io::sink()).unwrap();
        assert_eq!((only_table(&report).entries, only_table(&report).skipped.count), (20, 0));
    }
}

#[test]
fn a_value_that_changes_while_it_is_saved_is_saved_as_it_was_at_one_moment() {
    let cache = filled(5, Counting, |_| Opaque(Written::default()));
    let report = cache.save_options().skip_unreadable(false).write_to(std::io::sink()).unwrap();
    assert_eq!(only_table(&report).entries, 5);
}

#[test]
fn a_table_of_nothing_but_bad_entries_is_saved_without_any() {
    let cache = filled(5000, EvenInBincode, |id| Opaque(Even(2 * id + 1)));
    let (mut bytes, mut steps) = (Vec::new(), Vec::new());
    let save = |threads| cache.save_options().threads(threads);
    let report = save(4).on_progress(|done, of| steps.push((done, of))).write_to(&mut bytes).unwrap();
    let skipped = &only_table(&report).skipped;
    assert_eq!((report.entries(), skipped.count, skipped.named.len()), (0, 5000, 1000));
    assert!(report.to_string().contains("left out 5000 entries") && report.to_string().lines().count() < 20);
    assert_eq!(steps.last(), Some(&(5000, 5000)));
    let alone = save(1).write_to(std::io::sink()).unwrap();
    assert_eq!(alone.tables, report.tables);
    assert_eq!(restore(&unsaved(), &bytes).restored(), 0);
}

#[test]
fn only_tables_that_their_shapes_do_not_vouch_for_are_read_back() {
    let cache = filled(3, EvenInBincode, |id| Opaque(Even(2 * id)));
    (0..3).for_each(|id| drop(cache.insert(PathInBincode(id), PathBuf::from("p"))));
    let verified = |report: SaveReport| {
        let tables = report.tables.into_iter().filter(|table| table.is_verified);
        tables.map(|table| table.name).collect::<Vec<_>>()
    };
    let usual = verified(cache.save_to(std::io::sink()).unwrap());
    assert!(usual.contains(&"even_in_bincode".to_owned()) && usual.contains(&"dynamic".to_owned()));
    assert!(!usual.contains(&"path_in_bincode".to_owned()));
    let all = verified(cache.save_options().verify_all().write_to(std::io::sink()).unwrap());
    assert!(all.contains(&"path_in_bincode".to_owned()));
}

#[test]
fn a_shape_that_promises_too_much_costs_one_entry_at_the_restore_or_with_verify_all_at_the_save() {
    let cache = filled(100, Promised, Promise);
    let mut bytes = Vec::new();
    let report = cache.save_to(&mut bytes).unwrap();
    assert_eq!((only_table(&report).entries, only_table(&report).is_verified), (100, false));
    let report = restore(&unsaved(), &bytes);
    let skipped: Vec<_> = report.tables.iter().flat_map(|table| &table.skipped_entries.named).collect();
    assert!(matches!(&skipped[..], [entry] if entry.key.as_deref() == Some("Promised(7)")), "{report}");

    let report = cache.save_options().verify_all().write_to(std::io::sink()).unwrap();
    let [entry] = &only_table(&report).skipped.named[..] else { panic!("one is left out: {report}") };
    assert_eq!(entry.key.as_deref(), Some("Promised(7)"));
}

#[test]
fn a_first_entry_that_does_not_read_back_has_all_entries_read_back() {
    let cache = filled(100, Promised, |id| Promise(if id % 10 == 0 { 7 } else { id }));
    let report = cache.save_to(std::io::sink()).unwrap();
    let table = only_table(&report);
    assert!(table.is_verified);
    assert_eq!(table.skipped.count, 11, "entries whose number is 7, one of which also has it as its id");
}
