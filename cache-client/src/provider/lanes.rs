//! What is done to one key of a provider, one after the other. Knows keys by their hashes; keeps none.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use tokio::sync::{Mutex, MutexGuard};

/// So many keys can be written at a time, if no two of them share a lane.
const LANES: usize = 64;

/// Has the writes of a key wait for each other, in the order in which they come. Some keys wait for others.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// Held across a call of the provider, which is why they are tokio's.
    lanes: [Mutex<()>; LANES],
    hasher: RandomState,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self { lanes: std::array::from_fn(|_| Mutex::new(())), hasher: RandomState::default() }
    }

    pub(crate) async fn enter(&self, key: &[u8]) -> MutexGuard<'_, ()> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits do")]
        let lane = self.hasher.hash_one(key) as usize % LANES;
        self.lanes[lane].lock().await
    }
}
