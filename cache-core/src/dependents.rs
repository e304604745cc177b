//! Which answers are out of date because an entry that they were built from has changed.
//!
//! A derived answer is in the tag index of its shard under numbers of its inputs. A change of an input is noted under
//! the lock of the input's shard, and the answers that stand under its number are marked once no lock is held, before
//! the change returns. Each table has a filter of the keys that answers were built from, so that other changes do no
//! more than look at it.

use std::sync::{Arc, OnceLock};

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A change of an entry that answers may have been built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InputChange {
    /// The number of the entry among inputs, see [`input_number`].
    pub(crate) input: u32,
    /// Revision of the last commit before the change. Answers of later commits do not precede the change.
    pub(crate) revision: u64,
}

/// A table with derived answers.
pub(crate) trait MarksDependents: Send + Sync {
    fn table_index(&self) -> usize;

    /// Marks the answers that were built from an entry before it has changed.
    fn mark(&self, change: InputChange);
}

/// The changes whose dependent answers have yet to be marked, and the tables that have such answers.
#[derive(Default)]
pub(crate) struct Dependents {
    /// Number of changes, including those that some thread is working on.
    unfinished: AtomicUsize,
    /// May be locked while a shard is.
    changes: Mutex<Vec<InputChange>>,
    /// Held by the thread that marks, so that others wait until their changes have had their effect.
    marking: Mutex<()>,
    tables: Mutex<Vec<Arc<dyn MarksDependents>>>,
}

/// Counts changes as finished, even if a key's `Clone` panics.
struct Finished<'a>(&'a Dependents, usize);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        self.0.unfinished.fetch_sub(self.1, Ordering::AcqRel);
    }
}

impl Dependents {
    /// Adds a table, if it is not there yet.
    pub(crate) fn add(&self, table: Arc<dyn MarksDependents>) {
        let mut tables = self.tables.lock();
        if !tables.iter().any(|other| other.table_index() == table.table_index()) {
            tables.push(table);
        }
    }

    pub(crate) fn note(&self, change: InputChange) {
        // Before the list has it, so that a caller that finds zero has none in the list.
        self.unfinished.fetch_add(1, Ordering::AcqRel);
        self.changes.lock().push(change);
    }

    /// Marks what was built from changed entries, or waits until another thread has. Must be called without locks.
    #[inline]
    pub(crate) fn settle(&self) {
        if self.unfinished.load(Ordering::Relaxed) != 0 {
            self.mark_all();
        }
    }

    #[cold]
    fn mark_all(&self) {
        let _marking = self.marking.lock();
        loop {
            let changes = std::mem::take(&mut *self.changes.lock());
            if changes.is_empty() {
                return;
            }
            let _finished = Finished(self, changes.len());
            let tables = self.tables.lock().clone();
            // A marked answer is a change itself: it is noted, and found by the next turn.
            for &change in &changes {
                tables.iter().for_each(|table| table.mark(change));
            }
        }
    }
}

/// Number of bits of a filter: 8 KiB. With more inputs than that, most changes are looked up in vain.
const FILTER_BITS: usize = 1 << 16;

/// The keys of one table that answers were built from, by their hashes. Keys are added and never taken out.
#[derive(Debug, Default)]
pub(crate) struct InputFilter(OnceLock<Box<[AtomicU64]>>);

impl InputFilter {
    /// Returns whether no answer was ever built from the table.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }

    pub(crate) fn add(&self, hash: u32) {
        let words = self.0.get_or_init(|| (0..FILTER_BITS / 64).map(|_| AtomicU64::new(0)).collect());
        let (word, bit) = place_of(hash);
        words[word].fetch_or(bit, Ordering::AcqRel);
    }

    /// Returns whether an answer may have been built from a key with this hash.
    pub(crate) fn has(&self, hash: u32) -> bool {
        let (word, bit) = place_of(hash);
        self.0.get().is_some_and(|words| words[word].load(Ordering::Acquire) & bit != 0)
    }
}

fn place_of(hash: u32) -> (usize, u64) {
    let at = hash as usize % FILTER_BITS;
    (at / 64, 1 << (at % 64))
}

/// Returns the number that an entry has among inputs, or a tag of entries, by its hash. Numbers are rarely equal.
pub(crate) fn input_number(table: usize, hash: u32) -> u32 {
    let mixed = ((table as u64 + 1) << 32 | u64::from(hash)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32) as u32
}

/// Returns the number that stands for all entries of a table.
pub(crate) fn number_of_all(table: usize) -> u32 {
    !input_number(table, 0)
}
