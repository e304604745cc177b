//! What a save wrote, and what a restore read. Plain data.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::codec::{CodecError, EncodeError};
use crate::dynamic::Dynamic;
use crate::query::Query;
use crate::shard::key::AnyEntry;
use crate::typed::entry_of;

/// What a save wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SaveReport {
    /// Tables in the snapshot, in registry order.
    pub tables: Vec<TableSave>,
    /// Tables that are not in the snapshot, because their query does not have the option `persist`.
    pub not_persisted: Vec<String>,
    /// Length of the snapshot in bytes.
    pub bytes: u64,
}

/// What a save wrote for one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableSave {
    /// Name of the table.
    pub name: String,
    /// Number of entries written.
    pub entries: u64,
    /// Entries that were left out because they cannot be saved.
    pub skipped: SkippedEntries,
    /// Whether each entry was read back before it was written. `false` if the table is vouched for: see
    /// [`Cache::save`](crate::Cache::save).
    pub is_verified: bool,
}

/// What a restore read, and what it skipped.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct RestoreReport {
    /// There was no file: the cache starts empty. Only `restore_or_new` reports this; elsewhere it is an error.
    pub is_first_start: bool,
    /// Wall-clock time between save and restore; zero when the clock went backwards.
    pub elapsed: Duration,
    /// Tables of the snapshot, in its order.
    pub tables: Vec<TableRestore>,
    /// Entries of tables that keep nothing.
    #[serde(skip)]
    pub(crate) kept: Vec<Box<dyn AnyEntry>>,
}

/// What a restore read for one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableRestore {
    /// Name of the table.
    pub name: String,
    /// Entries that are in the cache now.
    pub restored: u64,
    /// Entries whose time to live or to idle ran out meanwhile.
    pub expired: u64,
    /// Entries that found no room within the table's bound.
    pub over_bound: u64,
    /// Entries whose key equals that of another entry, which was used later and is restored. Their keys
    /// differed when they were saved, for example in a field that is not saved, or under another `Eq`.
    pub duplicates: u64,
    /// Why the whole table was skipped. All of its entries are then lost.
    pub skipped: Option<SkippedTable>,
    /// Entries that do not decode. The others of the table are not affected.
    pub skipped_entries: SkippedEntries,
}

/// A table that a restore skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SkippedTable {
    /// Number of its entries in the snapshot.
    pub entries: u64,
    /// Why it was skipped.
    pub reason: SkipReason,
}

/// Why a save left out an entry, or a restore skipped a table or an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// The registry has no table of this name.
    #[error("this table no longer exists")]
    UnknownTable,
    /// The table's query no longer has the option `persist`.
    #[error("its query no longer has the option `persist`")]
    NotPersisted,
    /// The key or value type is not what it was.
    #[error("its key or value type has changed")]
    ShapeChanged,
    /// `#[query(version = ..)]` is not what it was.
    #[error("its version was {saved} and is {now}")]
    VersionChanged {
        /// Version in the snapshot.
        saved: u32,
        /// Version of the query now.
        now: u32,
    },
    /// The codec is not what it was.
    #[error("its codec was {saved} and is {now}")]
    CodecChanged {
        /// Codec in the snapshot.
        saved: String,
        /// Codec of the query now.
        now: String,
    },
    /// The bytes are undamaged, yet do not decode.
    #[error("it does not decode: {reason}")]
    Undecodable {
        /// Number of the entry within its table in the snapshot, from 0.
        entry: u64,
        /// What the codec or the type's `Deserialize` said.
        reason: String,
    },
    /// The codec, or the type's `Serialize`, cannot write the entry.
    #[error("it cannot be saved as {codec}: {reason}")]
    Unencodable {
        /// Name of the codec.
        codec: &'static str,
        /// What the codec or the type said.
        reason: String,
    },
    /// What was written for the entry does not read back as the entry.
    #[error("it does not survive {codec}: {reason}{}", advice(codec))]
    Unreadable {
        /// Name of the codec.
        codec: &'static str,
        /// What went wrong when it was read back.
        reason: String,
    },
    /// The entry's type is not registered under any tag.
    #[error("its type `{type_name}` is not registered")]
    Unregistered {
        /// Name of the type.
        type_name: String,
    },
    /// No type is registered under the entry's tag.
    #[error("no type is registered as \"{tag}\"")]
    UnknownTag {
        /// The tag in the snapshot.
        tag: String,
    },
}

/// Returns advice for an entry that does not survive `codec`.
pub(super) fn advice(codec: &str) -> &'static str {
    match codec {
        "bincode" | "postcard" => {
            "; if its type needs a self-describing format (untagged, flatten, ...), use `codec = \"json\"` in \
             `#[query(..)]`"
        }
        _ => "",
    }
}

/// Individual entries that were left out of a table that was not skipped as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SkippedEntries {
    /// Number of these entries.
    pub count: u64,
    /// The first 1,000 of them.
    pub named: Vec<SkippedEntry>,
}

/// One entry that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SkippedEntry {
    /// The key, as its `Debug` prints it; of a dynamic entry, its name. `None` if the key itself does not decode.
    pub key: Option<String>,
    /// Why the entry was left out.
    pub reason: SkipReason,
}

