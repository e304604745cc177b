//! What a shard keeps for running saves: which entries each save still has to copy, and the old state of
//! entries that changed before they were copied. Knows nothing of threads, order or files.
//!
//! A save begins while the gate is closed. It copies the entries of that moment later, a few at a time, while
//! writers continue. A writer that changes or removes an entry first puts it aside for the saves that have
//! not copied it yet. So each save finds every entry as it was at its moment.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::erased::AnyLines;
use super::line_state::Membership;
use super::saved_entries::Entries;
use super::state::View;
use crate::clock::Moment;
use crate::hash_index::HashIndex;
use crate::retention::list::{List, NONE};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// The saves that still have entries of a shard to copy.
#[derive(Default)]
pub(super) struct Saves {
    /// Number of running saves. Changed under the shared lock of the shard, and read by writers under the
    /// exclusive one.
    pub(super) count: AtomicUsize,
    /// A leaf among the locks: taken by saves under the shared lock of the shard, and not needed under the exclusive one.
    pub(super) running: Mutex<Vec<RunningSave>>,
    /// Whether a save has delayed a shrink of the shard, which a writer must make up for.
    has_delayed_shrink: bool,
}

/// Identifies a save within the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SaveId(u64);

/// What a save still needs of a shard.
pub(crate) struct RunningSave {
    pub(super) id: SaveId,
    /// The moment that ages count back from.
    pub(super) now: Moment,
    pub(super) done: DoneLines,
    /// Entries that changed before they were copied, by place; some have been taken.
    pub(super) aside: Entries,
    /// Where each of them stood.
    pub(super) standings: Vec<Standing>,
    /// Their places by line number.
    places: HashIndex,
    /// The panic of a key that could not be put aside. The save ends with it.
    pub(super) failure: Option<Box<dyn Any + Send>>,
}

/// The lines that the save no longer has to copy: one bit for each line that existed when the save began. A
/// vacant line counts as done once an entry takes it.
pub(super) struct DoneLines {
    bits: Vec<u64>,
    lines: u32,
}

/// The facts about an entry that decide its place in the order of a save.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) membership: Membership,
    /// Number in the exact order of the table, if the entry is in it.
    pub(crate) node: u32,
    pub(crate) revision: u64,
}

/// A copy of the queues of the default policy in one shard at one moment.
#[derive(Default)]
pub(crate) struct QueuesCopy {
    /// The small queue and the main one.
    pub(super) lists: [List; 2],
    /// The next line of each line in its list.
    pub(super) next: Vec<u32>,
    /// The revision of each line, if requested.
    pub(super) revisions: Vec<u64>,
    /// Entries that had expired.
    pub(super) expired: Vec<u32>,
}

