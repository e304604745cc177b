//! What a shard keeps for the saves that run: which of its entries each of them has still to copy, and those that were
//! changed first, as they were. Knows nothing of threads, order or files.
//!
//! A save begins while the gate is closed, and copies the entries of that moment later, a few at a time, while writers
//! go on. Whatever changes or removes an entry first puts it aside for the saves that have not copied it yet. So each
//! save finds every entry as it was at its moment, whoever comes first.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::lines::AnyLines;
use super::metadata::Metadata;
use super::state::{Membership, View};
use super::{ShardMut, ShardRef};
use crate::clock::Moment;
use crate::hashed::Hashed;
use crate::retention::Rules;
use crate::retention::list::{List, NONE};
use crate::snapshot::Entries;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// The saves that have entries of a shard to copy.
#[derive(Default)]
pub(super) struct Saves {
    /// How many there are. Changed under the shared lock of the shard, and read by writers under the exclusive one.
    count: AtomicUsize,
    /// A leaf among the locks: taken by saves under the shared lock of the shard, and not needed under the exclusive one.
    running: Mutex<Vec<RunningSave>>,
    /// Whether a save has kept the shard from giving memory back, which a writer has to make good.
    has_delayed_shrink: bool,
}

/// Tells the saves of a process apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SaveId(u64);

/// What a save still needs of a shard.
pub(crate) struct RunningSave {
    id: SaveId,
    /// The moment that ages count back from.
    now: Moment,
    settled: Settled,
    /// Entries that were changed before they were copied, by their places; some have been taken.
    aside: Entries,
    /// Where each of them stood.
    standings: Vec<Standing>,
    /// Their places by the numbers of their lines.
    places: Hashed,
    /// The panic of a key that could not be put aside, with which the save is to end.
    failure: Option<Box<dyn Any + Send>>,
}

/// The lines of which nothing more is to be copied: a bit for each line that there was when the save began. Vacant lines
/// have none: they are settled when they are taken.
struct Settled {
    bits: Vec<u64>,
    lines: u32,
}

/// Where an entry stands, as its place in the order of a save depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) membership: Membership,
    /// Number in the exact order of the table, if the entry is in it.
    pub(crate) node: u32,
    pub(crate) revision: u64,
}

/// The queues of the default policy in one shard at one moment, apart from the shard.
#[derive(Default)]
pub(crate) struct QueuesCopy {
    /// The small queue and the main one.
    lists: [List; 2],
    /// What comes behind each line in its list.
    next: Vec<u32>,
    /// The revision of each line, if they are asked for.
    revisions: Vec<u64>,
    /// Entries whose time was over.
    expired: Vec<u32>,
}

