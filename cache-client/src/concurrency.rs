//! How many loads run at once: limits of a client and of its queries, and the slot that a load needs to run. A load that
//! waits for others lends its slot meanwhile. Starts no task.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::sync::Mutex;

/// A number of loads that may run at once. Slots are given in the order in which they were asked for.
///
/// Not a semaphore of tokio's: a load that its runtime does not run any more has to lose its place in the queue.
#[derive(Debug)]
pub(crate) struct ConcurrencyLimit(Mutex<Places>);

#[derive(Debug)]
struct Places {
    free: u32,
    next: Ticket,
    /// Those that wait, in the order in which they came.
    queue: BTreeMap<Ticket, Arc<LoadSlot>>,
}

/// A place in a queue. None is used twice.
type Ticket = u64;

/// The right of one load to run. It has a place of each of its limits, or waits for one, while it works and waits for no
/// other load.
#[derive(Debug)]
pub(crate) struct LoadSlot {
    /// That of the query before that of the client: a load that has a place of the latter waits for none.
    limits: [Option<Arc<ConcurrencyLimit>>; 2],
    state: Mutex<State>,
    /// Something may let the load go on.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// The load has begun, and not ended.
    works: bool,
    /// How many other loads it waits for.
    waits: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Out,
    /// Waits for a place of this limit, and has one of each before it.
    Queued(usize, Ticket),
    Held,
}

impl ConcurrencyLimit {
    pub(crate) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Places { free: most.max(1), next: 0, queue: BTreeMap::new() })))
    }

    /// Takes a place, or joins the queue for one.
    fn take_or_queue(&self, slot: &Arc<LoadSlot>) -> Option<Ticket> {
        let mut places = self.0.lock();
        if places.free > 0 {
            places.free -= 1;
            return None;
        }
        places.next += 1;
        let ticket = places.next;
        places.queue.insert(ticket, Arc::clone(slot));
        Some(ticket)
    }

    /// Gives a place back, to the first in the queue.
    fn give_back(&self, limit: usize) {
        loop {
            let mut places = self.0.lock();
            let Some((ticket, slot)) = places.queue.pop_first() else {
                places.free += 1;
                return;
            };
            drop(places);
            // One that has just left takes nothing.
            if slot.advance_from(limit, ticket) {
                return;
            }
        }
    }

    fn leave(&self, ticket: Ticket) {
        let left = self.0.lock().queue.remove(&ticket);
        drop(left);
    }
}

impl LoadSlot {
    /// `None` if nothing limits the load.
    pub(crate) fn new(
        query: Option<Arc<ConcurrencyLimit>>,
        client: Option<Arc<ConcurrencyLimit>>,
    ) -> Option<Arc<Self>> {
        let state = State { works: false, waits: 0, stage: Stage::Out };
        let limits = [query, client];
        let is_limited = limits.iter().any(Option::is_some);
        is_limited.then(|| Arc::new(Self { limits, state: Mutex::new(state), changed: Notify::new() }))
    }

    /// The load is to run: joins the queue, unless it has done so.
    pub(crate) fn begin(self: &Arc<Self>) {
        self.change(|state| state.works = true);
    }

    /// The load has ended, or pauses. Whoever is next may run.
    pub(crate) fn end(self: &Arc<Self>) {
        self.change(|state| state.works = false);
    }

    /// The load waits for another one, and lends its slot until that is dropped.
    pub(crate) fn lend(self: &Arc<Self>) -> Lent {
        self.change(|state| state.waits += 1);
        Lent(Arc::clone(self))
    }

    /// Takes the slot from a load that its runtime does not run. If that goes on after all, it joins the queue again.
    pub(crate) fn revoke(self: &Arc<Self>) {
        let given_up = std::mem::replace(&mut self.state.lock().stage, Stage::Out);
        self.give_up(given_up);
        self.changed.notify_waiters();
    }

    /// Waits until the load may run.
    pub(crate) async fn held(self: &Arc<Self>) {
        loop {
            // Before the look, so that no change is missed.
            let changed = self.changed.notified();
            self.change(|_| {});
            if self.state.lock().may_run() {
                return;
            }
            changed.await;
        }
    }

    /// Changes what the load does, and then joins the queue or gives up its place as that says.
    fn change(self: &Arc<Self>, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        let given_up = match (state.needs_place(), state.stage) {
            (true, Stage::Out) => {
                self.advance(&mut state, 0);
                Stage::Out
            }
            (true, _) => return,
            (false, _) => std::mem::replace(&mut state.stage, Stage::Out),
        };
        let may_run = state.may_run();
        drop(state);
        self.give_up(given_up);
        if may_run {
            self.changed.notify_waiters();
        }
    }

    /// Takes places from this limit on, until one has none that is free.
    fn advance(self: &Arc<Self>, state: &mut State, from: usize) {
        for (at, limit) in self.limits.iter().enumerate().skip(from) {
            if let Some(ticket) = limit.as_ref().and_then(|limit| limit.take_or_queue(self)) {
                state.stage = Stage::Queued(at, ticket);
                return;
            }
        }
        state.stage = Stage::Held;
    }

    /// Takes the place that was waited for. Returns whether that is so still.
    fn advance_from(self: &Arc<Self>, limit: usize, ticket: Ticket) -> bool {
        let mut state = self.state.lock();
        if state.stage != Stage::Queued(limit, ticket) {
            return false;
        }
        self.advance(&mut state, limit + 1);
        let may_run = state.may_run();
        drop(state);
        if may_run {
            self.changed.notify_waiters();
        }
        true
    }

    /// Gives back what the slot had at a stage that it has left.
    fn give_up(&self, stage: Stage) {
        let places = match stage {
            Stage::Out => return,
            Stage::Queued(limit, ticket) => {
                if let Some(limit) = &self.limits[limit] {
                    limit.leave(ticket);
                }
                limit
            }
            Stage::Held => self.limits.len(),
        };
        for (at, limit) in self.limits[..places].iter().enumerate() {
            if let Some(limit) = limit {
                limit.give_back(at);
            }
        }
    }
}

impl State {
    fn needs_place(&self) -> bool {
        self.works && self.waits == 0
    }

    fn may_run(&self) -> bool {
        self.stage == Stage::Held || !self.needs_place()
    }
}

/// A slot that is lent, since its load waits for another.
#[derive(Debug)]
pub(crate) struct Lent(Arc<LoadSlot>);

impl Lent {
    /// Ends the wait, and waits for the slot, unless the load waits for others too.
    pub(crate) async fn take_back(self) {
        let slot = Arc::clone(&self.0);
        drop(self);
        slot.held().await;
    }
}

impl Drop for Lent {
    /// The load goes on. One that does not wait for its slot has it again when its turn comes.
    fn drop(&mut self) {
        self.0.change(|state| state.waits -= 1);
    }
}

/// Waits, in a load with its slot lent.
pub(crate) async fn while_lent<F: Future>(slot: Option<Arc<LoadSlot>>, wait: F) -> F::Output {
    let Some(slot) = slot else { return wait.await };
    let lent = slot.lend();
    let output = wait.await;
    lent.take_back().await;
    output
}
