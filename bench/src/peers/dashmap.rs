//! `dashmap`, a sharded map. Evicts nothing.

use ::dashmap::DashMap;

use super::{Hasher, Read, Value};

pub struct Dashmap(DashMap<u64, Value, Hasher>);

impl Dashmap {
    pub fn holding(entries: impl ExactSizeIterator<Item = (u64, Value)>) -> Self {
        let map = DashMap::with_capacity_and_hasher(entries.len(), Hasher::default());
        for (key, value) in entries {
            map.insert(key, value);
        }
        Self(map)
    }
}

impl Read for Dashmap {
    const NAME: &'static str = "dashmap";

    #[inline]
    fn get(&self, key: u64) -> Option<Value> {
        self.0.get(&key).map(|value| value.clone())
    }
}
