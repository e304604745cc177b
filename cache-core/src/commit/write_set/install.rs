//! The commit of a write set: validates under the locks, and installs.

use super::{Mark, Write, WriteLine, WriteLines, key_of};
use crate::clock::Moment;
use crate::commit::conditional::LineOutcome;
use crate::commit::locked_shards::{LockedShards, OpenShards};
use crate::commit::{Commit, CommitKind, Failure, Steps};
use crate::event::ChangeKind;
use crate::shard::key::{AnyKey, IsKey};
use crate::shard::{OpContext, ShardMut, ShardRef};
use crate::table::head::Head;
use crate::table::watchers::KeyEvent;

impl WriteLines {
    /// Compares the read of a line's key with the current entry, and locates the entry to be written.
    fn validate_line(
        &mut self,
        at: usize,
        shard: ShardRef<'_>,
        head: &Head,
        now: Moment,
    ) -> Result<(), Failure> {
        let WriteLine { hash, read, write, at: location, .. } = &mut self.lines[at];
        let key = key_of(&*self.pairs, at);
        let is_key: IsKey<'_> = &|other| key.equals(other);
        *location = shard.locate(*hash, is_key);
        if read.is_some_and(|seen| !shard.is_unchanged(seen, location.number)) {
            return Err(Failure::StaleRead(head.name, key.to_box()));
        }
        if let Write::Merge(merge) = write
            && !shard.is_unchanged(merge.base, location.number)
        {
            merge.is_stale = true;
            return Err(Failure::StaleBase(head.name, key.to_box()));
        }
        if matches!(write, Write::Overtake) && location.number.is_some() {
            *write = Write::Mark { touch: false, invalidate: true };
        }
        if let Write::Set { mark: Mark::Kept, .. } = write
            && let Some(Some(incoming)) = self.incoming.get_mut(at)
        {
            incoming.is_invalidated = location.number.is_none_or(|number| shard.is_invalidated(number));
        }
        if let Write::Conditional(write) = write {
            write.validate(head, shard, location.number, (*hash, is_key), (&mut self.affected, now));
            if write.is_required && write.outcome == LineOutcome::Skipped {
                return Err(Failure::StaleRead(head.name, key.to_box()));
            }
        }
        if matches!(write, Write::Conditional(write) if write.marks && write.outcome == LineOutcome::Skipped)
        {
            *write = Write::Mark { touch: false, invalidate: true };
        }
        Ok(())
    }

    /// Returns the change to report to listeners; `None` for a touch, or a mark on an absent key.
    fn reported_kind(line: &WriteLine, shard: ShardRef<'_>) -> Option<ChangeKind> {
        if let Write::Conditional(write) = &line.write {
            return (write.outcome == LineOutcome::Written).then_some(ChangeKind::Set);
        }
        let kind = line.write.kind()?;
        let is_reported = match kind {
            ChangeKind::Touched => false,
            ChangeKind::Invalidated => line.at.number.is_some_and(|number| !shard.lines.is_dead(number)),
            _ => true,
        };
        is_reported.then_some(kind)
    }

    /// Installs all lines. A simple write of a new key evicts at once, and spares the entries of this commit.
    /// So in tables with simple writes, the lines of present keys come first. Returns whether all writes were
    /// simple.
    pub(super) fn install_lines(
        &mut self,
        head: &Head,
        shards: &mut OpenShards<'_>,
        context: &OpContext<'_>,
        has_simple_commits: bool,
    ) -> bool {
        let (mut has_new, mut are_simple) = (false, true);
        for at in 0..self.lines.len() {
            match has_simple_commits && self.lines[at].at.number.is_none() {
                true => has_new = true,
                false => are_simple &= self.install_line(at, head, shards, context, has_simple_commits),
            }
        }
        if has_new {
            for at in 0..self.lines.len() {
                // Located before the first write, so both passes split the lines in the same way.
                if self.lines[at].at.number.is_none() {
                    are_simple &= self.install_line(at, head, shards, context, true);
                }
            }
        }
        are_simple
    }

    /// Installs one line. Returns whether it did not take the general path.
    fn install_line(
        &mut self,
        at: usize,
        head: &Head,
        shards: &mut OpenShards<'_>,
        context: &OpContext<'_>,
        has_simple_commits: bool,
    ) -> bool {
        let line = &self.lines[at];
        if line.write.is_change() {
            head.dirty_marks.mark(line.hash);
            head.note_input_change(line.hash);
        } else if line.write.is_answer() {
            head.note_input_change(line.hash);
        }
        if !line.is_written() {
            return true;
        }
        let Some(shard) = shards.of(line.hash) else { return true };
        if line.write.is_mark_or_removal() {
            shard.note_change(head.shared.next_in_sequence());
        }
        if has_simple_commits
            && line.is_simple()
            && shard.write_if_simple(self.copies.pair_mut(at), (line.hash, line.at), None, context)
        {
            return true;
        }
        self.install_generally(at, head, shard, context);
        false
    }

