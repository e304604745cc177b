//! How many loads run at once: limits of a client and of its queries, and the slot that a load needs to run. A load that
//! waits for others lends its slot meanwhile. Starts no task.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::Notify;

use crate::runtime::{ClientRuntime, TaskRuntime};
use crate::sync::Mutex;

/// A number of loads that may run at once. Slots are given in the order in which they were asked for.
///
/// Not a semaphore of tokio's: a load that its runtime does not run any more has to lose its place, also in the queue.
#[derive(Debug)]
pub(crate) struct ConcurrencyLimit(Mutex<LimitState>);

#[derive(Debug)]
struct LimitState {
    most: usize,
    next: PlaceId,
    taken: BTreeMap<PlaceId, Arc<LoadSlot>>,
    /// Those that wait, in the order in which they came. Nobody waits while there is a place.
    queue: BTreeMap<PlaceId, Arc<LoadSlot>>,
}

/// A place, or one in the queue for it. None is used twice.
type PlaceId = u64;

/// The right of one load to run. It has a place of each of its limits, or waits for one, while it works and waits for no
/// other load.
#[derive(Debug)]
pub(crate) struct LoadSlot {
    /// That of the query before that of the client: a load that has a place of the latter waits for none.
    limits: [Option<Arc<ConcurrencyLimit>>; 2],
    /// Where the load runs.
    runtime: TaskRuntime,
    runtimes: Arc<ClientRuntime>,
    state: Mutex<SlotState>,
    /// Something may let the load go on.
    changed: Notify,
}