/// Maximum number of entries of a table that a report names: a forged file could have millions.
const MAX_NAMED: usize = 1_000;
/// Maximum number of entries of a table that `Display` lists.
const MAX_LISTED: usize = 10;

impl SaveReport {
    /// Returns the number of entries written, of all tables.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.tables.iter().map(|table| table.entries).sum()
    }
}

impl RestoreReport {
    /// Returns the number of restored entries, of all tables.
    #[must_use]
    pub fn restored(&self) -> u64 {
        self.tables.iter().map(|table| table.restored).sum()
    }

    /// Returns the tables that were skipped, with the reason.
    pub fn skipped(&self) -> impl Iterator<Item = (&str, &SkippedTable)> {
        self.tables.iter().filter_map(|table| Some((table.name.as_str(), table.skipped.as_ref()?)))
    }

    /// Returns the restored entries of a table that keeps nothing alive by itself. They live as long as this
    /// report or a clone of their `Arc`. Empty for every other table. Visits the entries of all such tables.
    pub fn kept<Q: Query>(&self) -> impl Iterator<Item = (&Q, &Arc<Q::Value>)> {
        self.kept.iter().filter_map(|entry| {
            let (key, value) = entry_of(&**entry)?;
            Some((key, value?))
        })
    }
}

impl TableRestore {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(crate) fn skipped(name: &str, entries: u64, reason: SkipReason) -> Self {
        Self { skipped: Some(SkippedTable { entries, reason }), ..Self::new(name) }
    }

    /// Returns whether this is the table of dynamic entries, which every cache has, without entries.
    fn is_empty_dynamic(&self) -> bool {
        self.name == Dynamic::NAME && *self == Self::new(Dynamic::NAME)
    }
}

impl fmt::Display for SaveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "saved {}, {} bytes", counted(self.entries()), self.bytes)?;
        for TableSave { name, skipped, .. } in self.tables.iter().filter(|table| table.skipped.count > 0) {
            write!(f, "\n  {name}: left out {}{skipped}", counted(skipped.count))?;
        }
        match self.not_persisted.as_slice() {
            [] => Ok(()),
            names => write!(f, "\n  not persisted: {}", names.join(", ")),
        }
    }
}

impl fmt::Display for RestoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_first_start {
            return f.write_str("no snapshot yet, starting empty");
        }
        write!(f, "restored {}, saved {:.0?} ago", counted(self.restored()), self.elapsed)?;
        let mut shown = self.tables.iter().filter(|table| !table.is_empty_dynamic());
        shown.try_for_each(|table| write!(f, "\n  {table}"))
    }
}

impl fmt::Display for TableRestore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(skipped) = &self.skipped {
            return write!(f, "{}: skipped {} entries: {}", self.name, skipped.entries, skipped.reason);
        }
        write!(f, "{}: {}", self.name, counted(self.restored))?;
        for (count, what) in [
            (self.expired, "expired meanwhile"),
            (self.over_bound, "over its bound"),
            (self.duplicates, "with the key of another"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        match &self.skipped_entries {
            SkippedEntries { count: 0, .. } => Ok(()),
            skipped => write!(f, ", skipped {}{skipped}", skipped.count),
        }
    }
}

impl SkipReason {
    #[cold]
    pub(super) fn unwritten(codec: &'static str, error: EncodeError) -> Self {
        match error {
            EncodeError::Unencodable(error) => Self::Unencodable { codec, reason: error.0 },
            EncodeError::Unreadable(error) => Self::unreadable(codec, error),
        }
    }

    #[cold]
    pub(super) fn unreadable(codec: &'static str, error: CodecError) -> Self {
        Self::Unreadable { codec, reason: error.0 }
    }
}

impl SkippedEntries {
    /// Counts an entry, and names it unless too many are named already.
    pub(crate) fn push(&mut self, entry: impl FnOnce() -> SkippedEntry) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(entry());
        }
    }

    /// Adds later entries.
    pub(crate) fn append(&mut self, more: Self) {
        let room = MAX_NAMED.saturating_sub(self.named.len());
        self.count += more.count;
        self.named.extend(more.named.into_iter().take(room));
    }
}

/// Lists the first entries, each on its own line.
impl fmt::Display for SkippedEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = &self.named[..self.named.len().min(MAX_LISTED)];
        listed.iter().try_for_each(|entry| write!(f, "\n    {entry}"))?;
        match self.count - listed.len() as u64 {
            0 => Ok(()),
            more => write!(f, "\n    and {more} more"),
        }
    }
}

fn counted(entries: u64) -> String {
    match entries {
        1 => "1 entry".to_owned(),
        _ => format!("{entries} entries"),
    }
}

impl fmt::Display for SkippedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, &self.reason) {
            (Some(key), reason) => write!(f, "{key}: {reason}"),
            (None, reason @ SkipReason::Undecodable { entry, .. }) => write!(f, "entry {entry}: {reason}"),
            (None, reason) => reason.fmt(f),
        }
    }
}
