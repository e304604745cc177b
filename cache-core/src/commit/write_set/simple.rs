//! Simple commits: values, and perhaps reads, in tables with a capacity, without hooks or listeners. Most
//! commits are simple. They have the phases of a [`Commit`], without the work that only other commits need.
//!
//! [`Commit`]: crate::commit::Commit

use smallvec::SmallVec;

use super::{WriteLine, WriteLines, WriteSet};
use crate::clock::Moment;
use crate::commit::locked_shards::LockedShards;
use crate::commit::{Part, Steps};
use crate::shard::DisplacedPairs;
use crate::shared::Shared;

/// Commits all sets of a transaction, if the commit is simple. Returns the revision; `None` if nothing was
/// done.
pub(crate) fn commit_simply(shared: &Shared, sets: &mut [Box<WriteSet>]) -> Option<u64> {
    let mut writes = false;
    for set in sets.iter_mut() {
        writes |= set.prepare_simply()?;
    }
    if !writes {
        return None;
    }
    sets.sort_unstable_by_key(|set| set.table_index);
    let now = shared.precise_now();
    shared.gate.pass();
    let mut displaced = Vec::new();
    let revision = install(shared, sets, now, &mut displaced)?;
    // Before the drop of a value may panic.
    shared.log.note(revision, None, || sets.iter().map(|set| set.table().name()).collect());
    for set in sets.iter_mut() {
        set.unlocked();
    }
    drop(displaced);
    for set in sets.iter_mut() {
        set.drop_displaced();
    }
    shared.drain();
    Some(revision)
}

/// Does the work under locks. Changes nothing if it returns `None`.
fn install(
    shared: &Shared,
    sets: &mut [Box<WriteSet>],
    now: Moment,
    displaced: &mut Vec<DisplacedPairs>,
) -> Option<u64> {
    let mut locked = SmallVec::<[(LockedShards<'_>, &mut WriteLines); 2]>::new();
    for set in sets {
        let (table, lines) = set.split();
        locked.push((LockedShards::of(table.used()?), lines));
        let (shards, lines) = locked.last_mut()?;
        lines.lock(shards);
        if !lines.locate_simply(shards, now) {
            return None;
        }
    }
    if shared.gate.is_closed() {
        return None;
    }
    let revision = shared.next_revision();
    for (shards, lines) in &mut locked {
        lines.install_simply(shards, now, revision, displaced);
    }
    Some(revision)
}

impl WriteSet {
    /// Copies what will be written. Returns whether there is anything to write; `None` if the commit is not
    /// simple.
    fn prepare_simply(&mut self) -> Option<bool> {
        let (table, lines) = self.split();
        let is_simple = |line: &WriteLine| line.is_simple() || !line.is_written();
        if lines.marks_rest
            || !lines.marks_where.is_empty()
            || !table.head().has_simple_commits()
            || !lines.lines.iter().all(is_simple)
        {
            return None;
        }
        lines.copy();
        Some(lines.lines.iter().any(WriteLine::is_written))
    }
}

impl WriteLines {
    /// Locates the keys in the locked shards. Returns whether they need only simple writes and the reads are
    /// unchanged.
    fn locate_simply(&mut self, locked: &LockedShards<'_>, now: Moment) -> bool {
        let Self { pairs, lines, .. } = self;
        let head = locked.table().head();
        if !head.watchers.is_empty()
            || head.ledger.is_over()
            || !locked.all().all(|shard| shard.allows_simple_writes(now))
        {
            return false;
        }
        for (at, line) in lines.iter_mut().enumerate() {
            let shard = locked.shard(line.hash);
            line.at.number = shard.find_pair(line.hash, pairs.pair(at));
            if line.read.is_some_and(|seen| !shard.is_unchanged(seen, line.at.number)) {
                return false;
            }
        }
        true
    }

    fn install_simply(
        &mut self,
        locked: &mut LockedShards<'_>,
        now: Moment,
        revision: u64,
        displaced: &mut Vec<DisplacedPairs>,
    ) {
        let head = locked.table().head();
        (self.now, self.revision) = (now, revision);
        let context = head.context(now, revision);
        let mut shards = locked.open();
        // Another shard may have filled the table meanwhile.
        let mut allows_simple_writes = self.install_lines(head, &mut shards, &context, true);
        for shard in shards.each() {
            if !shard.allows_simple_writes(now) {
                shard.finish(&context);
                allows_simple_writes = false;
            }
        }
        drop(shards);
        match allows_simple_writes {
            // Simple writes have left what they displaced in the copies.
            true => locked.set_nothing_displaced(),
            false => locked.take_displaced(displaced),
        }
    }
}
