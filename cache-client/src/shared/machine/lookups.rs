//! The keys that are looked up now, each with its last drop since. Tables and tags have numbers of their own.

use std::collections::HashMap;

use crate::shared::mark::{Key, Mark};

/// Keys that are looked up now.
#[derive(Debug, Default)]
pub(crate) struct Lookups(HashMap<Key, Lookup>);

#[derive(Debug, Default)]
struct Lookup {
    /// How many lookups of the key are under way.
    count: usize,
    /// The number of the key's last drop that is known; zero if there was none since the first lookup began.
    dropped: u64,
}

impl Lookups {
    pub(crate) fn begin(&mut self, key: Key) {
        self.0.entry(key).or_default().count += 1;
    }

    pub(crate) fn end(&mut self, key: &Key) {
        if let Some(lookup) = self.0.get_mut(key) {
            lookup.count -= 1;
            if lookup.count == 0 {
                self.0.remove(key);
            }
        }
    }

    /// Takes note of what was dropped.
    pub(crate) fn note<'a>(&mut self, marks: impl IntoIterator<Item = &'a Mark>, number: u64) {
        for mark in marks {
            if let Mark::Key(key) = mark
                && let Some(lookup) = self.0.get_mut(key)
            {
                lookup.dropped = number.max(lookup.dropped);
            }
        }
    }

    /// Any key may have been dropped, up to this number of the present epoch.
    pub(crate) fn note_all(&mut self, number: u64) {
        self.0.values_mut().for_each(|lookup| lookup.dropped = number);
    }

    /// The number of the last drop of a key that is looked up.
    pub(crate) fn last(&self, key: &Key) -> u64 {
        self.0.get(key).map_or(0, |lookup| lookup.dropped)
    }
}
