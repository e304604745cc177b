//! Keys to be loaded together: which key joins which batch, and whether any caller still waits for it. Loads nothing,
//! and starts no task.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use cache_core::client_support::AnyKey;

use foldhash::fast::RandomState;
use tokio::sync::oneshot;

use crate::concurrency::LoadSlot;
use crate::flight::outcome::LoadOutcome;
use crate::flight::wait_graph::{FlightId, WaitEdge, WaitGraph};
use crate::runtime::TaskRuntime;
use crate::sync::Mutex;
use crate::token::Token;

/// The batch of a query that can be joined now.
#[derive(Default)]
pub(crate) struct BatchQueue(Mutex<Option<Arc<Batch>>>);

/// Keys that one call loads.
pub(crate) struct Batch {
    /// A number like that of a flight, for the wait graph: the waiters of the batch wait for it, and it waits for what
    /// it queries.
    pub(super) id: FlightId,
    /// Cancelled when no caller waits any longer, and by the load itself if it cancels its context.
    pub(super) token: Token,
    /// Where the load runs.
    pub(super) runtime: TaskRuntime,
    /// The right to run, if there is a limit.
    pub(super) slot: Option<Arc<LoadSlot>>,
    state: Mutex<BatchState>,
}

struct BatchState {
    /// No key can join any longer: the batch is full or loading, or no caller waits for it.
    is_closed: bool,
    /// The load has ended, and can no longer be cancelled.
    is_landed: bool,
    /// Its runtime has dropped it: the keys may join another batch.
    is_abandoned: bool,
    /// The smallest maximum of all members.
    max_keys: usize,
    /// How many callers wait.
    waiting: usize,
    /// The keys, until the load starts.
    members: Vec<BatchMember>,
}

/// One key of a batch, and where to send its outcome.
pub(super) struct BatchMember {
    pub(super) key: Arc<dyn AnyKey>,
    pub(super) reply: oneshot::Sender<LoadOutcome>,
}

impl BatchQueue {
    /// Joins the current batch, or creates a new one, which the caller has to start. It has at most `max_keys` keys.
    pub(super) fn join(
        &self,
        key: &dyn AnyKey,
        max_keys: usize,
        from: (&Arc<WaitGraph>, FlightId),
        begin: impl FnOnce() -> Batch,
    ) -> (BatchWaiter, IsNew) {
        // Declared before the guard, so that it is dropped after it.
        let mut _left = None;
        let mut current = self.0.lock();
        if let Some(batch) = current.as_ref()
            && let Some((waiter, has_room)) = batch.join(key, max_keys, from)
        {
            if !has_room {
                _left = current.take();
            }
            return (waiter, IsNew(false));
        }
        let batch = Arc::new(begin());
        let (waiter, has_room) = batch.add(&mut batch.state.lock(), key, max_keys, from);
        if has_room {
            _left = current.replace(batch);
        }
        (waiter, IsNew(true))
    }

    /// Closes a batch, so that no key joins it.
    pub(super) fn close(&self, batch: &Arc<Batch>) {
        let mut current = self.0.lock();
        let is_current = current.as_ref().is_some_and(|current| Arc::ptr_eq(current, batch));
        let closed = if is_current { current.take() } else { None };
        drop(current);
        drop(closed);
    }
}

/// Whether the batch has to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IsNew(pub(super) bool);

impl Batch {
    pub(super) fn new(id: FlightId, token: Token, runtime: TaskRuntime, slot: Option<Arc<LoadSlot>>) -> Self {
        let state = BatchState {
            is_closed: false,
            is_landed: false,
            is_abandoned: false,
            max_keys: usize::MAX,
            waiting: 0,
            members: Vec::new(),
        };
        Self { id, token, runtime, slot, state: Mutex::new(state) }
    }

