//! What a cache does with each of its tables: counts, reports, removal of expired and dead entries, and the
//! common bound.

use std::fmt::Debug;

use crate::erased::{ErasedTable, UsedTable};
use crate::event::{Change, ChangeKind};
use crate::inspect::{EntryReport, EntryView, TableReport};
use crate::retention::recency::Oldest;
use crate::shard::key::AnyKey;
use crate::shard::{Membership, OpContext, ShardRef, View};
use crate::table::entry::EntryState;

impl dyn ErasedTable + '_ {
    /// Returns the name of the table.
    pub(crate) fn name(&self) -> &'static str {
        self.head().name
    }

    /// Returns the number of live entries. Visits every survivor.
    pub(crate) fn live(&self) -> usize {
        self.used().map_or(0, |table| table.live())
    }

    /// Releases expired entries, then removes all dead keys. Returns how many keys it removed.
    pub(crate) fn reap(&self) -> usize {
        self.used().map_or(0, |table| table.reap())
    }

    /// Returns state and counters, and the entries if `with_entries`.
    pub(crate) fn report(&self, with_entries: bool) -> TableReport {
        let head = self.head();
        let mut report = TableReport { name: head.name, bound: head.rules.bound, ..TableReport::default() };
        report.misses = head.early_misses();
        if let Some(table) = self.used() {
            table.expire_due();
            table.each_shard(&mut |shard| report.add_shard(shard));
            if with_entries {
                report.entries = table.report_entries();
            }
        }
        report
    }
}

