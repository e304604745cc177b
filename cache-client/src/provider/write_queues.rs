//! Orders the writes of each key of a provider. Knows keys by their hashes, and keeps none.

use std::future::Future;
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::Arc;

use foldhash::fast::RandomState;
use tokio_util::sync::CancellationToken;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// The number of queues, and so the maximum number of keys that are written at the same time.
const QUEUES: usize = 64;

/// Makes the writes of a key wait for each other, in the order in which they arrive. Keys that share a queue wait for
/// each other too.
#[derive(Debug)]
pub(crate) struct WriteQueues {
    slots: [Mutex<QueueSlot>; QUEUES],
    /// The calls that run or wait.
    pending: AtomicUsize,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct QueueSlot {
    /// Replaced if a turn in it does not end.
    queue: Arc<WriteQueue>,
    /// How many turns have begun in this queue and in earlier ones.
    begun: u64,
}

#[derive(Debug, Default)]
struct WriteQueue {
    /// Held across a call of the provider, so it is tokio's.
    turn: tokio::sync::Mutex<()>,
    /// Cancelled when another queue has replaced this one.
    replaced: CancellationToken,
}

impl WriteQueues {
    pub(crate) fn new() -> Self {
        let slots = std::array::from_fn(|_| Mutex::default());
        Self { slots, pending: AtomicUsize::new(0), hasher: RandomState::default() }
    }

    /// How many calls run or wait.
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Makes a call when it is the turn of its key. `None` if that takes longer than `timeout`, including the wait.
    ///
    /// A turn that does not end after its time belongs to a task whose runtime runs no tasks. The next caller replaces
    /// the queue, and all waiting callers get the same time again in the new one. The stuck call is dropped as soon as
    /// its task runs again.
    pub(crate) async fn in_turn<T, E: Future<Output = ()>>(
        &self,
        key: &[u8],
        timeout: impl Fn() -> E,
        call: impl Future<Output = T>,
    ) -> Option<T> {
        let _pending = Pending::begin(&self.pending);
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
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let slot = self.hasher.hash_one(key) as usize % QUEUES;
        &self.slots[slot]
    }
}

/// A call that runs or waits.
struct Pending<'a>(&'a AtomicUsize);

impl<'a> Pending<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl QueueSlot {
    /// The queue, and how many turns have begun.
    fn current(&self) -> (Arc<WriteQueue>, u64) {
        (Arc::clone(&self.queue), self.begun)
    }

    /// Counts a turn, unless another queue has replaced its own: then the turn must not begin.
    fn begin_turn(&mut self, queue: &Arc<WriteQueue>) -> bool {
        let is_current = Arc::ptr_eq(&self.queue, queue);
        self.begun += u64::from(is_current);
        is_current
    }
}

/// Replaces this queue by an empty one if no turn has begun since the count was `begun`, so that the last turn has
/// exceeded its time. Callers that wait here move to the new queue. Returns whether this queue is replaced now.
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
