//! Claims on keys, whether or not they have an entry.

use super::key::{AnyKey, IsKey};
use crate::hash_index::HashIndex;

#[derive(Default)]
pub(super) struct Pins {
    /// By number. A pinned line stores the number of its pin, so the pin is found without comparing keys.
    pins: Vec<Option<Pin>>,
    vacant: Vec<u32>,
    numbers: HashIndex,
}

struct Pin {
    key: Box<dyn AnyKey>,
    hash: u32,
    holders: usize,
}

impl Pins {
    pub(super) fn len(&self) -> usize {
        self.pins.len() - self.vacant.len()
    }

    /// Returns the pin number of a key.
    #[inline]
    pub(super) fn find(&self, hash: u32, is_key: IsKey<'_>) -> Option<u32> {
        if self.pins.is_empty() { None } else { self.search(hash, is_key) }
    }

    fn search(&self, hash: u32, is_key: IsKey<'_>) -> Option<u32> {
        let is_it = |at: usize| self.pins[at].as_ref().is_some_and(|pin| is_key(&*pin.key));
        self.numbers.find(hash, is_it).and_then(|at| u32::try_from(at).ok())
    }

    /// Adds the first claim on a key. Returns the number of its pin.
    pub(super) fn add(&mut self, key: Box<dyn AnyKey>, hash: u32) -> u32 {
        let pin = Some(Pin { key, hash, holders: 1 });
        let number = match self.vacant.pop() {
            Some(number) => number,
            None => {
                self.pins.push(None);
                u32::try_from(self.pins.len() - 1).expect("a shard has fewer keys than 32 bits can number")
            }
        };
        self.pins[number as usize] = pin;
        self.numbers.insert(hash, number as usize);
        number
    }

    /// Adds a claim to an existing pin.
    pub(super) fn hold(&mut self, number: u32) {
        if let Some(pin) = &mut self.pins[number as usize] {
            pin.holders += 1;
        }
    }

    /// Releases one claim. Returns the hash and the key if it was the last. Calls no foreign code.
    pub(super) fn take_back(&mut self, number: u32) -> Option<(u32, Box<dyn AnyKey>)> {
        let place = self.pins.get_mut(number as usize)?;
        let pin = place.as_mut()?;
        pin.holders -= 1;
        if pin.holders > 0 {
            return None;
        }
        let Pin { key, hash, .. } = place.take()?;
        self.numbers.remove(hash, number as usize);
        self.vacant.push(number);
        Some((hash, key))
    }
}
