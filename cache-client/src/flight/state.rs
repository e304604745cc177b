//! One load: its callers, whether it is still wanted, and its outcome. Knows nothing of how it is loaded or stored.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use cache_core::Moment;
use cache_core::client_support::{AnyKey, AnyWatch};

use super::wait_graph::FlightId;
use super::wakers::{Place, Wakers};
use crate::concurrency::LoadSlot;
use crate::erased::{AnyValue, Outcome};
use crate::runtime::{TaskRuntime, Timer};
use crate::token::Token;

/// One load.
pub(crate) struct Flight {
    pub(crate) id: FlightId,
    pub(crate) key: Arc<dyn AnyKey>,
    /// The hash of the key in the registry.
    pub(super) hash: u64,
    /// When the load began.
    pub(crate) started: Moment,
    /// Detects whether something newer exists for the key. `None` for a load of a single tree, which stores nothing.
    pub(crate) watch: Option<AnyWatch>,
    /// Cancelled when no caller has joined for a while after the last one left, and by the load itself if it cancels
    /// its context.
    pub(crate) token: Token,
    /// Where the load runs.
    pub(crate) runtime: TaskRuntime,
    /// The right to run, if there is a limit.
    pub(crate) slot: Option<Arc<LoadSlot>>,
    /// The answer was built from values that have changed meanwhile, and is stored marked, to be loaded again. Set
    /// before the flight lands.
    pub(crate) is_out_of_date: AtomicBool,
    /// The load has set that its answer is not stored. Set before the flight lands.
    pub(crate) is_unstored: AtomicBool,
    /// There is an outcome.
    has_landed: AtomicBool,
    state: Mutex<FlightState>,
}

struct FlightState {
    /// The number of callers that wait.
    waiters: usize,
    demand: LoadDemand,
    /// No call can join any longer.
    is_closed: bool,
    /// The load has ended, and can no longer be cancelled.
    is_landing: bool,
    /// The answer comes from the provider.
    is_without_load: bool,
    /// A stale value that the cache got from the provider. Held for the callers, since the table may drop it.
    stale: Option<AnyValue>,
    /// Its runtime has dropped it: another load may replace it.
    is_abandoned: bool,
    /// A caller that was not cancelled has left, and may come back.
    is_missed: bool,
    /// How often the last caller has left, so that a late timer has no effect.
    leave_count: u64,
    /// Cancels the load if no caller joins in time.
    timer: Option<Timer>,
    outcome: Option<Outcome>,
    /// Woken when there is an outcome, and when there is a stale value before it.
    wakers: Wakers,
}

/// What a call demands of its flight. A flight fulfils the demands of all its calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LoadDemand {
    pub(crate) stores: bool,
    /// Continues when no caller waits.
    pub(crate) outlives_callers: bool,
    /// Remembers the error if the load fails.
    pub(crate) remembers_errors: bool,
    /// An answer from the provider is not good enough.
    pub(crate) loads: bool,
    /// How long the load continues after the last caller has left.
    pub(crate) linger: Duration,
}

/// What happens to a load after a caller has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterLeave {
    Continues,
    /// For a time, unless a caller joins. With the value of `leave_count`.
    Lingers(Duration, u64),
    Unwanted,
}

/// How a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    /// It was cancelled: its result is no answer.
    Interrupted,
    Done(LoadDemand),
}

impl Flight {
    pub(crate) fn new(
        id: FlightId,
        (key, hash): (Arc<dyn AnyKey>, u64),
        started: Moment,
        watch: Option<AnyWatch>,
        token: Token,
        runtime: TaskRuntime,
        slot: Option<Arc<LoadSlot>>,
    ) -> Arc<Self> {
        let state = FlightState {
            waiters: 0,
            demand: LoadDemand::default(),
            is_closed: false,
            is_landing: false,
            is_without_load: false,
            stale: None,
            is_abandoned: false,
            is_missed: false,
            leave_count: 0,
            timer: None,
            outcome: None,
            wakers: Wakers::default(),
        };
        Arc::new(Self {
            id,
            key,
            hash,
            started,
            watch,
            token,
            runtime,
            slot,
            is_out_of_date: AtomicBool::new(false),
            is_unstored: AtomicBool::new(false),
            has_landed: AtomicBool::new(false),
            state: Mutex::new(state),
        })
    }