impl SaveId {
    pub(crate) fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        Self(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

impl Saves {
    /// Returns whether a write must put aside what it changes.
    #[inline]
    pub(super) fn are_running(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Returns whether a write has nothing to do for saves, running or ended.
    #[inline]
    pub(super) fn are_done(&self) -> bool {
        !self.are_running() && !self.has_delayed_shrink
    }

    /// Returns whether the lines may be renumbered now, if that is `due`. If a save forbids it, the first
    /// write after the save takes the general path, which asks again.
    #[inline]
    pub(super) fn may_shrink(&mut self, due: bool) -> bool {
        self.has_delayed_shrink = due && self.are_running();
        due && !self.has_delayed_shrink
    }

    /// Records that an entry that no running save includes has taken a vacant line.
    #[cold]
    pub(super) fn pass_over(&mut self, number: u32) {
        for save in self.running.get_mut() {
            save.done.add(number);
        }
    }

    #[cold]
    pub(super) fn put_aside(&mut self, number: u32, lines: &dyn AnyLines, view: &View<'_>) {
        for save in self.running.get_mut() {
            save.put_aside(number, lines, view);
        }
    }
}

impl DoneLines {
    /// Creates a set with room for `lines` lines, and for some that may come before the save begins.
    fn with_room_for(lines: u32) -> Self {
        Self { bits: Vec::with_capacity(words(lines.saturating_add(lines / 8))), lines: 0 }
    }

    pub(super) fn begin(&mut self, lines: u32) {
        self.bits.resize(words(lines), 0);
        self.lines = lines;
    }

    pub(super) fn has(&self, number: u32) -> bool {
        number >= self.lines || self.bits[(number / u64::BITS) as usize] & bit(number) != 0
    }

    /// Marks a line as done. Returns whether it was not done before.
    pub(super) fn add(&mut self, number: u32) -> bool {
        let is_new = !self.has(number);
        if is_new {
            self.bits[(number / u64::BITS) as usize] |= bit(number);
        }
        is_new
    }
}

/// Returns the number of words that hold a bit for each line.
fn words(lines: u32) -> usize {
    lines.div_ceil(u64::BITS) as usize
}

fn bit(number: u32) -> u64 {
    1 << (number % u64::BITS)
}

impl RunningSave {
    /// Creates a save of about `lines` lines that has not begun, with the memory that it needs. Entries that
    /// change go into `aside`, which is empty.
    pub(crate) fn new(id: SaveId, lines: u32, aside: Entries) -> Self {
        Self {
            id,
            now: Moment::ORIGIN,
            done: DoneLines::with_room_for(lines),
            aside,
            standings: Vec::new(),
            places: HashIndex::default(),
            failure: None,
        }
    }

    /// Keeps a copy of an entry that is about to change. Ignores survivors: they may die at any time, so the
    /// save puts them aside when it begins.
    fn put_aside(&mut self, number: u32, lines: &dyn AnyLines, view: &View<'_>) {
        if !self.done.add(number) || !view.is_resident() || self.failure.is_some() {
            return;
        }
        // A panic of the key's `Clone` is the save's, not the writer's.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.copy_aside(number, lines, view))) {
            self.failure = Some(panic);
        }
    }

    pub(super) fn copy_aside(&mut self, number: u32, lines: &dyn AnyLines, view: &View<'_>) {
        if self.aside.pairs.copy(lines, number) {
            self.places.insert(number, self.aside.len());
            self.aside.metas.push(view.meta(self.now));
            self.standings.push(Standing::of(view));
        }
    }

    /// Returns the place in `aside` of the entry that was in a line.
    pub(super) fn place(&self, number: u32) -> Option<usize> {
        self.places.find(number, |_| true)
    }
}

impl Standing {
    pub(super) fn of(view: &View<'_>) -> Self {
        let View { state, record, .. } = view;
        Self { membership: state.membership, node: state.aside, revision: record.revision }
    }
}

impl QueuesCopy {
    /// Creates a copy with memory for `lines` lines.
    pub(crate) fn with_room_for(lines: usize, with_revisions: bool) -> Self {
        let revisions = if with_revisions { Vec::with_capacity(lines) } else { Vec::new() };
        Self { next: touched(lines), revisions, ..Self::default() }
    }

    /// Returns the entries of the small queue and of the main queue, in order.
    pub(crate) fn queues(&self) -> [impl Iterator<Item = u32>; 2] {
        self.lists.each_ref().map(|list| list.iter_in(&self.next))
    }

    pub(crate) fn len(&self) -> usize {
        self.lists.iter().map(List::len).sum()
    }

    /// Returns whether an entry had expired.
    pub(crate) fn is_expired(&self, number: u32) -> bool {
        self.expired.binary_search(&number).is_ok()
    }

    /// Returns the revision of an entry, if revisions were requested.
    pub(crate) fn revision(&self, number: u32) -> u64 {
        self.revisions.get(number as usize).copied().unwrap_or(0)
    }
}

/// Creates an empty list whose memory the system has already mapped.
pub(crate) fn touched(capacity: usize) -> Vec<u32> {
    let mut list = vec![NONE; capacity];
    list.clear();
    list
}
