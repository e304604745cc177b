//! `concread`, a map with transactions: many readers of old versions, one writer at a time. Evicts nothing.

use ::concread::hashmap::HashMap;

use super::{Value, value_of};

pub struct Concread(HashMap<u64, Value>);

impl Concread {
    pub const NAME: &'static str = "concread";

    pub fn holding(entries: impl Iterator<Item = (u64, Value)>) -> Self {
        Self(entries.collect())
    }

    /// Writes new values for some keys, visible at once.
    pub fn commit(&self, keys: impl Iterator<Item = u64>) {
        let mut transaction = self.0.write();
        for key in keys {
            transaction.insert(key, value_of(key));
        }
        transaction.commit();
    }
}
