//! What is done to one key of a provider, one after the other. Knows keys by their hashes; keeps none.

use std::future::Future;
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::Arc;

use foldhash::fast::RandomState;
use tokio_util::sync::CancellationToken;

use crate::sync::Mutex;

/// So many keys can be written at a time, if no two of them share a queue.
const QUEUES: usize = 64;

/// Has the writes of a key wait for each other, in the order in which they come. Some keys wait for others.
#[derive(Debug)]
pub(crate) struct WriteQueues {
    slots: [Mutex<QueueSlot>; QUEUES],
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct QueueSlot {
    /// Replaced when its turns do not end.
    queue: Arc<WriteQueue>,
    /// Turns that have begun in this queue and in those before it.
    begun: u64,
}

#[derive(Debug, Default)]
struct WriteQueue {
    /// Held across a call of the provider, which is why it is tokio's.
    turn: tokio::sync::Mutex<()>,
    /// Cancelled when another queue is in the place of this one.
    replaced: CancellationToken,
}

impl WriteQueues {
    pub(crate) fn new() -> Self {
        Self { slots: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::default() }
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
        let slot = self.slot(key);
        let mut has_replaced = false;
        loop {
            let (queue, begun) = slot.lock().current();
            let mut end = pin!(timeout());
            let turn = tokio::select! {
                biased;
                () = queue.replaced.cancelled() => continue,
                turn = queue.turn.lock() => Some(turn),
                () = &mut end => None,
            };
            if turn.is_none() {
                if has_replaced || !replace(slot, &queue, begun) {
                    return None;
                }
                has_replaced = true;
            } else if slot.lock().begin_turn(&queue) {
                return tokio::select! {
                    biased;
                    () = queue.replaced.cancelled() => None,
                    output = call => Some(output),
                    () = end => None,
                };
            }
        }
    }

    fn slot(&self, key: &[u8]) -> &Mutex<QueueSlot> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits do")]
        let slot = self.hasher.hash_one(key) as usize % QUEUES;
        &self.slots[slot]
    }
}

impl QueueSlot {
    /// The queue, and how many turns have begun.
    fn current(&self) -> (Arc<WriteQueue>, u64) {
        (Arc::clone(&self.queue), self.begun)
    }

    /// Counts a turn, unless another queue is in the place of its own: then it must not begin.
    fn begin_turn(&mut self, queue: &Arc<WriteQueue>) -> bool {
        let is_current = Arc::ptr_eq(&self.queue, queue);
        self.begun += u64::from(is_current);
        is_current
    }
}

/// Puts an empty queue in the place of this one, if no turn has begun since there were `begun`: the last turn lasts longer
/// than it may. Callers that wait in this one move to the new one. Returns whether there is another queue now.
fn replace(slot: &Mutex<QueueSlot>, queue: &Arc<WriteQueue>, begun: u64) -> bool {
    let mut slot = slot.lock();
    if Arc::ptr_eq(&slot.queue, queue) {
        if slot.begun != begun {
            return false;
        }
        slot.queue = Arc::default();
    }
    drop(slot);
    queue.replaced.cancel();
    true
}