    fn install_generally(
        &mut self,
        at: usize,
        head: &Head,
        shard: &mut ShardMut<'_>,
        context: &OpContext<'_>,
    ) {
        let Self { copies, lines, incoming, tags, .. } = self;
        let line = &lines[at];
        let incoming = incoming.get_mut(at).and_then(Option::take);
        if let Write::Conditional(write) = &line.write {
            let new = (copies.pair_mut(at), incoming);
            return write.install(new, (line.hash, line.at), tags.at(at), shard, context);
        }
        let location = shard.expire_at(line.at, context);
        match (&line.write, incoming, location.number) {
            (Write::Remove, ..) => {
                shard.remove(location, context);
            }
            (Write::Mark { touch, invalidate }, _, Some(number)) => {
                if *touch {
                    shard.touch(number, context);
                }
                if *invalidate {
                    shard.invalidate(number);
                }
            }
            (write @ (Write::Set { .. } | Write::Merge(_)), incoming, _) => {
                // For a simple write, no foreign code runs here.
                let simple = || head.incoming_simply(context.now);
                let mut incoming = incoming.unwrap_or_else(simple);
                incoming.begin(context.now, write.as_of());
                let number = shard.write(copies.pair_mut(at), line.hash, location, incoming, context);
                shard.tag(number, tags.at(at));
            }
            _ => {}
        }
    }
}

impl Steps for WriteLines {
    fn lock(&self, locked: &mut LockedShards<'_>) {
        match self.marks_rest {
            true => locked.lock_all(),
            false => {
                let lines = self.lines.iter().map(|line| (line.hash, line.is_written()));
                match &self.inputs {
                    None => locked.lock(lines),
                    Some(inputs) => locked.lock(lines.chain(inputs.hashes().map(|hash| (hash, false)))),
                }
            }
        }
    }

    fn validate(&mut self, locked: &LockedShards<'_>, commit: &mut Commit<'_>) -> Result<(), Failure> {
        let table = locked.table();
        let head = table.head();
        let has_listeners = head.shared.events.has_listeners();
        if self.inputs.as_ref().is_some_and(|inputs| !inputs.hold(locked)) {
            return Err(Failure::StaleAnswer);
        }
        self.affected.restart();
        for at in 0..self.lines.len() {
            let hash = self.lines[at].hash;
            let shard = locked.shard(hash);
            match self.validate_line(at, shard, head, commit.now) {
                Err(stale @ Failure::StaleBase(..)) => {
                    commit.overtaken.get_or_insert(stale);
                }
                valid => valid?,
            }
            let line = &self.lines[at];
            if let Write::Conditional(write) = &line.write
                && write.outcome == LineOutcome::Written
            {
                commit.require(CommitKind::Write);
            }
            if let Some(event) = line.write.key_event() {
                let key = key_of(&*self.pairs, at);
                self.affected.find(event, head, shard, (hash, &|other| key.equals(other)));
            }
            if has_listeners && let Some(kind) = Self::reported_kind(line, shard) {
                head.add_change(&mut commit.changes, kind, &|| self.pairs.pair(at).entry());
            }
        }
        if self.marks_rest {
            let is_marked = |key: &dyn AnyKey| {
                let line = self.find(head.hash_of(key), &|other| key.equals(other));
                line.is_none_or(|line| !self.lines[line].is_written())
            };
            for shard in locked.all() {
                table.add_marks(shard, &is_marked, &mut commit.changes);
            }
        }
        Ok(())
    }

    fn install(&mut self, locked: &mut LockedShards<'_>, commit: &Commit<'_>) {
        let head = locked.table().head();
        (self.now, self.revision) = (commit.now, commit.revision());
        if self.marks_rest {
            // Before the writes, which clear the marks of their own entries.
            for shard in locked.open_used().each() {
                shard.invalidate_all();
            }
            head.all_changed(KeyEvent::Marked);
        }
        let context = head.context(commit.now, commit.revision());
        let mut shards = locked.open();
        self.affected.notify(&mut shards);
        for shard in shards.each() {
            shard.begin(&context);
        }
        self.install_lines(head, &mut shards, &context, head.has_simple_commits());
        for shard in shards.each() {
            shard.finish(&context);
            head.publish(shard);
        }
    }
}
