//! The wakers of the callers that wait for one flight. Wakes nobody itself, since a waker is foreign code.

use std::task::Waker;

use smallvec::SmallVec;

/// A place for each waiting caller. Most flights have one.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    places: SmallVec<[Option<Waker>; 1]>,
    free: Vec<Place>,
}

/// The place of a caller, until it leaves.
#[derive(Debug)]
pub(super) struct Place(usize);

impl Wakers {
    /// Notes the waker of a caller, which gets a place at the first call. Returns the waker that it replaces.
    pub(super) fn wait(&mut self, place: &mut Option<Place>, waker: Waker) -> Option<Waker> {
        let Place(at) = place.get_or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.places.push(None);
                Place(self.places.len() - 1)
            })
        });
        self.places[*at].replace(waker)
    }

    pub(super) fn leave(&mut self, place: Place) -> Option<Waker> {
        let left = self.places[place.0].take();
        self.free.push(place);
        left
    }

    /// Takes the wakers of all callers. They keep their places.
    pub(super) fn take_waiting(&mut self) -> SmallVec<[Waker; 1]> {
        self.places.iter_mut().filter_map(Option::take).collect()
    }
}