    /// Adds a call and its demands, as a waiter if it waits. Returns whether that was possible.
    pub(crate) fn join(&self, demand: LoadDemand, is_waiting: bool) -> bool {
        let mut state = self.state.lock();
        if state.is_closed || self.token.is_cancelled() || (demand.loads && state.is_without_load) {
            return false;
        }
        state.demand.stores |= demand.stores;
        state.demand.outlives_callers |= demand.outlives_callers;
        state.demand.remembers_errors |= demand.remembers_errors;
        state.demand.loads |= demand.loads;
        state.demand.linger = state.demand.linger.max(demand.linger);
        state.waiters += usize::from(is_waiting);
        let timer = state.timer.take();
        drop(state);
        drop(timer);
        true
    }

    /// Whether nothing newer exists for the key.
    pub(crate) fn is_current(&self) -> bool {
        self.watch.as_ref().is_none_or(|watch| !watch.is_overtaken())
    }

    /// Makes sure that nothing more is stored. Must be called before the next flight begins to watch, so that this one
    /// cannot overtake it.
    pub(crate) fn retire(&self) {
        if let Some(watch) = &self.watch {
            watch.retire();
        }
    }

    /// Whether the key was changed by more than marks, so that the answer is useless.
    pub(crate) fn is_replaced(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.is_replaced())
    }

    /// Whether the load has ended and its result is being stored.
    pub(crate) fn is_landing(&self) -> bool {
        self.state.lock().is_landing
    }

    /// The number of callers that wait.
    pub(crate) fn waiters(&self) -> usize {
        self.state.lock().waiters
    }

    /// Lets the flight outlive its callers.
    pub(crate) fn outlive_callers(&self) {
        self.state.lock().demand.outlives_callers = true;
    }

    fn end_lingering(&self, leave_count: u64) {
        let mut state = self.state.lock();
        let is_unwanted = state.is_left(leave_count);
        state.is_closed |= is_unwanted;
        // Dropped after the lock, although it has ended.
        let timer = if is_unwanted { state.timer.take() } else { None };
        drop(state);
        drop(timer);
        if is_unwanted {
            self.token.cancel();
        }
    }

    /// Cancels the load if its callers have left, since another flight has replaced it and no further call joins it.
    pub(crate) fn displace(&self) {
        let leave_count = self.state.lock().leave_count;
        if leave_count > 0 {
            self.end_lingering(leave_count);
        }
    }

    /// Takes away the slot of a load that its runtime no longer runs.
    pub(crate) fn revoke_slot(&self) {
        if let Some(slot) = &self.slot {
            slot.revoke();
        }
    }

    /// Releases the slot of the load, which has ended or waits for its next attempt.
    pub(crate) fn end_turn(&self) {
        if let Some(slot) = &self.slot {
            slot.end();
        }
    }

    /// Whether a call demands a load, whatever the provider has.
    pub(crate) fn must_load(&self) -> bool {
        self.state.lock().demand.loads
    }

    /// Skips the load, unless a call demands one. Returns whether it is skipped.
    pub(crate) fn answer_without_load(&self) -> bool {
        let mut state = self.state.lock();
        state.is_without_load = !state.demand.loads;
        state.is_without_load
    }

    /// Notifies the callers that the cache has a stale value, which the flight keeps as long as it exists.
    pub(crate) fn show_stale(&self, value: AnyValue) {
        let mut state = self.state.lock();
        let replaced = state.stale.replace(value);
        let waiting = state.wakers.take_waiting();
        drop(state);
        drop(replaced);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Waits until the cache has a stale value.
    pub(crate) fn shows_stale(&self) -> impl Future<Output = ()> + Send {
        self.wait_for(|state| state.stale.is_some().then_some(()))
    }

    /// Ends the load, before anything is stored. The demands of later calls are ignored. If nothing is to be stored,
    /// because no call demands it or the load has set this (`is_unstored`), no call can join any more.
    pub(crate) fn begin_landing(&self, is_unstored: bool) -> Landing {
        let mut state = self.state.lock();
        if self.token.is_cancelled() {
            state.is_closed = true;
            return Landing::Interrupted;
        }
        state.is_landing = true;
        if is_unstored {
            state.demand.stores = false;
            self.is_unstored.store(true, Ordering::Release);
        }
        state.is_closed |= !state.demand.stores;
        // An error that no caller receives is remembered for `refresh_error`.
        let remembers_errors = state.demand.remembers_errors || state.waiters == 0;
        Landing::Done(LoadDemand { remembers_errors, ..state.demand })
    }

    /// Sets the outcome for all callers; only the first one counts. Returns whether no caller waited.
    pub(crate) fn land(&self, outcome: Outcome) -> bool {
        self.end(outcome, false)
    }

    /// Ends a load that its runtime has dropped. `outcome` is for callers that have no other runtime.
    pub(crate) fn abandon(&self, outcome: Outcome) {
        self.end(outcome, true);
    }

    fn end(&self, outcome: Outcome, is_abandoned: bool) -> bool {
        let mut state = self.state.lock();
        state.is_closed = true;
        let is_alone = state.waiters == 0;
        let timer = state.timer.take();
        state.is_abandoned |= is_abandoned && state.outcome.is_none();
        // A late outcome is dropped after the lock.
        let late = match state.outcome {
            Some(_) => Some(outcome),
            None => {
                state.outcome = Some(outcome);
                None
            }
        };
        self.has_landed.store(true, Ordering::Release);
        let waiting = state.wakers.take_waiting();
        drop(state);
        drop((late, timer));
        waiting.into_iter().for_each(Waker::wake);
        is_alone
    }

    pub(crate) fn has_landed(&self) -> bool {
        self.has_landed.load(Ordering::Acquire)
    }

    /// Whether the runtime of the load has dropped it, while that of the caller continues.
    pub(crate) fn is_stranded(&self) -> bool {
        self.state.lock().is_abandoned && self.runtime.is_elsewhere()
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.state.lock().outcome.clone()
    }

    /// Waits for the outcome.
    pub(crate) fn landed(&self) -> impl Future<Output = Outcome> + Send {
        self.wait_for(|state| state.outcome.clone())
    }

    /// Waits until `find` finds something. It runs under the lock.
    fn wait_for<T, F: Fn(&FlightState) -> Option<T>>(&self, find: F) -> Wait<'_, F> {
        Wait { flight: self, find, place: None }
    }
}