#[derive(Debug)]
struct SlotState {
    /// The load has begun, and not ended.
    works: bool,
    /// How many other loads it waits for.
    waits: usize,
    stage: SlotStage,
    /// Of each limit that it has a place of, or waits for one.
    places: [PlaceId; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SlotStage {
    Out,
    /// Waits for a place of this limit, and has one of each before it.
    Queued(usize),
    Held,
}

impl ConcurrencyLimit {
    pub(crate) fn new(most: u32) -> Arc<Self> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
        let (taken, queue) = (BTreeMap::new(), BTreeMap::new());
        Arc::new(Self(Mutex::new(LimitState { most, next: 0, taken, queue })))
    }

    /// Takes a place, or joins the queue for one. Returns whether it has a place.
    fn take_or_queue(&self, slot: &Arc<LoadSlot>) -> (PlaceId, bool) {
        let mut places = self.0.lock();
        places.next += 1;
        let (place, is_free) = (places.next, places.taken.len() < places.most);
        let places = if is_free { &mut places.taken } else { &mut places.queue };
        places.insert(place, Arc::clone(slot));
        (place, is_free)
    }

    /// Gives a place back, to the first in the queue. This is the limit of that number of each slot.
    fn give_back(&self, number: usize, mut place: PlaceId) {
        loop {
            let mut places = self.0.lock();
            let left = places.taken.remove(&place);
            let next = places.queue.pop_first();
            if let Some((next, slot)) = &next {
                places.taken.insert(*next, Arc::clone(slot));
            }
            drop(places);
            drop(left);
            match next {
                // One that has just left takes nothing.
                Some((next, slot)) if !slot.advance_from(number, next) => place = next,
                _ => return,
            }
        }
    }

    fn leave(&self, place: PlaceId) {
        let left = self.0.lock().queue.remove(&place);
        drop(left);
    }

    /// Those that have a place, and those that wait for one, if they are meant.
    fn slots(&self, is_meant: impl Fn(&LoadSlot) -> bool) -> Vec<Arc<LoadSlot>> {
        let places = self.0.lock();
        places.taken.values().chain(places.queue.values()).filter(|slot| is_meant(slot)).cloned().collect()
    }

    /// Where those run that have a place.
    fn runtimes(&self) -> Vec<TaskRuntime> {
        self.0.lock().taken.values().map(|slot| slot.runtime.clone()).collect()
    }
}

impl LoadSlot {
    /// `None` if nothing limits the load.
    pub(crate) fn new(
        query: Option<Arc<ConcurrencyLimit>>,
        client: Option<Arc<ConcurrencyLimit>>,
        (runtime, runtimes): (&TaskRuntime, &Arc<ClientRuntime>),
    ) -> Option<Arc<Self>> {
        let limits = [query, client];
        if limits.iter().all(Option::is_none) {
            return None;
        }
        runtimes.note_use(runtime);
        let state = SlotState { works: false, waits: 0, stage: SlotStage::Out, places: [0; 2] };
        let (runtime, runtimes) = (runtime.clone(), Arc::clone(runtimes));
        let (state, changed) = (Mutex::new(state), Notify::new());
        Some(Arc::new(Self { limits, runtime, runtimes, state, changed }))
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
    pub(crate) fn lend(self: &Arc<Self>) -> LentSlot {
        self.change(|state| state.waits += 1);
        LentSlot(Arc::clone(self))
    }

    /// Takes the slot from a load that its runtime does not run. If that goes on after all, it joins the queue again.
    pub(crate) fn revoke(self: &Arc<Self>) {
        let given_up = self.state.lock().give_up();
        self.give_back(given_up);
        self.changed.notify_waiters();
    }

    /// Waits until the load may run. Loads of runtimes that are idle do not keep it waiting.
    pub(crate) async fn held(self: &Arc<Self>) {
        loop {
            // Before the look, so that no change is missed.
            let changed = self.changed.notified();
            self.change(|_| {});
            if self.state.lock().may_run() {
                return;
            }
            let places = || self.limits.iter().flatten().flat_map(|limit| limit.runtimes()).collect();
            tokio::select! {
                biased;
                () = changed => {}
                () = self.runtimes.until_one_is_idle(places) => self.revoke_idle(),
            }
        }
    }

    /// Takes their places from all loads whose runtimes are idle.
    fn revoke_idle(&self) {
        let is_idle = |slot: &LoadSlot| self.runtimes.is_idle(&slot.runtime);
        let idle: Vec<_> = self.limits.iter().flatten().flat_map(|limit| limit.slots(is_idle)).collect();
        idle.iter().for_each(|slot| slot.revoke());
    }

    /// Changes what the load does, and then joins the queue or gives up its place as that says.
    fn change(self: &Arc<Self>, change: impl FnOnce(&mut SlotState)) {
        let mut state = self.state.lock();
        change(&mut state);
        let given_up = match (state.needs_place(), state.stage) {
            (true, SlotStage::Out) => {
                self.advance(&mut state, 0);
                GivenUp::default()
            }
            (true, _) => return,
            (false, _) => state.give_up(),
        };
        let may_run = state.may_run();
        drop(state);
        self.give_back(given_up);
        if may_run {
            self.changed.notify_waiters();
        }
    }

    /// Takes places from this limit on, until one has none that is free.
    fn advance(self: &Arc<Self>, state: &mut SlotState, from: usize) {
        for (at, limit) in self.limits.iter().enumerate().skip(from) {
            let Some(limit) = limit else { continue };
            let (place, is_free) = limit.take_or_queue(self);
            state.places[at] = place;
            if !is_free {
                state.stage = SlotStage::Queued(at);
                return;
            }
        }
        state.stage = SlotStage::Held;
    }

    /// Takes the place that was waited for. Returns whether that is so still.
    fn advance_from(self: &Arc<Self>, limit: usize, place: PlaceId) -> bool {
        let mut state = self.state.lock();
        if state.stage != SlotStage::Queued(limit) || state.places[limit] != place {
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

    fn give_back(&self, given_up: GivenUp) {
        let GivenUp { queued, taken } = given_up;
        let limits = || self.limits.iter().enumerate().filter_map(|(at, limit)| Some((at, limit.as_ref()?)));
        limits().filter_map(|(at, limit)| Some((limit, queued[at]?))).for_each(|(limit, at)| limit.leave(at));
        for (at, limit) in limits() {
            if let Some(place) = taken[at] {
                limit.give_back(at, place);
            }
        }
    }
}

/// What a slot has left: places, and one in a queue at most.
#[derive(Clone, Copy, Debug, Default)]
struct GivenUp {
    queued: [Option<PlaceId>; 2],
    taken: [Option<PlaceId>; 2],
}

impl SlotState {
    fn needs_place(&self) -> bool {
        self.works && self.waits == 0
    }

    /// Leaves whatever it has.
    fn give_up(&mut self) -> GivenUp {
        let [first, second] = self.places.map(Some);
        let nothing = GivenUp::default();
        match std::mem::replace(&mut self.stage, SlotStage::Out) {
            SlotStage::Out => nothing,
            SlotStage::Queued(0) => GivenUp { queued: [first, None], ..nothing },
            SlotStage::Queued(_) => GivenUp { queued: [None, second], taken: [first, None] },
            SlotStage::Held => GivenUp { taken: [first, second], ..nothing },
        }
    }

    fn may_run(&self) -> bool {
        self.stage == SlotStage::Held || !self.needs_place()
    }
}

/// A slot that is lent, since its load waits for another.
#[derive(Debug)]
pub(crate) struct LentSlot(Arc<LoadSlot>);

impl LentSlot {
    /// Ends the wait, and waits for the slot, unless the load waits for others too.
    pub(crate) async fn take_back(self) {
        let slot = Arc::clone(&self.0);
        drop(self);
        slot.held().await;
    }
}

impl Drop for LentSlot {
    /// The load goes on. One that does not wait for its slot has it again when its turn comes.
    fn drop(&mut self) {
        self.0.change(|state| state.waits -= 1);
    }
}

/// WaitGraph, in a load with its slot lent. A load that need not wait keeps its slot.
pub(crate) async fn while_lent<F: Future>(slot: Option<Arc<LoadSlot>>, wait: F) -> F::Output {
    let mut wait = pin!(wait);
    let Some(slot) = slot else { return wait.await };
    if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx))).await {
        return output;
    }
    let lent = slot.lend();
    let output = wait.await;
    lent.take_back().await;
    output
}