    fn join(
        self: &Arc<Self>,
        key: &dyn AnyKey,
        max_keys: usize,
        from: (&Arc<WaitGraph>, FlightId),
    ) -> Option<(BatchWaiter, bool)> {
        let mut state = self.state.lock();
        let has_room = state.members.len() < state.max_keys.min(max_keys);
        let is_open = has_room && !state.is_closed && !self.token.is_cancelled();
        is_open.then(|| self.add(&mut state, key, max_keys, from))
    }

    /// Adds a key. Also returns whether there is room for others.
    fn add(
        self: &Arc<Self>,
        state: &mut BatchState,
        key: &dyn AnyKey,
        max_keys: usize,
        (graph, flight): (&Arc<WaitGraph>, FlightId),
    ) -> (BatchWaiter, bool) {
        let (reply, answer) = oneshot::channel();
        state.members.push(BatchMember { key: Arc::from(key.to_box()), reply });
        // Before the load starts, so that a load that queries one of its own keys is detected. The batch waits for no
        // other flight yet.
        let waiting = WaitEdge::begin(graph, flight, self.id);
        state.waiting += 1;
        state.max_keys = state.max_keys.min(max_keys);
        state.is_closed = state.members.len() >= state.max_keys;
        let waiter = BatchWaiter { batch: Arc::clone(self), answer, _waiting: waiting };
        (waiter, !state.is_closed)
    }

    /// How many keys have joined, and whether others can.
    pub(super) fn joined(&self) -> (usize, bool) {
        let state = self.state.lock();
        (state.members.len(), !state.is_closed)
    }

    /// The members that still wait. No key can join from here on.
    pub(super) fn take_members(&self) -> Vec<BatchMember> {
        let mut state = self.state.lock();
        state.is_closed = true;
        let mut members = std::mem::take(&mut state.members);
        drop(state);
        members.retain(|member| !member.reply.is_closed());
        members
    }

    /// Ends the load. Returns whether there is an answer; a cancelled load has none.
    pub(super) fn land(&self) -> bool {
        let mut state = self.state.lock();
        state.is_landed = !self.token.is_cancelled();
        state.is_landed
    }

    /// Notes that the load is dropped. Returns whether it had neither ended nor been cancelled.
    pub(super) fn abandon(&self) -> bool {
        let mut state = self.state.lock();
        state.is_abandoned = !state.is_landed && !self.token.is_cancelled();
        state.is_abandoned
    }

    /// Whether the runtime of the load has dropped it, while that of the caller continues.
    pub(super) fn is_stranded(&self) -> bool {
        self.state.lock().is_abandoned && self.runtime.is_elsewhere()
    }

    fn leave(&self) {
        let mut state = self.state.lock();
        state.waiting -= 1;
        let is_unwanted = state.waiting == 0 && !state.is_landed;
        state.is_closed |= is_unwanted;
        drop(state);
        if is_unwanted {
            self.token.cancel();
        }
    }
}

/// A caller that waits for a batch. Dropping this leaves the batch.
pub(super) struct BatchWaiter {
    pub(super) batch: Arc<Batch>,
    /// Closed without an answer if the batch was interrupted.
    pub(super) answer: oneshot::Receiver<LoadOutcome>,
    /// The wait of the flight for the batch.
    _waiting: Option<WaitEdge>,
}

impl Drop for BatchWaiter {
    fn drop(&mut self) {
        self.batch.leave();
    }
}

/// The queues of one tree, for keys that it loads for itself alone.
#[derive(Default)]
pub(crate) struct BatchQueues(Mutex<HashMap<QueueKey, Arc<BatchQueue>, RandomState>>);

/// A query, and whether its contexts may use the cache.
type QueueKey = (TypeId, bool);

impl BatchQueues {
    /// The queue of a query. Contexts that bypass the cache have a separate one, since their loads must not use the
    /// cache either.
    pub(super) fn of(&self, query: TypeId, is_cache_enabled: bool) -> Arc<BatchQueue> {
        Arc::clone(self.0.lock().entry((query, is_cache_enabled)).or_default())
    }
}