/// Waits for something in the state of a flight.
struct Wait<'a, F> {
    flight: &'a Flight,
    find: F,
    place: Option<Place>,
}

impl<F> Unpin for Wait<'_, F> {}

impl<T, F: Fn(&FlightState) -> Option<T>> Future for Wait<'_, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Self { flight, find, place } = &mut *self;
        // Before the lock, since a waker is foreign code. After the landing nothing more comes.
        let waker = (!flight.has_landed()).then(|| cx.waker().clone());
        let mut state = flight.state.lock();
        if let Some(found) = find(&state) {
            return Poll::Ready(found);
        }
        let replaced = waker.and_then(|waker| state.wakers.wait(place, waker));
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl<F> Drop for Wait<'_, F> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take().filter(|_| !self.flight.has_landed()) {
            let left = self.flight.state.lock().wakers.leave(place);
            drop(left);
        }
    }
}

impl Flight {
    /// Removes a caller. A caller that `is_cancelled` does not come back.
    pub(super) fn leave(self: &Arc<Self>, is_cancelled: bool) {
        let may_be_useful = self.watch.as_ref().is_some_and(|watch| !watch.is_overtaken());
        let left = self.state.lock().leave(is_cancelled, may_be_useful);
        match left {
            AfterLeave::Continues => {}
            AfterLeave::Unwanted => self.token.cancel(),
            AfterLeave::Lingers(time, leave_count) => self.linger(time, leave_count),
        }
    }

    /// Cancels the load after `time`, unless a caller joins or the load ends first.
    fn linger(self: &Arc<Self>, time: Duration, leave_count: u64) {
        let flight = Arc::clone(self);
        let timer = self.runtime.after(time, move || flight.end_lingering(leave_count));
        let mut state = self.state.lock();
        // Callers that joined or left in between found no timer.
        let surplus = match state.is_left(leave_count) {
            true => state.timer.replace(timer),
            false => Some(timer),
        };
        drop(state);
        drop(surplus);
    }
}

impl FlightState {
    fn leave(&mut self, is_cancelled: bool, may_be_useful: bool) -> AfterLeave {
        self.waiters -= 1;
        self.is_missed |= !is_cancelled;
        if self.waiters > 0 || self.demand.outlives_callers || self.is_over() {
            return AfterLeave::Continues;
        }
        let linger = if self.is_missed && may_be_useful { self.demand.linger } else { Duration::ZERO };
        self.leave_count += 1;
        match linger {
            Duration::ZERO => {
                self.is_closed = true;
                AfterLeave::Unwanted
            }
            Duration::MAX => AfterLeave::Continues,
            time => AfterLeave::Lingers(time, self.leave_count),
        }
    }

    /// Whether no caller has joined since that leave, and the load still runs.
    fn is_left(&self, leave_count: u64) -> bool {
        self.leave_count == leave_count
            && self.waiters == 0
            && !self.demand.outlives_callers
            && !self.is_over()
    }

    /// Whether there is nothing left to cancel.
    fn is_over(&self) -> bool {
        self.is_landing || self.is_closed
    }
}

#[cfg(all(test, not(cache_model)))]
mod tests;
