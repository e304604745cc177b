//! A table of a query that the caller does not know: what a whole cache does with each of its tables.
//!
//! In three steps, so that a program has the code for no more than it does with a table. Any table has a head; one that
//! has been used has shards; one of a query with `persist` is saved. The way from one to the next is a function pointer
//! that is set by the first write, and by what makes the codec. What needs no types is done here, once for all tables.

use std::fmt::Debug;

use crate::clock::Moment;
use crate::inspect::{EntryReport, TableReport};
use crate::retention::recency::Oldest;
use crate::snapshot::{Downtime, Image, Section, SkipReason};
use crate::table::head::Head;
use crate::table::shard::Env;
use crate::tag::Tag;
use crate::transaction::commit::Part;

/// A table whose query is not known at compile time.
#[doc(hidden)]
pub trait AnyTable: Send + Sync + Debug {
    /// All that does not depend on the query.
    fn head(&self) -> &Head;
    /// The table, if it has shards.
    fn used(&self) -> Option<&dyn UsedTable>;
    /// The table, if it takes part in snapshots.
    fn saved(&self) -> Option<&dyn SavedTable>;
}

/// A table that has shards. They are named by their places.
pub trait UsedTable: Send + Sync {
    fn head(&self) -> &Head;
    /// Live entries of a shard. Visits every survivor.
    fn live_at(&self, place: usize) -> usize;
    /// Lets go of all residents of a shard whose time is over.
    fn expire_due_at(&self, place: usize, now: Moment);
    /// Removes all dead keys of a shard, after letting go of what has expired. Returns how many keys went.
    fn reap_at(&self, place: usize, now: Moment) -> usize;
    /// Marks all entries. Returns how many.
    fn invalidate_all(&self) -> usize;
    /// Marks the entries with a tag of their own. Returns how many.
    fn invalidate_tagged(&self, tag: &Tag) -> usize;
    /// Adds what a shard holds, and has done.
    fn report_at(&self, place: usize, report: &mut TableReport);
    /// All entries, keys as text.
    fn report_entries(&self) -> Vec<EntryReport>;
    /// What empties the table as a part of a commit.
    fn clearing(&self) -> Box<dyn Part + '_>;
    /// What marks all entries as a part of a commit.
    fn marking(&self) -> Box<dyn Part + '_>;
    /// What marks the entries with some tags of their own as a part of a commit, if there are any. Lists them now.
    fn marking_tagged(&self, tags: &[Tag]) -> Option<Box<dyn Part + '_>>;
    /// Lets a shard push out what the table has too much.
    fn make_room_at(&self, place: usize, env: &Env<'_>);
    /// Pushes out the entry that is the oldest in the exact order.
    fn evict_oldest(&self, oldest: Oldest, env: &Env<'_>);
}

/// A table that takes part in snapshots.
pub trait SavedTable: Send + Sync {
    /// The entries as they are to be saved, copied on at most `threads` threads. To be called while the gate is closed.
    fn image(&self, with_survivors: bool, now: Moment, threads: usize) -> Option<Image<'_>>;
    /// What puts the entries of a snapshot back as a part of a commit; or why they are passed over. Decodes on at most
    /// `threads` threads.
    fn restoring(
        &self,
        section: &Section<'_>,
        downtime: Downtime,
        threads: usize,
    ) -> Result<Box<dyn Part + '_>, SkipReason>;
}

impl dyn AnyTable + '_ {
    /// Name of the table.
    pub(crate) fn name(&self) -> &'static str {
        self.head().name
    }

    /// Live entries. Visits every survivor.
    pub(crate) fn live(&self) -> usize {
        self.used().map_or(0, |table| table.live())
    }

    /// Removes all dead keys, after letting go of what has expired. Returns how many keys went.
    pub(crate) fn reap(&self) -> usize {
        let Some(table) = self.used() else { return 0 };
        let now = self.head().core.precise_now();
        table.places().map(|place| table.reap_at(place, now)).sum()
    }

    /// State and counters, and the entries if asked for.
    pub(crate) fn report(&self, with_entries: bool) -> TableReport {
        let head = self.head();
        let mut report = TableReport { name: head.name, bound: head.rules.bound, ..TableReport::default() };
        report.misses = head.early_misses();
        if let Some(table) = self.used() {
            table.expire_due();
            table.places().for_each(|place| table.report_at(place, &mut report));
            if with_entries {
                report.entries = table.report_entries();
            }
        }
        report
    }

    /// What [`SavedTable::image`] is; `None` if the table is not saved.
    pub(crate) fn image(&self, with_survivors: bool, now: Moment, threads: usize) -> Option<Image<'_>> {
        self.saved()?.image(with_survivors, now, threads)
    }

    /// What [`SavedTable::restoring`] is.
    pub(crate) fn restoring(
        &self,
        section: &Section<'_>,
        downtime: Downtime,
        threads: usize,
    ) -> Result<Box<dyn Part + '_>, SkipReason> {
        self.saved().ok_or(SkipReason::NotPersisted)?.restoring(section, downtime, threads)
    }
}

impl dyn UsedTable + '_ {
    fn places(&self) -> std::ops::Range<usize> {
        0..self.head().shard_count()
    }

    pub(crate) fn live(&self) -> usize {
        self.expire_due();
        self.places().map(|place| self.live_at(place)).sum()
    }

    /// Lets go of all residents whose time is over.
    pub(crate) fn expire_due(&self) {
        let now = self.head().core.precise_now();
        self.places().for_each(|place| self.expire_due_at(place, now));
    }

    /// Brings the table within its bound where one shard alone could not. To be called without locks.
    #[cold]
    pub(crate) fn settle(&self, env: &Env<'_>) {
        match env.recency {
            Some(recency) => {
                while env.ledger.is_over()
                    && let Some(oldest) = recency.oldest()
                {
                    self.evict_oldest(oldest, env);
                }
            }
            None => self.settle_by_shards(env),
        }
    }

    fn settle_by_shards(&self, env: &Env<'_>) {
        // First without touching what the commit itself wrote; if it wrote more than the table holds, with it.
        for revision in [env.revision, 0] {
            for _ in self.places() {
                if !env.ledger.is_over() {
                    return;
                }
                self.make_room_at(self.head().next_victim(), &Env { revision, ..*env });
            }
        }
    }
}
