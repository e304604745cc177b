//! What is done to one key of a provider, one after the other. Knows keys by their hashes; keeps none.

use std::future::Future;
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// So many keys can be written at a time, if no two of them share a lane.
const LANES: usize = 64;

/// Has the writes of a key wait for each other, in the order in which they come. Some keys wait for others.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: [Lane; LANES],
    hasher: RandomState,
}

/// The queue of one lane. Replaced when its turns do not end.
type Lane = Mutex<Arc<Queue>>;

#[derive(Debug, Default)]
struct Queue {
    /// Held across a call of the provider, which is why it is tokio's.
    turn: tokio::sync::Mutex<()>,
    /// Turns that have begun.
    begun: AtomicU64,
    /// Cancelled when another queue is in the place of this one.
    replaced: CancellationToken,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self { lanes: std::array::from_fn(|_| Lane::default()), hasher: RandomState::default() }
    }

    /// Makes a call when the turn of its key has come. `None` if that takes longer than `time`, the wait included.
    ///
    /// A turn that does not end although its time is over belongs to a task of a runtime that runs no tasks. The next
    /// caller goes past it, with as much time again. The call of that task is dropped as soon as it is run again.
    pub(crate) async fn in_turn<T>(
        &self,
        key: &[u8],
        time: Duration,
        call: impl Future<Output = T>,
    ) -> Option<T> {
        let lane = self.lane(key);
        let mut end = pin!(tokio::time::sleep(time));
        let mut has_passed = false;
        loop {
            let queue = Arc::clone(&lane.lock());
            let begun = queue.begun.load(Ordering::Acquire);
            let turn = tokio::select! {
                biased;
                () = queue.replaced.cancelled() => continue,
                turn = queue.turn.lock() => Some(turn),
                () = &mut end => None,
            };
            if let Some(_turn) = turn {
                queue.begun.fetch_add(1, Ordering::AcqRel);
                return tokio::select! {
                    biased;
                    () = queue.replaced.cancelled() => None,
                    output = call => Some(output),
                    () = end => None,
                };
            }
            // A turn lasts no longer than `time`, so the one that was under way at the beginning should be over.
            if has_passed || queue.begun.load(Ordering::Acquire) != begun {
                return None;
            }
            has_passed = true;
            replace(lane, &queue);
            end.set(tokio::time::sleep(time));
        }
    }

    fn lane(&self, key: &[u8]) -> &Lane {
        #[expect(clippy::cast_possible_truncation, reason = "any bits do")]
        let lane = self.hasher.hash_one(key) as usize % LANES;
        &self.lanes[lane]
    }
}

/// Puts an empty queue in the place of this one, unless another caller has done so. Callers that wait in this one move there.
fn replace(lane: &Lane, queue: &Arc<Queue>) {
    let mut current = lane.lock();
    if Arc::ptr_eq(&current, queue) {
        *current = Arc::default();
    }
    drop(current);
    queue.replaced.cancel();
}
