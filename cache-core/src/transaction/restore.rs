//! Putting saved entries into a table, as a part of a commit.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;

use super::commit::{Commit, CommitKind, Failure, Part};
use crate::event::ChangeKind;
use crate::query::Query;
use crate::snapshot::{EntryMeta, RestoreReport, SavedEntry, TableRestore};
use crate::table::shard::{Incoming, Outbox, Page, Place, Standing};
use crate::table::{Guard, Table};

/// Entries of one table on their way back, least recently used first.
pub(crate) struct Restoring<'a, Q: Query> {
    table: &'a Table<Q>,
    lines: Vec<Line<Q>>,
    out: Outbox<Q>,
    report: TableRestore,
    /// Values of a table that keeps nothing, for the report to keep.
    homeless: Vec<(Q, Arc<Q::Value>)>,
    revision: u64,
}

struct Line<Q: Query> {
    key: Q,
    hash: u32,
    place: Place,
    incoming: Incoming<Q::Value>,
}

impl<'a, Q: Query> Restoring<'a, Q> {
    /// Takes those of `entries` whose time is not over and for which the table has room: the last ones, when the
    /// bound is smaller than it was. Of several with one key, the last one used. Runs the weigher.
    pub(crate) fn new(table: &'a Table<Q>, entries: Vec<SavedEntry<Q>>, mut report: TableRestore) -> Self {
        let now = table.now();
        let mut room = table.rules().limit();
        let mut lines: Vec<Line<Q>> = Vec::with_capacity(entries.len());
        // Keys that differed when they were saved may be equal now: if a field is left out of the snapshot, say.
        let mut known = HashTable::with_capacity(entries.len());
        let mut homeless = Vec::new();
        for entry in entries.into_iter().rev() {
            let EntryMeta { age, idle, ttl, fresh, invalidated, rank, uses, .. } = entry.meta;
            let (age, idle) = (Duration::from(age), Duration::from(idle));
            let (ttl, fresh) = (ttl.map(Duration::from), fresh.map(Duration::from));
            if table.rules().is_over(age, idle, ttl) {
                report.expired += 1;
                continue;
            }
            let hash = table.hash(&entry.key);
            let is_it = |&at: &usize| lines[at].hash == hash && lines[at].key == entry.key;
            if known.find(u64::from(hash), is_it).is_some() {
                continue;
            }
            let weight = table.weigh(&entry.key, &entry.value);
            let Some(left) = room.checked_sub(u64::from(weight)) else {
                report.over_bound += 1;
                continue;
            };
            room = left;
            if !table.rules().keeps(ttl) {
                homeless.push((entry.key.clone(), Arc::clone(&entry.value)));
            }
            let incoming = Incoming {
                value: entry.value,
                weight,
                as_of: now - age,
                now,
                page: Page { ttl, fresh, label: None, used_at: now - idle },
                is_invalidated: invalidated,
                standing: Some(Standing { rank, uses }),
            };
            let place = Place { id: None, is_pinned: false };
            known.insert_unique(u64::from(hash), lines.len(), |&at| u64::from(lines[at].hash));
            lines.push(Line { hash, key: entry.key, place, incoming });
        }
        lines.reverse();
        homeless.reverse();
        report.restored = lines.len() as u64;
        Self { table, lines, out: Outbox::new(), report, homeless, revision: 0 }
    }
}

impl<Q: Query> Part for Restoring<'_, Q> {
    fn table_index(&self) -> usize {
        self.table.index()
    }

    fn kind(&self) -> CommitKind {
        if self.lines.is_empty() { CommitKind::Read } else { CommitKind::Write }
    }

    fn apply(&mut self, commit: &mut Commit<'_>, rest: &mut [Box<dyn Part + '_>]) -> Result<(), Failure> {
        let table = self.table;
        if self.lines.is_empty() {
            return commit.go_on(rest);
        }
        let mut guards: Vec<Guard<'_, Q>> = table.made_shards().map(|shard| shard.write()).collect();
        for Line { key, hash, place, incoming } in &mut self.lines {
            *place = guards[table.place_of(*hash)].locate(*hash, |known| known == key);
            table.flights.overtake(*hash, |loaded| loaded == key);
            commit.changes.append(&mut table.change(key, ChangeKind::Set, Some(&incoming.value)));
        }
        commit.go_on(rest)?;
        self.revision = commit.revision();
        let env = table.env(commit.now, self.revision);
        for shard in &mut guards {
            shard.begin(&env, &mut self.out);
        }
        for Line { key, hash, place, incoming } in self.lines.drain(..) {
            let shard = &mut guards[table.place_of(hash)];
            let place = shard.meet(hash, place, &env, &mut self.out);
            shard.write(key, hash, place, incoming, &env, &mut self.out);
        }
        for shard in &mut guards {
            shard.finish(&env, &mut self.out);
            table.publish(shard, &mut self.out);
        }
        Ok(())
    }

    fn unlocked(&mut self) {
        self.table.settle(&self.table.env(self.table.now(), self.revision));
        self.out.clear();
    }

    fn restored(&mut self, report: &mut RestoreReport) {
        report.tables.push(std::mem::take(&mut self.report));
        report.keep(std::mem::take(&mut self.homeless));
    }
}
