//! What is done with all shards of a table, whoever asks.

use super::Table;
use super::head::Head;
use super::shard::{Env, Outbox};
use crate::any_table::UsedTable;
use crate::clock::Moment;
use crate::inspect::{EntryReport, TableReport};
use crate::query::{Query, ShownKey};
use crate::retention::recency::Oldest;
use crate::tag::Tag;
use crate::transaction::commit::Part;
use crate::transaction::tagged::MarkingTagged;
use crate::transaction::whole::{ClearingOf, Marking};

impl<Q: Query> UsedTable for Table<Q> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn live_at(&self, place: usize) -> usize {
        self.shard_at(place).read().live_count()
    }

    fn expire_due_at(&self, place: usize, now: Moment) {
        if self.shard_at(place).read().has_due(now) {
            self.let_go(place, now, &mut |shard, env, out| shard.expire_due(usize::MAX, env, out));
        }
    }

    fn reap_at(&self, place: usize, now: Moment) -> usize {
        let mut reaped = 0;
        self.alter_shard(place, now, &mut |shard, env, out| reaped = shard.reap(env, out));
        reaped
    }

    fn invalidate_all(&self) -> usize {
        self.invalidate_where(&|_| true)
    }

    fn invalidate_tagged(&self, tag: &Tag) -> usize {
        if Self::HAS_TAGS { self.invalidate_by_tag(tag) } else { 0 }
    }

    fn report_at(&self, place: usize, report: &mut TableReport) {
        report.add_shard(&self.shard_at(place).read());
    }

    fn report_entries(&self) -> Vec<EntryReport> {
        let mut reports = Vec::new();
        for entry in self.entries() {
            reports.push(EntryReport::new(&ShownKey(entry.key()), entry.state()));
        }
        reports
    }

    fn clearing(&self) -> Box<dyn Part + '_> {
        Box::new(ClearingOf::new(self))
    }

    fn marking(&self) -> Box<dyn Part + '_> {
        Box::new(Marking(self))
    }

    fn marking_tagged(&self, tags: &[Tag]) -> Option<Box<dyn Part + '_>> {
        if !Self::HAS_TAGS {
            return None;
        }
        Some(Box::new(MarkingTagged::new(self, tags)?))
    }

    fn make_room_at(&self, place: usize, env: &Env<'_>) {
        let mut out = Outbox::new();
        let mut shard = self.shard_at(place).write();
        shard.make_room(env, &mut out);
        self.publish(&mut out);
    }

    fn evict_oldest(&self, oldest: Oldest, env: &Env<'_>) {
        let mut out = Outbox::new();
        let mut shard = self.shard_at(self.place_of(oldest.hash)).write();
        shard.evict_oldest(oldest, env, &mut out);
        self.publish(&mut out);
    }
}
