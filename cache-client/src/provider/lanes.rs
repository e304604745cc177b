//! What is done to one key of a provider, one after the other. Knows keys by their hashes; keeps none.

use std::future::Future;
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::Arc;

use foldhash::fast::RandomState;
use tokio_util::sync::CancellationToken;

use crate::sync::Mutex;

/// So many keys can be written at a time, if no two of them share a lane.
const LANES: usize = 64;

/// Has the writes of a key wait for each other, in the order in which they come. Some keys wait for others.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: [Mutex<Lane>; LANES],
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Lane {
    /// Replaced when its turns do not end.
    queue: Arc<Queue>,
    /// Turns that have begun in this queue and in those before it.
    begun: u64,
}

#[derive(Debug, Default)]
struct Queue {
    /// Held across a call of the provider, which is why it is tokio's.
    turn: tokio::sync::Mutex<()>,
    /// Cancelled when another queue is in the place of this one.
    replaced: CancellationToken,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self { lanes: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::default() }
    }

    /// Makes a call when the turn of its key has come. `None` if that takes longer than `timeout`, the wait included.
    ///
    /// A turn that does not end although its time is over belongs to a task of a runtime that runs no tasks. The next
    /// caller replaces the queue, and all that wait get as much time again in the new one. The call of that task is
    /// dropped as soon as it is run again.
    pub(crate) async fn in_turn<T, E: Future<Output = ()>>(
        &self,
        key: &[u8],
        timeout: impl Fn() -> E,
        call: impl Future<Output = T>,
    ) -> Option<T> {
        let lane = self.lane(key);
        let mut has_replaced = false;
        loop {
            let (queue, begun) = lane.lock().look();
            let mut end = pin!(timeout());
            let turn = tokio::select! {
                biased;
                () = queue.replaced.cancelled() => continue,
                turn = queue.turn.lock() => Some(turn),
                () = &mut end => None,
            };
            if turn.is_none() {
                if has_replaced || !replace(lane, &queue, begun) {
                    return None;
                }
                has_replaced = true;
            } else if lane.lock().begin_turn(&queue) {
                return tokio::select! {
                    biased;
                    () = queue.replaced.cancelled() => None,
                    output = call => Some(output),
                    () = end => None,
                };
            }
        }
    }

    fn lane(&self, key: &[u8]) -> &Mutex<Lane> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits do")]
        let lane = self.hasher.hash_one(key) as usize % LANES;
        &self.lanes[lane]
    }
}

impl Lane {
    /// The queue, and how many turns have begun.
    fn look(&self) -> (Arc<Queue>, u64) {
        (Arc::clone(&self.queue), self.begun)
    }

    /// Counts a turn, unless another queue is in the place of its own: then it must not begin.
    fn begin_turn(&mut self, queue: &Arc<Queue>) -> bool {
        let is_current = Arc::ptr_eq(&self.queue, queue);
        self.begun += u64::from(is_current);
        is_current
    }
}

/// Puts an empty queue in the place of this one, if no turn has begun since there were `begun`: the last turn lasts longer
/// than it may. Callers that wait in this one move to the new one. Returns whether there is another queue now.
fn replace(lane: &Mutex<Lane>, queue: &Arc<Queue>, begun: u64) -> bool {
    let mut lane = lane.lock();
    if Arc::ptr_eq(&lane.queue, queue) {
        if lane.begun != begun {
            return false;
        }
        lane.queue = Arc::default();
    }
    drop(lane);
    queue.replaced.cancel();
    true
}
