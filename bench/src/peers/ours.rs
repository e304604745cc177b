//! The typed query cache, as a program would use it.

use cache_core::{Cache, Query, TableOptions};

use super::{Peer, Read, Value};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 1)]
pub struct GetPayload {
    pub id: u64,
}

cache_core::registry! {
    pub struct BenchRegistry {
        GetPayload,
    }
}

pub struct Ours(pub Cache<BenchRegistry>);

impl Ours {
    /// A table in exact least-recently-used order.
    pub fn lru(entries: u64) -> Self {
        Self::with(|options| options.lru(entries))
    }

    /// A table with any options.
    pub fn with(options: impl FnOnce(TableOptions) -> TableOptions) -> Self {
        let cache = Cache::builder().table::<GetPayload>(options).build();
        // Only a codec or a bound of 0 could be rejected.
        Self(cache.expect("the options are valid"))
    }
}

impl Read for Ours {
    const NAME: &'static str = "ours";

    #[inline]
    fn get(&self, key: u64) -> Option<Value> {
        self.0.get(&GetPayload { id: key })
    }
}

impl Peer for Ours {
    fn with_capacity(entries: u64) -> Self {
        Self::with(|options| options.capacity(entries))
    }

    #[inline]
    fn insert(&self, key: u64, value: Value) {
        self.0.insert(GetPayload { id: key }, value);
    }

    #[inline]
    fn remove(&self, key: u64) {
        self.0.remove(&GetPayload { id: key });
    }
}