impl dyn UsedTable + '_ {
    fn places(&self) -> std::ops::Range<usize> {
        0..self.head().shard_count()
    }

    /// Runs `visit` for one shard after the other, each locked for reading.
    pub(crate) fn each_shard(&self, visit: &mut dyn FnMut(ShardRef<'_>)) {
        self.places().for_each(|place| visit(self.shard(place).read().any()));
    }

    pub(crate) fn live(&self) -> usize {
        self.expire_due();
        let mut live = 0;
        self.each_shard(&mut |shard| live += shard.live_count());
        live
    }

    /// Releases all expired residents.
    pub(crate) fn expire_due(&self) {
        let now = self.head().shared.precise_now();
        for place in self.places() {
            let has_due = self.shard(place).read().any().has_due(now);
            if has_due {
                self.release_expired(place, now, &mut |shard, context| shard.expire_due(usize::MAX, context));
            }
        }
    }

    /// Returns whether a shard was ever written.
    fn is_used(&self, place: usize) -> bool {
        self.shard(place).read().any().is_used()
    }

    fn reap(&self) -> usize {
        let now = self.head().shared.precise_now();
        let mut reaped = 0;
        for place in self.places().filter(|&place| self.is_used(place)) {
            self.alter_shard(place, now, &mut |shard, context| reaped += shard.reap(context));
        }
        reaped
    }

    fn report_entries(&self) -> Vec<EntryReport> {
        let (head, mut keys) = (self.head(), Vec::new());
        let now = head.shared.now();
        self.each_shard(&mut |shard| {
            for number in shard.numbers() {
                if let (Some(key), Some(view)) = (shard.lines.key(number), shard.view(number))
                    && !shard.lines.is_dead(number)
                {
                    let holders = shard.lines.holders(number);
                    keys.push((key.to_box(), holders, EntryState::of(&view, &head.rules, now)));
                }
            }
        });
        // Printing a key is foreign code.
        keys.iter().map(|(key, holders, state)| EntryReport::new(&key, *holders, *state)).collect()
    }

    /// Visits all readable entries. One shard is locked (shared) at a time, and none while an entry is visited.
    pub(crate) fn show_entries(&self, show: &mut dyn FnMut(&EntryView)) {
        self.expire_due();
        let (head, now) = (self.head(), self.head().shared.now());
        for place in self.places() {
            // Outlives the lock even if a key's `Clone` panics, since it may hold the last handle of a value.
            let mut views = Vec::new();
            {
                let shard = self.shard(place).read();
                let shard = shard.any();
                for number in shard.numbers() {
                    let Some(view) = shard.view(number) else { continue };
                    let state = EntryState::of(&view, &head.rules, now);
                    views.extend(shard.lines.handle(number, true).map(|pair| (pair, state)));
                }
            }
            for (mut pair, state) in views {
                if let Some(entry) = pair.take_entry() {
                    show(&EntryView::new(head.name, entry, state));
                }
            }
        }
    }

    /// Copies the keys with a live value. One shard is locked (shared) at a time.
    pub(crate) fn live_keys(&self) -> Vec<Box<dyn AnyKey>> {
        self.expire_due();
        let mut keys = Vec::new();
        self.each_shard(&mut |shard| {
            let live = shard.numbers().filter(|&number| !shard.lines.is_dead(number));
            keys.extend(live.filter_map(|number| shard.lines.key(number)).map(AnyKey::to_box));
        });
        keys
    }

    /// Adds the changes for the entries of a shard that will be marked, if there are listeners.
    pub(crate) fn add_marks(
        &self,
        shard: ShardRef<'_>,
        is_marked: &dyn Fn(&dyn AnyKey) -> bool,
        changes: &mut Vec<Change>,
    ) {
        let head = self.head();
        if !head.shared.events.has_listeners() {
            return;
        }
        for number in shard.numbers() {
            if let Some(key) = shard.lines.key(number)
                && !shard.lines.is_dead(number)
                && is_marked(key)
            {
                head.add_change(changes, ChangeKind::Invalidated, &|| Some(key.entry()));
            }
        }
    }

    /// Brings the table within its bound where one shard alone could not. Must be called without locks.
    #[inline]
    pub(crate) fn enforce_bound(&self, context: &OpContext<'_>) {
        if context.ledger.is_over() {
            self.evict_excess(context);
        }
    }

    #[cold]
    fn evict_excess(&self, context: &OpContext<'_>) {
        match context.recency {
            Some(recency) => {
                while context.ledger.is_over()
                    && let Some(oldest) = recency.oldest()
                {
                    self.evict_oldest(oldest, context);
                }
            }
            None => self.evict_by_shards(context),
        }
    }

    /// Evicts the oldest entry of the exact order.
    fn evict_oldest(&self, oldest: Oldest, context: &OpContext<'_>) {
        let mut shard = self.shard(self.head().place_of(oldest.hash)).write();
        shard.any_mut().evict_oldest(oldest, context);
        self.unlock(shard);
    }

    fn evict_by_shards(&self, context: &OpContext<'_>) {
        let head = self.head();
        // First spares the entries that the commit itself wrote. If it wrote more than the table holds,
        // evicts these too.
        for revision in [context.revision, 0] {
            for _ in self.places() {
                if !context.ledger.is_over() {
                    return;
                }
                let (context, place) = (OpContext { revision, ..*context }, head.next_victim());
                if !self.is_used(place) {
                    continue;
                }
                let mut shard = self.shard(place).write();
                shard.any_mut().make_room(&context);
                self.unlock(shard);
            }
        }
    }
}

impl TableReport {
    pub(crate) fn add_shard(&mut self, shard: ShardRef<'_>) {
        for number in shard.numbers() {
            let Some(view @ View { state, record, .. }) = shard.view(number) else { continue };
            let count = match state.membership {
                Membership::Pinned => &mut self.pinned,
                _ if view.is_resident() => {
                    self.weight += u64::from(record.weight);
                    &mut self.residents
                }
                _ if shard.lines.is_dead(number) => &mut self.dead,
                _ => &mut self.survivors,
            };
            *count += 1;
        }
        self.pins += shard.pin_count();
        self.indexed_tags += shard.tag_count();
        self.hits += shard.hits();
        self.misses += shard.misses();
        self.removals.add(shard.removals());
    }
}

impl EntryReport {
    pub(crate) fn new(key: &dyn Debug, holders: usize, state: EntryState) -> Self {
        Self { key: format!("{key:?}"), holders, state }
    }
}
