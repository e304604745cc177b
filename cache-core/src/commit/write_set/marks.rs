//! What a transaction marks or touches: single keys, keys that match a predicate, and keys with a tag.

use super::{Mark, Predicate, Write, WriteLines, WriteOrder, WriteSet};
use crate::erased::{ErasedTable, UsedTable};
use crate::shard::key::{AnyKey, IsKey};
use crate::table::head::Head;
use crate::tag::Tag;

impl WriteSet {
    /// Marks or touches a key. Returns whether there is something to mark, and the line if this is its first write.
    pub(crate) fn mark(
        &mut self,
        hash: u32,
        is_key: IsKey<'_>,
        to_key: &dyn Fn() -> Box<dyn AnyKey>,
        invalidates: bool,
    ) -> (bool, Option<usize>) {
        let (table, lines) = self.split();
        lines.mark(table.used(), hash, is_key, to_key, invalidates)
    }

    pub(in crate::commit) fn mark_where(&mut self, matches: Predicate) {
        self.lines.marks_where.push(matches);
    }

    /// Makes the commit mark everything that is not written here.
    pub(crate) fn mark_all(&mut self) {
        self.lines.marks_rest = true;
    }

    /// Looks again for keys that the predicates mark: hooks have run since [`prepare`](Self::prepare), and
    /// loads may have begun. Must be called without locks.
    pub(crate) fn mark_matching_again(&mut self) {
        let (table, lines) = self.split();
        lines.mark_matching(table, &mut WriteOrder::new());
    }

    /// Marks the entries with these tags that the set does not write. Must be called without locks.
    pub(crate) fn mark_tagged(&mut self, tags: &[Tag]) {
        let (table, lines) = self.split();
        let Some(table) = table.used() else { return };
        for (_, key) in &table.tagged(tags) {
            lines.mark_unwritten(table.head(), Some(table), &**key);
        }
    }
}

impl WriteLines {
    /// Overtakes the running loads of an absent key.
    pub(super) fn overtake(&mut self, line: usize) {
        match &mut self.lines[line].write {
            Write::Mark { invalidate, .. } => *invalidate = true,
            _ => drop(self.put(line, Write::Overtake)),
        }
    }

    fn mark(
        &mut self,
        table: Option<&dyn UsedTable>,
        hash: u32,
        is_key: IsKey<'_>,
        to_key: &dyn Fn() -> Box<dyn AnyKey>,
        invalidates: bool,
    ) -> (bool, Option<usize>) {
        let at = self.find(hash, is_key);
        let was_touched = match at.map(|at| &mut self.lines[at].write) {
            Some(Write::Remove) => return (false, None),
            Some(Write::Set { mark, times }) => {
                *mark = Mark::of(invalidates);
                if !invalidates && let Some(times) = times {
                    times.as_of = None;
                }
                return (true, None);
            }
            Some(Write::Merge(merge)) => {
                merge.is_invalidated = invalidates;
                return (true, None);
            }
            Some(Write::Conditional(write)) => {
                write.marks = invalidates;
                return (true, None);
            }
            Some(Write::Mark { touch, .. }) => *touch,
            Some(Write::None | Write::Overtake) | None => false,
        };
        let is_there = table.is_some_and(|table| table.is_readable(hash, is_key));
        if !is_there && !invalidates {
            return (false, None);
        }
        let line = at.unwrap_or_else(|| self.line(hash, &*to_key()));
        if !is_there {
            self.overtake(line);
            return (false, None);
        }
        let touch = was_touched || !invalidates;
        (true, self.put(line, Write::Mark { touch, invalidate: invalidates }))
    }

    pub(super) fn is_marked_by_predicate_at(&self, line: usize) -> bool {
        !self.marks_where.is_empty() && self.is_marked_by_predicate(self.key(line))
    }

    fn is_marked_by_predicate(&self, key: &dyn AnyKey) -> bool {
        self.marks_where.iter().any(|matches| matches(key))
    }

    /// Adds lines for the keys that a predicate marks. Anything that happens from now on comes after the
    /// start of the commit.
    pub(super) fn mark_matching(&mut self, table: &dyn ErasedTable, order: &mut WriteOrder) {
        if self.marks_where.is_empty() {
            return;
        }
        let head = table.head();
        // Keys that are neither present nor watched may still have copies elsewhere.
        head.note_change_of_all();
        // Before the keys, so that each load is either overtaken or stores a key that is among them.
        let used = table.used();
        let mut keys = head.watchers.keys();
        if let Some(used) = used {
            keys.extend(used.loads().iter().map(|load| load.key().to_box()));
            keys.append(&mut used.live_keys());
        }
        keys.retain(|key| self.is_marked_by_predicate(&**key));
        for key in &keys {
            order.extend(self.mark_unwritten(head, used, &**key).map(|line| (head.index, line)));
        }
    }

    /// Marks a key that is not written here. Returns the line if this is its first write.
    fn mark_unwritten(
        &mut self,
        head: &Head,
        table: Option<&dyn UsedTable>,
        key: &dyn AnyKey,
    ) -> Option<usize> {
        let hash = head.hash_of(key);
        let is_key: IsKey<'_> = &|other| key.equals(other);
        let is_written = self.find(hash, is_key).is_some_and(|line| self.lines[line].is_written());
        match is_written {
            true => None,
            false => self.mark(table, hash, is_key, &|| key.to_box(), true).1,
        }
    }
}
