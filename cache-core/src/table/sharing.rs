//! Marks in tables whose query is unknown, for clients that learn from elsewhere what is out of date.

use super::head::Head;
use crate::erased::{AnyTable, UsedTable};
use crate::shard::key::AnyKey;
use crate::snapshot::SharedCodec;
use crate::sync::atomic::Ordering;
use crate::tag::Tag;

impl<'a> AnyTable<'a> {
    /// Returns how entries travel between machines; `None` without the option `share`.
    #[must_use]
    pub fn sharing(self) -> Option<SharedCodec> {
        self.0.head().sharing()
    }

    /// Returns whether entries may travel between machines.
    #[must_use]
    pub fn is_shared(self) -> bool {
        self.0.head().sharing.is_some()
    }

    /// From now on, restored entries are marked, since what has happened meanwhile on other machines is unknown.
    pub fn mark_restored(self) {
        self.0.head().marks_restored.store(true, Ordering::Release);
    }

    /// Adds the tags of a key: those of its query, and its own.
    pub fn each_tag(self, key: &dyn AnyKey, add: &mut dyn FnMut(Tag)) {
        let head = self.0.head();
        head.tags.iter().for_each(|&tag| add(tag.into()));
        if head.has_entry_tags {
            key.each_tag(add);
        }
    }

    /// Returns whether keys of the table may have this tag.
    #[must_use]
    pub fn may_have_tag(self, tag: &Tag) -> bool {
        let head = self.0.head();
        head.has_entry_tags || tag.is_among(head.tags)
    }

    /// Works as [`Cache::invalidate`](crate::Cache::invalidate), for a key of this table.
    pub fn invalidate(self, key: &dyn AnyKey) -> bool {
        let hash = self.0.head().hash_of(key);
        // As `Table::used_for_change`.
        let used = self.0.used().or_else(|| {
            self.0.head().note_change_of_unused(hash);
            self.0.used()
        });
        used.is_some_and(|table| table.invalidate(hash, &|other| key.equals(other), &|| key.to_box()))
    }

    /// Works as [`Cache::invalidate_tag`](crate::Cache::invalidate_tag), for this table alone.
    pub fn invalidate_tag(self, tag: &Tag) -> usize {
        let head = self.0.head();
        if tag.is_among(head.tags) {
            return self.invalidate_entries();
        }
        if !head.has_entry_tags {
            return 0;
        }
        head.note_tag(tag);
        self.0.used().map_or(0, |table| table.invalidate_by_tag(tag))
    }

    /// Marks all entries, and overtakes all loads and watches of the table.
    pub fn invalidate_entries(self) -> usize {
        // Before the check whether the table is used: it may become used.
        self.0.head().note_change_of_all();
        self.0.used().map_or(0, |table: &dyn UsedTable| table.invalidate_where(&|_| true))
    }
}

impl Head {
    /// Returns whether entries that are restored now are marked.
    pub(crate) fn marks_restored(&self) -> bool {
        self.marks_restored.load(Ordering::Acquire)
    }
}
