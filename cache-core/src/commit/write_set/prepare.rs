//! What a commit does before anything is locked: everything that runs foreign code.

use std::sync::Arc;

use super::{Mark, Write, WriteLines, WriteOrder, WriteSet, key_of};
use crate::clock::Moment;
use crate::erased::UsedTable;
use crate::table::head::Head;

impl WriteSet {
    /// Runs all foreign code that the commit needs, before anything is locked. Adds the lines that result
    /// from it to `order`.
    pub(crate) fn prepare(&mut self, label: Option<&Arc<str>>, order: &mut WriteOrder) {
        let (table, lines) = self.split();
        let head = table.head();
        let has_simple_commits = head.has_simple_commits();
        lines.mark_matching(table, order);
        lines.affected.clear();
        lines.tags.clear();
        lines.incoming.clear();
        for at in 0..lines.lines.len() {
            if head.has_entry_tags {
                match lines.lines[at].write.has_value() {
                    true => lines.tags.push(&head.tags_of(lines.key(at))),
                    false => lines.tags.push(&[]),
                }
            }
            if let (Write::Merge(_), Some(table)) = (&lines.lines[at].write, table.used()) {
                lines.merge_again(table, at);
            }
        }
        lines.copy();
        for at in 0..lines.lines.len() {
            lines.prepare(head, at, label, has_simple_commits);
        }
    }
}

impl WriteLines {
    /// Runs a merge again if its base has changed.
    fn merge_again(&mut self, table: &dyn UsedTable, at: usize) {
        let line = &mut self.lines[at];
        if let Write::Merge(merge) = &mut line.write
            && merge.is_stale
        {
            let key = key_of(&*self.pairs, at);
            let (present, seen) = table.read_handle(line.hash, &|other| key.equals(other));
            let merged = merge.merges.run(present.as_ref());
            if let Some(mut merged) = merged {
                self.pairs.pair_mut(at).swap(&mut *merged, false);
            }
            (merge.base, merge.is_stale) = (seen, false);
        }
    }

    /// Prepares what is installed. Makes no `Incoming` for a simple line of a table with simple commits.
    fn prepare(&mut self, head: &Head, at: usize, label: Option<&Arc<str>>, has_simple_commits: bool) {
        let line = &self.lines[at];
        if has_simple_commits && line.is_simple() {
            return;
        }
        let (times, is_invalidated) = match &line.write {
            Write::Set { times, mark } => (times.as_deref().copied(), *mark == Mark::Yes),
            Write::Merge(merge) => (None, merge.is_invalidated),
            Write::Conditional(write) => (Some(write.times), write.is_marked()),
            _ => return,
        };
        // Its times begin when it is installed.
        let now = Moment::ORIGIN;
        let mut incoming = head.incoming(self.copies.pair(at), &times.unwrap_or_default(), label, now);
        incoming.is_invalidated = is_invalidated;
        self.incoming.resize_with(at + 1, || None);
        self.incoming[at] = Some(incoming);
    }
}
