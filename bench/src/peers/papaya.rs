//! `papaya`, a lock-free map. Evicts nothing.

use ::papaya::HashMap;

use super::{Hasher, Read, Value};

pub struct Papaya(HashMap<u64, Value, Hasher>);

impl Papaya {
    pub fn holding(entries: impl ExactSizeIterator<Item = (u64, Value)>) -> Self {
        let map = HashMap::builder().capacity(entries.len()).hasher(Hasher::default()).build();
        let pinned = map.pin();
        for (key, value) in entries {
            pinned.insert(key, value);
        }
        drop(pinned);
        Self(map)
    }
}

impl Read for Papaya {
    const NAME: &'static str = "papaya";

    #[inline]
    fn get(&self, key: u64) -> Option<Value> {
        self.0.pin().get(&key).cloned()
    }
}
