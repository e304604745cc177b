//! Panics of the program's own code during a save.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Weak;

use serde::{Deserializer, Serializer, ser};

use super::*;

thread_local! {
    /// Called by the next value that is encoded on this thread, which then fails.
    static AT_ENCODING: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
    /// Whether the next drop of a value on this thread panics.
    static DROP_PANICS: Cell<bool> = const { Cell::new(false) };
}

/// A value that may fail to be encoded, and whose `Drop` may panic.
#[derive(Debug, Shape)]
pub struct Brittle(#[shape(opaque)] u32);

impl Drop for Brittle {
    fn drop(&mut self) {
        if DROP_PANICS.take() {
            resume_unwind(Box::new("dropped"));
        }
    }
}

impl Serialize for Brittle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match AT_ENCODING.take() {
            Some(act) => {
                act();
                Err(ser::Error::custom("the number cannot be encoded"))
            }
            None => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Brittle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(Self)
    }
}

/// Is saved first.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Brittle, capacity = 1, persist)]
pub struct Opening;

/// In several shards.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Brittle, capacity = 10_000, persist)]
pub struct Spread(u32);

registry! {
    pub struct DroppingTables {
        crate::snapshot::panics::Opening,
        crate::snapshot::panics::Spread,
    }
}

/// Writes all keys, and returns weak handles of the values.
fn write(cache: &Cache<DroppingTables>, value: u32) -> Vec<Weak<Brittle>> {
    (0..200).map(|key| Arc::downgrade(&cache.insert(Spread(key), Brittle(value)))).collect()
}

#[test]
fn a_failed_save_ends_in_all_shards_even_if_the_drop_of_a_value_panics() {
    let cache = Cache::<DroppingTables>::new();
    cache.insert(Opening, Brittle(0));
    let old = write(&cache, 1);
    let store = cache.clone();
    AT_ENCODING.set(Some(Box::new(move || {
        // All shards put their entries aside for the save. Only the save then has the old values.
        write(&store, 2);
        DROP_PANICS.set(true);
    })));
    let result = catch_unwind(AssertUnwindSafe(|| cache.save_options().threads(1).write_to(std::io::sink())));
    assert_eq!(result.unwrap_err().downcast_ref(), Some(&"dropped"));
    let alive = |values: &[Weak<Brittle>]| values.iter().filter(|value| value.strong_count() > 0).count();
    assert_eq!(alive(&old), 0, "values that were put aside are still alive");

    let replaced = write(&cache, 3);
    let last = write(&cache, 4);
    assert_eq!(alive(&replaced), 0, "a shard still puts entries aside");
    let bytes = saved(&cache);
    assert_eq!(alive(&last), 200);
    let restored = Cache::<DroppingTables>::new();
    restore(&restored, &bytes);
    assert!((0..200).all(|key| restored.get(&Spread(key)).is_some_and(|value| value.0 == 4)));
}
