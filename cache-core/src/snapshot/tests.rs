//! Tests of the snapshot internals: round trips, damage, hostile input. The `tests` package tests the
//! behaviour of whole caches.

mod damage;
mod dynamic;
mod hostile;
mod round_trip;

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::codec::Bincode;
use super::error::SnapshotError;
use super::frames::SaveRules;
use super::persistence::{Persistence, TableCodec};
use super::reader::{Section, Snapshot};
use super::report::{SaveReport, SkipReason, SkippedEntries};
use super::shape::{Shape, ShapeVisitor};
use super::table_image::TableImage;
use super::table_image::write_snapshot;
use crate::clock::Nanos;
use crate::entry_times::OwnTimes;
use crate::query::Query;
use crate::shard::saved_entries::{Downtime, Entries, EntryMeta};
use crate::typed::{Pair, Pairs};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct GetBook {
    pub id: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Book {
    pub title: String,
    pub pages: u32,
    pub tags: Vec<String>,
    pub rating: Option<f32>,
}

impl Shape for GetBook {
    fn shape(visitor: &mut ShapeVisitor) {
        u64::shape(visitor);
    }
}

impl Shape for Book {
    fn shape(visitor: &mut ShapeVisitor) {
        <(String, u32, Vec<String>, Option<f32>)>::shape(visitor);
    }
}

impl Query for GetBook {
    type Value = Book;
    const NAME: &'static str = "get_book";

    fn persistence() -> Option<Persistence<Self>> {
        Some(Persistence::shaped::<Bincode>(0))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct CountBooks;

impl Query for CountBooks {
    type Value = u64;
    const NAME: &'static str = "count_books";
}

/// A key, its value, and all that is kept about them.
pub(super) struct SavedEntry<Q: Query> {
    pub key: Q,
    pub value: Arc<Q::Value>,
    pub meta: EntryMeta,
}

/// What came out of the blocks of a table.
pub(super) struct Loaded<Q: Query> {
    pub entries: Vec<SavedEntry<Q>>,
    pub skipped: SkippedEntries,
}

/// Returns the image of a table that has these entries, in this order.
pub(super) fn image<'a, Q: Query>(
    name: &'a str,
    codec: &'a dyn TableCodec,
    entries: Vec<SavedEntry<Q>>,
) -> TableImage<'a> {
    let mut pairs = Pairs::default();
    let metas = entries.iter().map(|entry| entry.meta).collect();
    entries.into_iter().for_each(|SavedEntry { key, value, .. }| pairs.push(Some(key), Some(value)));
    TableImage::of_entries(name, codec, Entries { pairs: Box::new(pairs), metas })
}

pub(super) fn plain_meta() -> EntryMeta {
    EntryMeta {
        age: Duration::from_secs(3).into(),
        idle: Duration::from_millis(1500).into(),
        own: OwnTimes::NONE,
        invalidated: false,
        is_survivor: false,
        rank: 0,
        uses: 0,
    }
}

pub(super) fn books(count: u64) -> Vec<SavedEntry<GetBook>> {
    let book = |id| SavedEntry {
        key: GetBook { id },
        value: Arc::new(Book {
            title: format!("book {id}"),
            pages: id as u32 * 10,
            tags: (0..id % 3).map(|tag| format!("tag {tag}")).collect(),
            rating: (id % 2 == 0).then_some(id as f32 / 2.0),
        }),
        meta: EntryMeta { age: Nanos::new(id + 1), ..plain_meta() },
    };
    (0..count).map(book).collect()
}

pub(super) fn saved_at() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// Writes tables into memory.
#[track_caller]
pub(super) fn save(tables: &mut [TableImage<'_>]) -> Vec<u8> {
    let (bytes, _) = try_save(tables).expect("the tables can be saved");
    bytes
}

pub(super) fn try_save(tables: &mut [TableImage<'_>]) -> Result<(Vec<u8>, SaveReport), SnapshotError> {
    save_by(SaveRules::new(3), tables)
}

pub(super) fn save_by(
    rules: SaveRules,
    tables: &mut [TableImage<'_>],
) -> Result<(Vec<u8>, SaveReport), SnapshotError> {
    let mut bytes = Vec::new();
    let report = write_snapshot(&mut bytes, saved_at(), 42, tables, rules, &mut |_, _| {})?;
    Ok((bytes, report))
}

/// Returns the error of a save that leaves nothing out.
#[track_caller]
pub(super) fn refused<Q: Query>(codec: &Persistence<Q>, entries: Vec<SavedEntry<Q>>) -> SnapshotError {
    let rules = SaveRules { skips_unreadable: false, ..SaveRules::new(3) };
    let image = image(Q::NAME, &codec.codec, entries);
    save_by(rules, &mut [image]).expect_err("an entry cannot be saved")
}

/// Returns the downtime between a save and a restore.
pub(super) fn downtime(elapsed: Duration) -> Downtime {
    Downtime { elapsed: elapsed.into(), invalidates: false }
}

/// Saves one table of `Q`.
#[track_caller]
pub(super) fn save_one<Q: Query>(codec: &Persistence<Q>, entries: Vec<SavedEntry<Q>>) -> Vec<u8> {
    save(&mut [image(Q::NAME, &codec.codec, entries)])
}

/// Verifies `file` and decodes its table of `Q`, without downtime.
#[track_caller]
pub(super) fn load<Q: Query>(codec: &Persistence<Q>, file: &[u8]) -> Result<Loaded<Q>, SkipReason> {
    let snapshot = Snapshot::parse(file).expect("the snapshot is undamaged");
    let section = snapshot.section(Q::NAME).expect("the table is there");
    decoded(section, &codec.codec, downtime(snapshot.elapsed(saved_at())), 3)
}

/// Decodes all blocks of a table.
pub(super) fn decoded<Q: Query>(
    section: &Section<'_>,
    codec: &dyn TableCodec,
    downtime: Downtime,
    threads: usize,
) -> Result<Loaded<Q>, SkipReason> {
    let mut entries = Vec::new();
    let skipped = section.decode(codec, downtime, threads, &mut |block| {
        for number in 0..block.len() {
            let pair: &mut dyn Any = block.pairs.pair_mut(number);
            let pair = pair.downcast_mut::<Pair<Q>>().expect("the codec is that of the query");
            let (key, value) = (pair.key.take().unwrap(), pair.value.take().unwrap());
            entries.push(SavedEntry { key, value, meta: block.metas[number] });
        }
    })?;
    Ok(Loaded { entries, skipped })
}

#[track_caller]
pub(super) fn same<Q: Query>(left: &[SavedEntry<Q>], right: &[SavedEntry<Q>])
where
    Q::Value: PartialEq,
{
    assert_eq!(left.len(), right.len());
    for (index, (left, right)) in left.iter().zip(right).enumerate() {
        assert_eq!(left.key, right.key, "key of entry {index}");
        assert_eq!(left.meta, right.meta, "bookkeeping of entry {index}");
        assert!(left.value == right.value, "value of entry {index}");
    }
}
