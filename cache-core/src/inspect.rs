//! Reports on the current state of a cache.

pub(crate) mod counts;
pub(crate) mod key_text;
pub(crate) mod scan;

use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::commit_log::CommitRecord;
use crate::event::RemovalCause;
use crate::options::Bound;
use crate::query::Query;
use crate::shard::key::AnyEntry;
use crate::table::entry::EntryState;
use crate::typed::entry_of;

/// A report on a cache. Print it with `{}`, or serialise it for a tool.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// Revision of the last commit; 0 before the first.
    pub revision: u64,
    /// Calls of listeners that ended in a panic.
    pub listener_panics: u64,
    /// One report for each table, in the order of the registry; the dynamic table is the last.
    pub tables: Vec<TableReport>,
    /// The last commits, oldest first; empty while they are not logged.
    pub commits: Vec<CommitRecord>,
}

/// A report on one table.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct TableReport {
    /// Name of the table.
    pub name: &'static str,
    /// The bound that it was built with.
    #[serde(serialize_with = "bound_as_text")]
    pub bound: Option<Bound>,
    /// Entries that the table itself keeps alive.
    pub residents: usize,
    /// Entries that a pin keeps alive.
    pub pinned: usize,
    /// Entries that only the program keeps alive.
    pub survivors: usize,
    /// Keys whose value is gone and that will be removed.
    pub dead: usize,
    /// Pinned keys, with or without an entry.
    pub pins: usize,
    /// Size of the index of [tags of individual entries](crate::Query::TAGS_OF): each key of the table, dead
    /// ones included, counts once for each of its tags.
    pub indexed_tags: usize,
    /// Sum of the weights of the residents.
    pub weight: u64,
    /// Reads that found a value. Counted without synchronisation: reads of one shard at the same instant may be
    /// counted as one.
    pub hits: u64,
    /// Reads that found none. Counted like the hits.
    pub misses: u64,
    /// Values that left the table, by cause.
    pub removals: RemovalCounts,
    /// The entries, if they were requested.
    pub entries: Vec<EntryReport>,
}

/// How many values left a table, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RemovalCounts {
    /// Pushed out by the bound.
    pub evicted: u64,
    /// Past their time to live or to idle.
    pub expired: u64,
    /// Removed by the user.
    pub removed: u64,
    /// Overwritten.
    pub replaced: u64,
    /// Removed by `clear`.
    pub cleared: u64,
}

/// One entry of any table, as passed by [`Cache::for_each`](crate::Cache::for_each).
#[derive(Debug)]
pub struct EntryView {
    table: &'static str,
    entry: Box<dyn AnyEntry>,
    state: EntryState,
}

impl EntryView {
    pub(crate) fn new(table: &'static str, entry: Box<dyn AnyEntry>, state: EntryState) -> Self {
        Self { table, entry, state }
    }

    /// Returns the name of the table.
    #[must_use]
    pub fn table(&self) -> &'static str {
        self.table
    }

    /// Returns the key for printing; `(secret)` if its query is derived with `secret`.
    #[must_use]
    pub fn key(&self) -> &dyn Debug {
        &*self.entry
    }

    /// Returns the state of the entry at the moment of the read.
    #[must_use]
    pub fn state(&self) -> EntryState {
        self.state
    }

    /// Returns key and value, if the entry is in the table of `Q`.
    #[must_use]
    pub fn of<Q: Query>(&self) -> Option<(&Q, &Arc<Q::Value>)> {
        entry_of::<Q>(&*self.entry).and_then(|(key, value)| Some((key, value?)))
    }
}

/// One entry, with its key as text.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EntryReport {
    /// The key, as its `Debug` prints it; `(secret)` if its query is derived with `secret`.
    pub key: String,
    /// How many handles of the value the program has, besides that of the cache.
    pub holders: usize,
    /// Its state.
    #[serde(flatten)]
    pub state: EntryState,
}

