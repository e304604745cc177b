//! The entries in one transaction: which are kept, in which order, and which are dropped when space runs out. Knows
//! nothing of threads, files or clocks.
//!
//! | table | key | value |
//! |---|---|---|
//! | `entries` | the key of the provider | position (8 bytes), expiry in milliseconds since 1970 (8), the value |
//! | `order` | position | the key |
//! | `totals` | `next`, `bytes` | the next position; the bytes of all keys and values |
//!
//! Numbers are little-endian. Positions grow and are never used twice. The entry with the smallest one is the oldest.

use std::collections::BTreeSet;

use redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata, StorageError, Table, TableDefinition, TableError,
    WriteTransaction,
};

const ENTRIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("entries");
const ORDER: TableDefinition<'_, u64, &str> = TableDefinition::new("order");
const TOTALS: TableDefinition<'_, &str, u64> = TableDefinition::new("totals");

const NEXT: &str = "next";
const BYTES: &str = "bytes";

/// The largest value: less than the limit of the database.
const LARGEST: u64 = 1 << 30;

/// Positions of entries that were read since they were written or last kept.
pub(crate) type ReadMarks = BTreeSet<u64>;

/// A value that was found.
pub(crate) struct FoundEntry {
    pub(crate) position: u64,
    pub(crate) value: Vec<u8>,
}

/// The entries, for writing.
pub(crate) struct Entries<'txn> {
    entries: Table<'txn, &'static str, &'static [u8]>,
    order: Table<'txn, u64, &'static str>,
    totals: Table<'txn, &'static str, u64>,
    next: u64,
    bytes: u64,
    marks: ReadMarks,
}

/// Reads the entry of a key, unless it has expired.
///
/// # Errors
/// Those of the database.
pub(crate) fn read(
    transaction: &ReadTransaction,
    key: &str,
    now: u64,
) -> Result<Option<FoundEntry>, redb::Error> {
    let entries = match transaction.open_table(ENTRIES) {
        Ok(entries) => entries,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(found) = entries.get_owned(key)? else { return Ok(None) };
    let (position, expires, value) = split(found.value())?;
    Ok((now < expires).then(|| FoundEntry { position, value: value.to_vec() }))
}

impl<'txn> Entries<'txn> {
    /// Opens the entries, or creates an empty set.
    ///
    /// # Errors
    /// Those of the database, also if its tables have other types.
    pub(crate) fn open(transaction: &'txn WriteTransaction, marks: ReadMarks) -> Result<Self, redb::Error> {
        let (entries, order) = (transaction.open_table(ENTRIES)?, transaction.open_table(ORDER)?);
        let totals = transaction.open_table(TOTALS)?;
        let total = |name| Ok::<_, StorageError>(totals.get(name)?.map_or(0, |total| total.value()));
        let (next, bytes) = (total(NEXT)?, total(BYTES)?);
        Ok(Self { entries, order, totals, next, bytes, marks })
    }

    /// Writes a value in place of an earlier one. A value that alone exceeds `max_bytes` is not written.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn put(
        &mut self,
        key: &str,
        value: &[u8],
        expires: u64,
        max_bytes: u64,
    ) -> Result<(), StorageError> {
        if size(key, value.len()) > max_bytes.min(LARGEST) {
            return self.remove(key);
        }
        self.append(key, value, expires)
    }

    /// Removes the entry of a key, if there is one.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn remove(&mut self, key: &str) -> Result<(), StorageError> {
        let removed = self.entries.remove(key)?.map(|old| position_and_size(key, old.value())).transpose()?;
        self.leave(removed)
    }

    /// Drops the oldest entries until the others fit into `max_bytes`. One that was read, and has not expired, loses
    /// its mark and becomes the newest instead.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn trim(&mut self, max_bytes: u64, now: u64) -> Result<(), StorageError> {
        while self.bytes > max_bytes {
            let Some((position, key)) = self.pop_oldest()? else { break };
            let marked = if self.marks.contains(&position) { self.entry(&key)? } else { None };
            let kept = marked.as_deref().map(split).transpose()?.filter(|(_, expires, _)| now < *expires);
            match kept {
                Some((_, expires, value)) => self.append(&key, value, expires)?,
                None => self.remove(&key)?,
            }
        }
        Ok(())
    }

    /// Writes the totals, as the last change. Returns the marks of the remaining entries.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn finish(mut self) -> Result<ReadMarks, StorageError> {
        self.totals.insert(NEXT, self.next)?;
        self.totals.insert(BYTES, self.bytes)?;
        // An entry that is replaced while it is read leaves its mark behind.
        let has_lost_marks = self.marks.len() as u64 > self.entries.len()?;
        Ok(if has_lost_marks { ReadMarks::new() } else { self.marks })
    }

    /// Writes an entry as the newest, in place of an earlier one.
    fn append(&mut self, key: &str, value: &[u8], expires: u64) -> Result<(), StorageError> {
        let position = self.next;
        let entry = [&position.to_le_bytes(), &expires.to_le_bytes(), value].concat();
        // One change of the table instead of a look and a change.
        let replaced = self.entries.insert(key, &*entry)?;
        let replaced = replaced.map(|old| position_and_size(key, old.value())).transpose()?;
        self.leave(replaced)?;
        self.order.insert(position, key)?;
        self.next += 1;
        self.bytes += size(key, value.len());
        Ok(())
    }

    /// Takes an entry that was removed or replaced out of the order, the totals and the marks.
    fn leave(&mut self, gone: Option<(u64, u64)>) -> Result<(), StorageError> {
        let Some((position, size)) = gone else { return Ok(()) };
        self.bytes = self.bytes.saturating_sub(size);
        self.marks.remove(&position);
        self.order.remove(position)?;
        Ok(())
    }

    fn entry(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.entries.get(key)?.map(|entry| entry.value().to_vec()))
    }

    fn pop_oldest(&mut self) -> Result<Option<(u64, String)>, StorageError> {
        let oldest = self.order.pop_first()?;
        Ok(oldest.map(|(position, key)| (position.value(), key.value().to_owned())))
    }
}

/// The size of an entry, as the bound counts it.
fn size(key: &str, value: usize) -> u64 {
    // No overflow: key and value are in memory, so their sum fits into 64 bits.
    (key.len() as u64).saturating_add(value as u64)
}

/// Returns the position of an entry, and its size as the bound counts it.
fn position_and_size(key: &str, entry: &[u8]) -> Result<(u64, u64), StorageError> {
    let (position, _, value) = split(entry)?;
    Ok((position, size(key, value.len())))
}

/// Splits an entry into its position, its expiry and its value.
fn split(entry: &[u8]) -> Result<(u64, u64, &[u8]), StorageError> {
    let damaged = || StorageError::Corrupted("an entry is shorter than its head".to_owned());
    let (position, rest) = entry.split_first_chunk().ok_or_else(damaged)?;
    let (expires, value) = rest.split_first_chunk().ok_or_else(damaged)?;
    Ok((u64::from_le_bytes(*position), u64::from_le_bytes(*expires), value))
}
