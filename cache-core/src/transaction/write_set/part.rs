//! The commit of a table's lines: what is compared under the locks, and what is installed.

use std::any::Any;
use std::sync::Arc;

use super::{Base, Line, MOST_KEPT, Made, Mark, Told, Write, WriteSet, find_line, table_of};
use crate::Revision;
use crate::clock::Moment;
use crate::event::{Change, ChangeKind, EntryOf};
use crate::query::Query;
use crate::table::shard::{Env, Outbox, Shard};
use crate::table::tags::TagLists;
use crate::table::{Table, Use};
use crate::tag::Tag;
use crate::transaction::commit::{Commit, CommitKind, ConflictKey, Failure, LockedPart, Part};
use crate::transaction::locked::Locked;
use crate::transaction::{Order, spare};

impl<Q: Query> WriteSet<Q> {
    /// Whether listeners are told of a line: not of a touch, nor of a mark on nothing.
    fn is_heard(line: &Line<Q>, kind: ChangeKind, shard: &Shard<Q>) -> bool {
        match kind {
            ChangeKind::Touched => false,
            ChangeKind::Invalidated => {
                let slot = line.place.number.and_then(|number| shard.slot(number));
                slot.is_some_and(|slot| !slot.hold.is_dead())
            }
            _ => true,
        }
    }

    /// Compares what was read with what is there, and finds the places of what will be written.
    fn validate(line: &mut Line<Q>, shard: &Shard<Q>, table: &'static str) -> Result<(), Failure> {
        let Line { key, hash, read, write, place, incoming } = line;
        if read.is_some_and(|seen| !shard.is_unchanged(seen, *hash, key)) {
            return Err(Failure::StaleRead(table, Box::new(ConflictKey(key.clone()))));
        }
        if let Write::Merge { made, .. } = write
            && !shard.is_unchanged(made.base.seen, *hash, key)
        {
            made.base.is_stale = true;
            return Err(Failure::StaleBase(table, Box::new(ConflictKey(key.clone()))));
        }
        if !matches!(write, Write::None) {
            *place = shard.locate(*hash, key);
        }
        if matches!(write, Write::Overtake) && place.number.is_some() {
            *write = Write::Mark { touch: false, invalidate: true };
        }
        if let (Write::Set { mark: Mark::Kept, .. }, Some((_, incoming))) = (&*write, incoming) {
            incoming.is_invalidated = place.number.is_none_or(|number| shard.is_invalidated(number));
        }
        Ok(())
    }

    /// Locks the shards of all lines, validates, and finds those that are to be told.
    fn lock_lines(&mut self, commit: &mut Commit<'_>) -> Result<ToWrite<'_, Q>, Failure> {
        let Self { home, lines, index, out, told, marks_rest, tags, now, revision, .. } = self;
        let (table, marks_rest) = (table_of(home), *marks_rest);
        let locked = match marks_rest {
            true => Locked::lock_all(table),
            false => Locked::lock(table, lines.iter().map(|line| (line.hash, line.is_written()))),
        };
        for line in lines.iter_mut() {
            let shard = locked.shard(table.place_of(line.hash));
            match Self::validate(line, shard, table.name()) {
                Err(stale @ Failure::StaleBase(..)) => {
                    commit.overtaken.get_or_insert(stale);
                }
                valid => valid?,
            }
            told.find(table, line);
            if let Some(kind) = line.write.kind()
                && table.core().events.has_listeners()
                && Self::is_heard(line, kind, shard)
            {
                commit.changes.append(&mut table.change(&line.key, kind, line.write.value()));
            }
        }
        if marks_rest {
            let is_told = |key: &Q| match find_line(lines, index, key, table.hash(key)) {
                Some(at) => matches!(lines[at].write, Write::None),
                None => true,
            };
            commit.changes.extend(locked.all().flat_map(|shard| table.changes_of_marks(shard, is_told)));
        }
        Ok(ToWrite { table, locked, lines, tags, out, told, marks_rest, now, revision })
    }
}

/// Lines whose shards are locked.
struct ToWrite<'a, Q: Query> {
    table: &'a Table<Q>,
    locked: Locked<'a, Q>,
    lines: &'a mut [Line<Q>],
    tags: &'a TagLists,
    out: &'a mut Outbox<Q>,
    told: &'a Told<Q>,
    marks_rest: bool,
    now: &'a mut Moment,
    revision: &'a mut u64,
}

impl<Q: Query> LockedPart for ToWrite<'_, Q> {
    fn install(&mut self, commit: &Commit<'_>) {
        let Self { table, locked, lines, tags, out, told, marks_rest, now, revision } = self;
        (**now, **revision) = (commit.now, commit.revision());
        if *marks_rest {
            // Before the writes, which clear the marks of theirs.
            locked.written().for_each(Shard::invalidate_all);
            table.all_marked();
        }
        told.tell();
        let env = table.env(commit.now, commit.revision());
        locked.written().for_each(|shard| shard.begin(&env, out));
        for (at, line) in lines.iter_mut().enumerate().filter(|(_, line)| line.is_written()) {
            if line.write.is_change() {
                table.trail().note(line.hash);
            }
            if let Some(shard) = locked.shard_mut(table.place_of(line.hash)) {
                line.install(shard, tags.at::<Q>(at), &env, out);
            }
        }
        for shard in locked.written() {
            shard.finish(&env, out);
            table.publish(out);
        }
    }
}

