//! The ids of the records of one type that an answer shows, and where each is.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::id::Id;

/// Ids, each once, in the order of the response.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    ids: Box<[Id]>,
    /// The places in the order of the ids. Made for the first search that needs it: most records are read one after
    /// another.
    sorted: OnceLock<Box<[u32]>>,
    /// The place that was searched last. A record that changes often is searched each time.
    last: AtomicU32,
}

/// The number of ids that are searched one by one.
const SEARCHED: usize = 8;

impl Ids {
    pub(crate) fn as_slice(&self) -> &[Id] {
        &self.ids
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns the place of an id, which is probably `near`.
    #[inline]
    pub(super) fn place(&self, id: &Id, near: usize) -> Option<usize> {
        if self.ids.get(near) == Some(id) { Some(near) } else { self.search(id) }
    }

    fn search(&self, id: &Id) -> Option<usize> {
        if self.ids.len() <= SEARCHED {
            return self.ids.iter().position(|other| other == id);
        }
        let last = self.last.load(Ordering::Relaxed) as usize;
        if self.ids.get(last) == Some(id) {
            return Some(last);
        }
        let sorted = self.sorted.get_or_init(|| {
            let mut places: Box<[u32]> = (0..).take(self.ids.len()).collect();
            places.sort_unstable_by_key(|&place| &self.ids[place as usize]);
            places
        });
        let at = sorted.binary_search_by_key(&id, |&place| &self.ids[place as usize]).ok()?;
        self.last.store(sorted[at], Ordering::Relaxed);
        Some(sorted[at] as usize)
    }
}

impl FromIterator<Id> for Ids {
    fn from_iter<I: IntoIterator<Item = Id>>(ids: I) -> Self {
        Self { ids: ids.into_iter().collect(), ..Self::default() }
    }
}

impl PartialEq for Ids {
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids
    }
}
