//! The records of a stored answer, many of which a new document often repeats, mostly in the same order.

use std::any::TypeId;
use std::sync::Arc;

use super::identifier::is_given;
use super::response::{Known, Shown};
use crate::frame::{Frame, Ids};
use crate::id::Id;
use crate::map::HashMap;
use crate::resource::AnyRecord;

/// The records of a stored answer. It is chosen by one of the first records of a new document.
pub(super) struct Repeated<'k> {
    known: &'k dyn Known,
    /// How many records may still choose the answer.
    searches: u8,
    shown: Shown,
    lists: Vec<RepeatedList>,
    /// The list of the last record. The next one often has the same type.
    current: usize,
}

/// The records of one type.
struct RepeatedList {
    resource: TypeId,
    ids: Arc<Ids>,
    /// The place after that of the last record.
    next: usize,
    /// Which records the new document has named. Empty while it has named none.
    named: Vec<bool>,
    /// How many ids have been compared, to find records that do not follow the one before them.
    compared: usize,
    /// The places by id. Made once many ids have been compared.
    places: HashMap<Id, usize>,
}

/// Where a record of the answer is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    list: usize,
    pub(super) at: usize,
}

/// So many records of a new document may be new too.
const SEARCHES: u8 = 8;
/// So many times as there are ids, one is compared before they are put into a map, which takes about as long.
const COMPARED: usize = 4;

impl<'k> Repeated<'k> {
    pub(super) fn new(known: &'k dyn Known) -> Self {
        Self { known, searches: SEARCHES, shown: Shown::default(), lists: Vec::new(), current: 0 }
    }

    /// The records of no answer.
    pub(super) fn nothing(known: &'k dyn Known) -> Self {
        Self { searches: 0, ..Self::new(known) }
    }

    /// Looks for an answer that has a record, unless there is one. Returns its records.
    #[inline]
    pub(super) fn choose(&mut self, resource: TypeId, id: &str) -> Option<Frame> {
        if self.searches == 0 { None } else { self.search(resource, id) }
    }

    fn search(&mut self, resource: TypeId, id: &str) -> Option<Frame> {
        self.searches -= 1;
        self.shown = self.known.shown_with(resource, id)?;
        self.searches = 0;
        let Shown { frame, .. } = &self.shown;
        self.lists =
            frame.names().map(|(resource, ids)| RepeatedList::new(resource, Arc::clone(ids))).collect();
        Some(frame.clone())
    }

    /// Returns where a record is that has this id, which a server has given.
    #[inline]
    pub(super) fn place(&mut self, resource: TypeId, id: &str) -> Option<Place> {
        if self.lists.get(self.current).is_none_or(|list| list.resource != resource) {
            self.current = self.lists.iter().position(|list| list.resource == resource)?;
        }
        let at = self.lists[self.current].place(id, self.known).filter(|_| is_given(id))?;
        Some(Place { list: self.current, at })
    }

    /// Says that the document has named a record. Returns whether it did so before.
    pub(super) fn name(&mut self, Place { list, at }: Place) -> bool {
        let RepeatedList { ids, next, named, .. } = &mut self.lists[list];
        *next = at + 1;
        if named.is_empty() {
            named.resize(ids.as_slice().len(), false);
        }
        std::mem::replace(&mut named[at], true)
    }

    pub(super) fn record(&self, Place { list, at }: Place) -> Option<&dyn AnyRecord> {
        self.shown.frame.lists()[list].peek(at)
    }

    pub(super) fn id(&self, Place { list, at }: Place) -> Id {
        self.lists[list].ids.as_slice()[at].clone()
    }
}

impl RepeatedList {
    fn new(resource: TypeId, ids: Arc<Ids>) -> Self {
        Self { resource, ids, next: 0, named: Vec::new(), compared: 0, places: HashMap::default() }
    }

    #[inline]
    fn place(&mut self, id: &str, known: &dyn Known) -> Option<usize> {
        match self.ids.as_slice().get(self.next) {
            Some(next) if next.as_str() == id => Some(self.next),
            _ => self.search(id, known),
        }
    }

    fn search(&mut self, id: &str, known: &dyn Known) -> Option<usize> {
        // A record that changes often is searched each time.
        if let Some(at) = self.ids.searched_last(id) {
            return Some(at);
        }
        let ids = self.ids.as_slice();
        if !known.is_shown(self.resource, id) {
            return None;
        }
        if self.compared < COMPARED * ids.len() {
            let mut others = (self.next..ids.len()).chain(0..self.next);
            return others.find(|&at| {
                self.compared += 1;
                ids[at].as_str() == id
            });
        }
        if self.places.is_empty() {
            self.places = ids.iter().cloned().zip(0..).collect();
        }
        self.places.get(id).copied()
    }
}