impl<Q: Query> Line<Q> {
    fn install(&mut self, shard: &mut Shard<Q>, tags: &[u32], env: &Env<'_>, out: &mut Outbox<Q>) {
        let place = shard.meet(self.place, env, out);
        match (&self.write, self.incoming.take(), place.number) {
            (Write::Remove, ..) => {
                shard.remove(place, env, out);
            }
            (Write::Mark { touch, invalidate }, _, Some(number)) => {
                if *touch {
                    shard.touch(number, env, out);
                }
                if *invalidate {
                    shard.invalidate(number);
                }
            }
            (write, Some((key, mut incoming)), _) => {
                incoming.begin(env.now, write.as_of());
                let number = shard.write(key, self.hash, place, incoming, env, out);
                shard.tag(number, tags);
            }
            _ => {}
        }
    }
}

impl<Q: Query> Part for WriteSet<Q> {
    fn table_index(&self) -> usize {
        self.table().index()
    }

    fn lock<'a>(&'a mut self, commit: &mut Commit<'_>) -> Result<Box<dyn LockedPart + 'a>, Failure> {
        Ok(Box::new(self.lock_lines(commit)?))
    }

    fn apply(&mut self, commit: &mut Commit<'_>, rest: &mut [Box<dyn Part + '_>]) -> Result<(), Failure> {
        let mut locked = self.lock_lines(commit)?;
        commit.go_on(rest)?;
        locked.install(commit);
        Ok(())
    }

    fn unlocked(&mut self) {
        let table = self.table();
        table.settle(&table.env(self.now, self.revision));
        self.out.clear();
        self.told.clear();
    }

    fn kind(&self) -> CommitKind {
        let kind = |line: &Line<Q>| match line.write {
            Write::None => CommitKind::Read,
            Write::Mark { .. } | Write::Overtake => CommitKind::Mark,
            _ => CommitKind::Write,
        };
        let least = if self.marks_rest { CommitKind::Mark } else { CommitKind::Read };
        self.lines.iter().map(kind).fold(least, Ord::max)
    }

    fn prepare(&mut self, label: Option<&Arc<str>>, order: &mut Order) {
        self.mark_matching(order);
        self.told.clear();
        let Self { home, lines, tags, .. } = self;
        let table = table_of(home);
        if Table::<Q>::HAS_TAGS {
            tags.clear();
            lines.iter().for_each(|line| tags.push(&line.tags(table)));
        }
        for line in lines {
            if let Write::Merge { made, value, .. } = &mut line.write
                && made.base.is_stale
            {
                let Made { steps, base } = &mut **made;
                let (present, seen) = table.sight(&line.key, Use::Uncounted);
                let mut merged = None;
                for step in steps.iter() {
                    merged = Some(step(merged.as_deref().or(present.as_deref())));
                }
                if let Some(merged) = merged {
                    *value = merged;
                }
                *base = Base { seen, is_stale: false };
            }
            let (times, is_invalidated) = match &line.write {
                Write::Set { times, mark, .. } => (times.as_deref().copied(), *mark == Mark::Yes),
                Write::Merge { is_invalidated, .. } => (None, *is_invalidated),
                _ => continue,
            };
            if let Some(value) = line.write.value() {
                let times = times.unwrap_or_default();
                // Its times begin when it is installed.
                let now = Moment::ORIGIN;
                let mut incoming = table.incoming(&line.key, Arc::clone(value), times, label, now);
                incoming.is_invalidated = is_invalidated;
                line.incoming = Some((line.key.clone(), incoming));
            }
        }
    }

    fn mark_matching_again(&mut self) {
        self.mark_matching(&mut Order::new());
    }

    fn mark_rest(&mut self) {
        self.marks_rest = true;
    }

    fn mark_tagged(&mut self, tags: &[Tag]) {
        if Table::<Q>::HAS_TAGS {
            for key in &self.table().tagged(tags) {
                self.mark_unwritten(key);
            }
        }
    }

    fn change(&self, line: usize) -> Option<Change> {
        let line = self.lines.get(line)?;
        let entry = Box::new(EntryOf { key: line.key.clone(), value: line.write.value().cloned() });
        let kind = line.write.kind()?;
        let revision = (self.revision > 0).then_some(Revision(self.revision));
        Some(Change { table: self.table().name(), revision, kind, entry })
    }

    fn recycle(mut self: Box<Self>) {
        // Values first, while their cache is certain to be there.
        self.lines.clear();
        self.index.clear();
        self.out.clear();
        self.told.clear();
        self.marks_where.clear();
        if Table::<Q>::HAS_TAGS {
            self.tags.clear();
        }
        self.marks_rest = false;
        self.revision = 0;
        self.home = None;
        if self.lines.capacity() <= MOST_KEPT {
            spare::put(self);
        }
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn as_any_mut(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }
}
