//! The ids of the records of one type that an answer shows, and where each is.

use std::any::Any;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

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
    /// The first list of keys that was read, if it has a run of places. `None` once another list was read first.
    run: OnceLock<Option<Box<Run>>>,
}

/// A list of keys whose records are at places that follow each other, as most lists of a response. It is compared once, and
/// not each time that it is read.
#[derive(Debug)]
struct Run {
    /// An `Arc<[T]>`. Held, so that no other list gets its address.
    keys: Box<dyn Any + Send + Sync>,
    places: Range<usize>,
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

    /// Returns the places of the records that a list of keys names, if it is the first list that was read, and they follow
    /// each other.
    pub(super) fn run<T: Send + Sync + 'static>(
        &self,
        keys: &Arc<[T]>,
        id: impl Fn(&T) -> &Id,
    ) -> Option<Range<usize>> {
        let run = self.run.get_or_init(|| self.find_run(keys, id)).as_ref()?;
        let known = run.keys.downcast_ref::<Arc<[T]>>()?;
        Arc::ptr_eq(known, keys).then(|| run.places.clone())
    }

    fn find_run<T: Send + Sync + 'static>(
        &self,
        keys: &Arc<[T]>,
        id: impl Fn(&T) -> &Id,
    ) -> Option<Box<Run>> {
        let first = self.place(id(keys.first()?), 0)?;
        let places = first..first + keys.len();
        let is_run = self.ids.get(places.clone())?.iter().zip(&**keys).all(|(own, key)| own == id(key));
        is_run.then(|| Box::new(Run { keys: Box::new(Arc::clone(keys)), places }))
    }

    /// Returns the place that was searched last, if it is that of an id.
    pub(crate) fn searched_last(&self, id: &str) -> Option<usize> {
        let last = self.last.load(Ordering::Relaxed) as usize;
        self.ids.get(last).filter(|last| last.as_str() == id).map(|_| last)
    }

    fn search(&self, id: &Id) -> Option<usize> {
        if self.ids.len() <= SEARCHED {
            return self.ids.iter().position(|other| other == id);
        }
        if let Some(last) = self.searched_last(id.as_str()) {
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
