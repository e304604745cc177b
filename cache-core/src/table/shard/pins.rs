//! Claims on keys, of entries that are there and of those that may come.

use crate::hashed::Hashed;
use crate::query::{Lookup, Query};

pub(super) struct Pins<Q> {
    pins: Vec<Pin<Q>>,
    places: Hashed,
}

struct Pin<Q> {
    key: Q,
    hash: u32,
    holders: usize,
}

impl<Q: Query> Pins<Q> {
    pub(super) fn len(&self) -> usize {
        self.pins.len()
    }

    #[inline]
    pub(super) fn find<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) -> Option<usize> {
        if self.pins.is_empty() {
            return None;
        }
        self.places.find(hash, |at| lookup.is_key(&self.pins[at].key))
    }

    pub(super) fn add(&mut self, key: &Q, hash: u32) {
        match self.find(hash, key) {
            Some(at) => self.pins[at].holders += 1,
            None => {
                let pin = Pin { key: key.clone(), hash, holders: 1 };
                self.places.insert(hash, self.pins.len());
                self.pins.push(pin);
            }
        }
    }

    /// Takes back one claim on a key. Returns whether it was the last.
    pub(super) fn take_back(&mut self, key: &Q, hash: u32) -> bool {
        let Some(at) = self.find(hash, key) else { return false };
        self.pins[at].holders -= 1;
        if self.pins[at].holders > 0 {
            return false;
        }
        let last = self.pins.len() - 1;
        self.places.swap_remove(hash, at, (self.pins[last].hash, last));
        self.pins.swap_remove(at);
        true
    }
}

impl<Q> Default for Pins<Q> {
    fn default() -> Self {
        Self { pins: Vec::new(), places: Hashed::default() }
    }
}
