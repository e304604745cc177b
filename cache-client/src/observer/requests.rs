//! What observers of one key request from its task: loads for new observers, and reloads. A request is passed from task
//! to task until it is done. Loads nothing itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, oneshot};

use crate::sync::Mutex;

/// Requests to the task of a key. `P` are the options of an observer.
pub(crate) struct TaskRequests<P>(Mutex<RequestState<P>>);

struct RequestState<P> {
    /// Number of the newest task. An older task may still run, and gets no requests.
    task: u64,
    /// Wakes the newest task. Each task has its own, since an idle task would consume the wake-ups of the next one.
    signal: Arc<TaskSignal>,
    /// The options of the observers, each with its number of observers.
    present: Vec<(P, usize)>,
    /// Whether the newest task does not know the present options yet.
    has_changed: bool,
    /// The options of new observers, in their order.
    arrivals: RequestQueue<P>,
    /// Callers that wait until the key has been loaded again. Their senders are dropped then.
    reloads: RequestQueue<oneshot::Sender<()>>,
}

struct RequestQueue<T> {
    /// Requests that the task has not taken.
    new: Vec<T>,
    /// Requests that the task has taken, and loads for if necessary.
    begun: Vec<T>,
}

impl<P: Copy + PartialEq> TaskRequests<P> {
    pub(crate) fn new() -> Self {
        let (arrivals, reloads) = (RequestQueue::none(), RequestQueue::none());
        Self(Mutex::new(RequestState {
            task: 0,
            signal: Arc::default(),
            present: Vec::new(),
            has_changed: false,
            arrivals,
            reloads,
        }))
    }

    /// Makes a task the newest, unless there is a newer one. It also gets the unfinished requests of earlier tasks.
    /// Returns its signal.
    pub(crate) fn assign_to(&self, task: u64) -> Arc<TaskSignal> {
        let signal = Arc::new(TaskSignal::default());
        let mut state = self.0.lock();
        if state.task < task {
            state.task = task;
            state.signal = Arc::clone(&signal);
            state.has_changed = true;
            state.arrivals.begin_again();
        }
        signal
    }

    /// Wakes the task.
    pub(crate) fn notify(&self) {
        let signal = Arc::clone(&self.0.lock().signal);
        signal.notify();
    }

    /// Adds an observer, and wakes the task.
    pub(crate) fn add_observer(&self, plan: P) {
        let mut state = self.0.lock();
        match state.present.iter_mut().find(|(present, _)| *present == plan) {
            Some((_, count)) => *count += 1,
            None => state.present.push((plan, 1)),
        }
        state.has_changed = true;
        state.arrivals.new.push(plan);
        drop(state);
        self.notify();
    }

    /// Removes an observer, and wakes the task.
    pub(crate) fn remove_observer(&self, plan: &P) {
        let mut state = self.0.lock();
        if let Some(at) = state.present.iter().position(|(present, _)| present == plan) {
            state.present[at].1 -= 1;
            if state.present[at].1 == 0 {
                state.present.swap_remove(at);
                state.has_changed = true;
            }
        }
        drop(state);
        self.notify();
    }

    /// Loads the key again, if it is marked or missing. The receiver completes when that is done; nothing is sent.
    pub(crate) fn reload(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().reloads.new.push(sender);
        self.notify();
        receiver
    }

    /// The options of all observers, each once, and of those that were added since the last call. `None` if the newest task
    /// knows them all.
    pub(crate) fn plans(&self, task: u64) -> Option<(Vec<P>, Vec<P>)> {
        let mut state = self.0.lock();
        let is_newest = state.task == task;
        if is_newest && !std::mem::take(&mut state.has_changed) {
            return None;
        }
        let present = state.present.iter().map(|(plan, _)| *plan).collect();
        let arrived = if is_newest { state.arrivals.begin().to_vec() } else { Vec::new() };
        Some((present, arrived))
    }

    /// Whether a load was requested since the last call.
    pub(crate) fn begin_reloads(&self, task: u64) -> bool {
        let mut state = self.0.lock();
        state.task == task && !state.reloads.begin().is_empty()
    }

    /// Notes that all loads for the requests that the task has taken have ended.
    pub(crate) fn done(&self, task: u64) {
        let mut state = self.0.lock();
        if state.task == task {
            state.arrivals.begun.clear();
            let done = std::mem::take(&mut state.reloads.begun);
            drop(state);
            drop(done);
        }
    }

    /// Notes that the task has ended, and drops all requested reloads.
    pub(crate) fn give_up_reloads(&self, task: u64) {
        let mut state = self.0.lock();
        if state.task == task {
            let given_up = std::mem::replace(&mut state.reloads, RequestQueue::none());
            drop(state);
            drop(given_up);
        }
    }
}

impl<T> RequestQueue<T> {
    fn none() -> Self {
        Self { new: Vec::new(), begun: Vec::new() }
    }

    /// Takes the new requests.
    fn begin(&mut self) -> &[T] {
        let at = self.begun.len();
        self.begun.append(&mut self.new);
        &self.begun[at..]
    }

    fn begin_again(&mut self) {
        self.begun.append(&mut self.new);
        std::mem::swap(&mut self.begun, &mut self.new);
    }
}

/// Wakes one task. Shared with the cache, which must not keep the task's key alive.
#[derive(Debug, Default)]
pub(crate) struct TaskSignal {
    is_changed: AtomicBool,
    notified: Notify,
}

impl TaskSignal {
    /// Notes that the key has changed, and wakes the task.
    pub(crate) fn change(&self) {
        self.is_changed.store(true, Ordering::Release);
        self.notify();
    }

    pub(crate) fn notify(&self) {
        self.notified.notify_one();
    }

    /// Whether the key has changed since the last call.
    pub(crate) fn take_change(&self) -> bool {
        self.is_changed.swap(false, Ordering::AcqRel)
    }

    pub(crate) async fn notified(&self) {
        self.notified.notified().await;
    }
}
