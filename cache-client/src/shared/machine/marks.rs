//! A bounded set of marks: drops that are not acknowledged yet. In doubt it names more than was put in, never less.

use std::collections::HashSet;

use crate::shared::mark::{Key, Mark, tag_bucket};

/// The keys, and the tags, that a set has at most. Beyond that, keys become their tables, and tags everything.
pub(crate) const LIMIT: usize = 10_000;

/// Marks, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct MarkSet {
    keys: HashSet<Key>,
    /// Of these, `keys` has none.
    tables: HashSet<Box<str>>,
    tags: HashSet<Box<[u8]>>,
    /// If so, there is nothing else.
    all: bool,
}

impl MarkSet {
    pub(crate) fn is_empty(&self) -> bool {
        !self.all && self.keys.is_empty() && self.tables.is_empty() && self.tags.is_empty()
    }

    /// How many marks the set has.
    pub(crate) fn len(&self) -> usize {
        self.keys.len() + self.tables.len() + self.tags.len() + usize::from(self.all)
    }

    pub(crate) fn insert(&mut self, mark: Mark) {
        if self.all {
            return;
        }
        match mark {
            Mark::Key(key) if self.tables.contains(key.table()) => {}
            Mark::Key(key) => {
                self.keys.insert(key);
            }
            Mark::Table(table) => {
                self.keys.retain(|key| key.table() != &*table);
                self.tables.insert(table);
            }
            Mark::Tag(tag) => {
                self.tags.insert(tag);
            }
            Mark::All => *self = Self { all: true, ..Self::default() },
        }
        if self.keys.len() > LIMIT {
            self.tables.extend(self.keys.drain().map(|key| key.table().into()));
        }
        if self.tags.len() > LIMIT {
            self.insert(Mark::All);
        }
    }

    /// Returns whether a value of this key with these hashes of tags may be among what is marked.
    pub(crate) fn covers(&self, key: &Key, tags: &[u16]) -> bool {
        self.all
            || self.keys.contains(key)
            || self.tables.contains(key.table())
            || self.tags.iter().any(|tag| tags.contains(&tag_bucket(tag)))
    }

    /// Removes up to `count` marks and returns them.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Mark> {
        let all = std::mem::take(&mut self.all).then_some(Mark::All);
        let mut taken: Vec<_> = all.into_iter().collect();
        taken.extend(take_some(&mut self.tables, count - taken.len()).map(Mark::Table));
        taken.extend(take_some(&mut self.tags, count - taken.len()).map(Mark::Tag));
        taken.extend(take_some(&mut self.keys, count - taken.len()).map(Mark::Key));
        taken
    }
}

impl FromIterator<Mark> for MarkSet {
    fn from_iter<I: IntoIterator<Item = Mark>>(marks: I) -> Self {
        let mut set = Self::default();
        marks.into_iter().for_each(|mark| set.insert(mark));
        set
    }
}

fn take_some<T: Clone + Eq + std::hash::Hash>(set: &mut HashSet<T>, count: usize) -> impl Iterator<Item = T> {
    let taken: Vec<_> = set.iter().take(count).cloned().collect();
    taken.iter().for_each(|item| {
        set.remove(item);
    });
    taken.into_iter()
}

#[cfg(test)]
mod tests;