impl SaveId {
    pub(crate) fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        Self(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

impl Saves {
    /// Whether a write has to put aside what it changes.
    #[inline]
    pub(super) fn are_running(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Whether a write has nothing to do on account of saves, running or ended.
    #[inline]
    pub(super) fn are_done(&self) -> bool {
        !self.are_running() && !self.has_delayed_shrink
    }

    /// Whether the lines may get other numbers now, which is `due`. If a save forbids it, the first write after the save takes
    /// the general way, which asks again.
    #[inline]
    pub(super) fn may_shrink(&mut self, due: bool) -> bool {
        self.has_delayed_shrink = due && self.are_running();
        due && !self.has_delayed_shrink
    }

    /// Notes that a vacant line is taken by an entry that no running save is to have.
    #[cold]
    pub(super) fn pass_over(&mut self, number: u32) {
        for save in self.running.get_mut() {
            save.settled.settle(number);
        }
    }

    #[cold]
    pub(super) fn put_aside(&mut self, number: u32, lines: &dyn AnyLines, view: &View<'_>) {
        for save in self.running.get_mut() {
            save.put_aside(number, lines, view);
        }
    }
}

impl Settled {
    /// With room for so many lines, and for some that may come before the save begins.
    fn with_room_for(lines: u32) -> Self {
        Self { bits: Vec::with_capacity(words(lines.saturating_add(lines / 8))), lines: 0 }
    }

    fn begin(&mut self, lines: u32) {
        self.bits.resize(words(lines), 0);
        self.lines = lines;
    }

    fn has(&self, number: u32) -> bool {
        number >= self.lines || self.bits[(number / u64::BITS) as usize] & bit(number) != 0
    }

    /// Returns whether the line was not settled before.
    fn settle(&mut self, number: u32) -> bool {
        let is_new = !self.has(number);
        if is_new {
            self.bits[(number / u64::BITS) as usize] |= bit(number);
        }
        is_new
    }
}

/// Words of bits for so many lines.
fn words(lines: u32) -> usize {
    lines.div_ceil(u64::BITS) as usize
}

fn bit(number: u32) -> u64 {
    1 << (number % u64::BITS)
}

impl RunningSave {
    /// A save of about so many lines that has not begun, with the memory that it needs. Entries that are changed are put into
    /// `aside`, which is empty.
    pub(crate) fn new(id: SaveId, lines: u32, aside: Entries) -> Self {
        Self {
            id,
            now: Moment::ORIGIN,
            settled: Settled::with_room_for(lines),
            aside,
            standings: Vec::new(),
            places: Hashed::default(),
            failure: None,
        }
    }

    /// Keeps a copy of an entry which is about to change. Of no survivor: those that are to be saved are put aside when the
    /// save begins, for they may die at any time.
    fn put_aside(&mut self, number: u32, lines: &dyn AnyLines, view: &View<'_>) {
        if !self.settled.settle(number) || !view.is_resident() || self.failure.is_some() {
            return;
        }
        // A panic of the key's `Clone` is the save's, not the writer's.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.copy_aside(number, lines, view))) {
            self.failure = Some(panic);
        }
    }

    fn copy_aside(&mut self, number: u32, lines: &dyn AnyLines, view: &View<'_>) {
        if self.aside.pairs.copy(lines, number) {
            self.places.insert(number, self.aside.len());
            self.aside.metas.push(view.meta(self.now));
            self.standings.push(Standing::of(view));
        }
    }

    /// The place among those put aside of the entry that was in a line.
    fn place(&self, number: u32) -> Option<usize> {
        self.places.find(number, |_| true)
    }
}

/// The save with this id, if it runs.
///
/// # Errors
/// The panic of a key that could not be put aside for it.
fn intact(running: &mut [RunningSave], id: SaveId) -> Result<Option<&mut RunningSave>, Box<dyn Any + Send>> {
    let Some(save) = running.iter_mut().find(|save| save.id == id) else { return Ok(None) };
    match save.failure.take() {
        Some(panic) => Err(panic),
        None => Ok(Some(save)),
    }
}

impl Standing {
    fn of(view: &View<'_>) -> Self {
        let View { state, record, .. } = view;
        Self { membership: state.membership, node: state.aside, revision: record.revision }
    }
}

impl QueuesCopy {
    /// Has memory for the copy of so many lines.
    pub(crate) fn with_room_for(lines: usize, with_revisions: bool) -> Self {
        let revisions = if with_revisions { Vec::with_capacity(lines) } else { Vec::new() };
        Self { next: touched(lines), revisions, ..Self::default() }
    }

    /// The entries of the small queue and of the main one, in their order.
    pub(crate) fn queues(&self) -> [impl Iterator<Item = u32>; 2] {
        self.lists.each_ref().map(|list| list.iter_in(&self.next))
    }

    pub(crate) fn len(&self) -> usize {
        self.lists.iter().map(List::len).sum()
    }

    /// Whether the time of an entry was over.
    pub(crate) fn is_expired(&self, number: u32) -> bool {
        self.expired.binary_search(&number).is_ok()
    }

    /// The revision of an entry, if revisions were asked for.
    pub(crate) fn revision(&self, number: u32) -> u64 {
        self.revisions.get(number as usize).copied().unwrap_or(0)
    }
}

/// An empty list whose memory the system has provided.
pub(crate) fn touched(capacity: usize) -> Vec<u32> {
    let mut list = vec![NONE; capacity];
    list.clear();
    list
}

impl ShardRef<'_> {
    /// Makes room for one save more.
    pub(crate) fn expect_save(self) {
        if let Some(metadata) = self.metadata {
            metadata.saves.running.lock().reserve(1);
        }
    }

    /// Begins a save of the entries that are there now and not expired. Survivors are copied at once if they are to be
    /// saved.
    pub(crate) fn begin_save(self, mut save: RunningSave, rules: &Rules, now: Moment, with_survivors: bool) {
        let Some(metadata) = self.metadata else { return };
        save.now = now;
        save.settled.begin(self.numbers().end);
        for number in self.expired(rules, now) {
            save.settled.settle(number);
        }
        let mut running = metadata.saves.running.lock();
        running.push(save);
        metadata.saves.count.store(running.len(), Ordering::Relaxed);
        // Among those that run, where the end of the save finds it, before any key is cloned.
        if let Some(save) = running.last_mut().filter(|_| with_survivors) {
            for number in metadata.survivors.iter(|number| metadata.records[number].link) {
                if let Some(view) = self.view(number)
                    && !view.is_expired(rules, now)
                {
                    save.settled.settle(number);
                    save.copy_aside(number, self.lines, &view);
                }
            }
        }
    }

    /// Ends a save. What is returned has to be dropped without locks.
    pub(crate) fn end_save(self, id: SaveId) -> Option<RunningSave> {
        let saves = &self.metadata?.saves;
        let mut running = saves.running.lock();
        let at = running.iter().position(|save| save.id == id)?;
        let ended = running.swap_remove(at);
        saves.count.store(running.len(), Ordering::Relaxed);
        Some(ended)
    }

    /// Copies entries as they were when a save began, those that were wanted then. A panic of a key's `Clone` leaves all that
    /// was copied in `copies`, which is to outlive the lock: it may hold the last handle of a value by then.
    ///
    /// # Errors
    /// The panic of a key that could not be put aside.
    pub(crate) fn copy_for_save(
        self,
        id: SaveId,
        numbers: &[u32],
        copies: &mut Entries,
    ) -> Result<(), Box<dyn Any + Send>> {
        let Some(metadata) = self.metadata else { return Ok(()) };
        let mut running = metadata.saves.running.lock();
        let Some(save) = intact(&mut running, id)? else { return Ok(()) };
        copies.pairs.fetch_lines(self.lines, numbers);
        metadata.records.fetch(numbers);
        for &number in numbers {
            if save.settled.settle(number) {
                if let Some(view) = self.view(number)
                    && copies.pairs.copy(self.lines, number)
                {
                    copies.metas.push(view.meta(save.now));
                }
            } else if let Some(place) = save.place(number) {
                copies.move_from(&mut save.aside, place);
            }
        }
        Ok(())
    }

    /// Tells where each entry of some lines stood when a save began which was wanted and not in a queue of the default
    /// policy.
    ///
    /// # Errors
    /// The panic of a key that could not be put aside.
    pub(crate) fn standings(
        self,
        id: SaveId,
        numbers: Range<u32>,
        tell: &mut dyn FnMut(u32, Standing),
    ) -> Result<(), Box<dyn Any + Send>> {
        let Some(metadata) = self.metadata else { return Ok(()) };
        let mut running = metadata.saves.running.lock();
        let Some(save) = intact(&mut running, id)? else { return Ok(()) };
        for number in numbers {
            let standing = match save.settled.has(number) {
                true => save.place(number).map(|place| save.standings[place]),
                false => self.view(number).filter(View::is_resident).map(|view| Standing::of(&view)),
            };
            if let Some(standing) = standing
                && standing.membership.queue().is_none()
            {
                tell(number, standing);
            }
        }
        Ok(())
    }

    /// Copies the queues of the default policy, into what is empty and best has room for all lines. Reads the records from
    /// the first to the last, which is much faster than along the lists.
    pub(crate) fn copy_queues(self, rules: &Rules, now: Moment, with_revisions: bool, copy: &mut QueuesCopy) {
        let Some(metadata) = self.metadata else { return };
        copy.lists = metadata.policy.lists();
        if copy.len() == 0 {
            return;
        }
        copy.next.extend(metadata.records.iter().map(|record| record.link.next()));
        if with_revisions {
            copy.revisions.extend(metadata.records.iter().map(|record| record.revision));
        }
        copy.expired.extend(self.expired(rules, now));
        copy.expired.sort_unstable();
    }

    /// Residents whose time is over, some of them several times.
    fn expired(self, rules: &Rules, now: Moment) -> impl Iterator<Item = u32> {
        let due = self.metadata.into_iter().flat_map(move |metadata| metadata.deadlines.due(now));
        due.filter(move |&number| self.has_to_go(number, rules, now))
    }
}

impl ShardMut<'_> {
    /// Puts an entry aside for the saves that have still to copy it. To be called before anything of the entry changes that
    /// is saved.
    #[inline]
    pub(super) fn keep_for_saves(&mut self, number: u32) {
        let Self { lines, metadata, .. } = self;
        let Metadata { saves, records, extras, .. } = &mut **metadata;
        if saves.are_running()
            && let Some(state) = lines.state(number)
        {
            let view = View { state, record: &records[number], extra: extras.get(number) };
            saves.put_aside(number, &**lines, &view);
        }
    }
}