impl TableReport {
    /// Returns the number of readable entries.
    #[must_use]
    pub fn live(&self) -> usize {
        self.residents + self.pinned + self.survivors
    }

    /// Returns the ratio of hits to reads, from 0 to 1; `None` before the first read.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    pub fn hit_ratio(&self) -> Option<f64> {
        let reads = self.hits + self.misses;
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }

    fn columns(&self) -> [String; 10] {
        [
            self.name.to_owned(),
            bound_text(self.bound),
            self.residents.to_string(),
            self.pinned.to_string(),
            self.survivors.to_string(),
            self.hits.to_string(),
            self.misses.to_string(),
            self.hit_ratio().map_or("-".to_owned(), |ratio| format!("{:.1}%", ratio * 100.0)),
            self.removals.evicted.to_string(),
            self.removals.expired.to_string(),
        ]
    }
}

impl Inspection {
    /// Returns the number of reads that found a value, of all tables.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.tables.iter().map(|table| table.hits).sum()
    }

    /// Returns the number of reads that found none, of all tables.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.tables.iter().map(|table| table.misses).sum()
    }
}

impl RemovalCounts {
    /// Returns how many values left, for any cause.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.evicted + self.expired + self.removed + self.replaced + self.cleared
    }

    pub(crate) fn add(&mut self, counts: [u64; RemovalCause::COUNT]) {
        let of = |cause: RemovalCause| counts[cause as usize];
        self.evicted += of(RemovalCause::Evicted);
        self.expired += of(RemovalCause::Expired);
        self.removed += of(RemovalCause::Removed);
        self.replaced += of(RemovalCause::Replaced);
        self.cleared += of(RemovalCause::Cleared);
    }
}

fn bound_text(bound: Option<Bound>) -> String {
    match bound {
        Some(Bound::Capacity(limit)) => format!("capacity {limit}"),
        Some(Bound::Lru(limit)) => format!("lru {limit}"),
        Some(Bound::Weight(limit)) => format!("weight {limit}"),
        None => "none".to_owned(),
    }
}

/// Serialises a bound as text, such as `capacity 500`.
pub(crate) fn bound_as_text<S: Serializer>(bound: &Option<Bound>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&bound_text(*bound))
}

const COLUMNS: [&str; 10] =
    ["table", "bound", "resident", "pinned", "survivors", "hits", "misses", "ratio", "evicted", "expired"];

/// Writes a row. The first column is flush left. The others, mostly numbers, are flush right.
fn write_columns(f: &mut fmt::Formatter<'_>, cells: [&str; 10], widths: &[usize; 10]) -> fmt::Result {
    let [(name, width), rest @ ..] = std::array::from_fn::<_, 10, _>(|at| (cells[at], widths[at]));
    write!(f, "{name:width$}")?;
    rest.iter().try_for_each(|(cell, width)| write!(f, "  {cell:>width$}"))?;
    writeln!(f)
}

impl Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.tables.iter().map(TableReport::columns).collect();
        let widths = COLUMNS.map(str::len);
        let widths = rows
            .iter()
            .fold(widths, |widths, row| std::array::from_fn(|column| widths[column].max(row[column].len())));
        write_columns(f, COLUMNS, &widths)?;
        for (table, row) in self.tables.iter().zip(&rows) {
            write_columns(f, row.each_ref().map(String::as_str), &widths)?;
            for entry in &table.entries {
                let EntryState { revision, age, freshness, residency, .. } = entry.state;
                writeln!(
                    f,
                    "  {}  revision {revision}, age {age:?}, {freshness:?}, {residency:?}",
                    entry.key
                )?;
            }
        }
        for commit in &self.commits {
            let label = commit.label.as_deref().unwrap_or("-");
            writeln!(f, "commit {}  {label}  {}", commit.revision, commit.tables.join(", "))?;
        }
        write!(f, "revision {}", self.revision)
    }
}

#[cfg(test)]
mod tests;
