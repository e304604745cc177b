//! Limits how many loads run at once, for a client and for single queries. A load needs a slot to run, and lends it
//! while it waits for other loads. Starts no task.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::Notify;

use crate::runtime::{ClientRuntime, TaskRuntime};
use crate::sync::Mutex;

/// Limits how many loads run at once. Places are granted in the order of the requests.
///
/// Not tokio's semaphore, since a load that its runtime no longer runs has to lose its place, even in the queue.
#[derive(Debug)]
pub(crate) struct ConcurrencyLimit(Mutex<LimitState>);

#[derive(Debug)]
struct LimitState {
    max: usize,
    next: PlaceId,
    taken: BTreeMap<PlaceId, Arc<LoadSlot>>,
    /// Waiting loads, in the order of their requests. Empty while a place is free.
    queue: BTreeMap<PlaceId, Arc<LoadSlot>>,
}

/// A place, or a position in the queue for one. Numbers are not reused.
type PlaceId = u64;

/// The right of one load to run. While the load works and waits for no other load, it has a place of each of its
/// limits, or waits for one.
#[derive(Debug)]
pub(crate) struct LoadSlot {
    /// The limit of the query before that of the client: a load that has a place of the client waits for no other.
    limits: [Option<Arc<ConcurrencyLimit>>; 2],
    /// Where the load runs.
    runtime: TaskRuntime,
    runtimes: Arc<ClientRuntime>,
    state: Mutex<SlotState>,
    /// Notified when the load may be able to run.
    changed: Notify,
}

#[derive(Debug)]
struct SlotState {
    /// The load has begun, and has not ended.
    works: bool,
    /// How many other loads it waits for.
    waits: usize,
    stage: SlotStage,
    /// One for each limit of which the load has a place, or waits for one.
    places: [PlaceId; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SlotStage {
    Out,
    /// Waits for a place of this limit, and has one of each earlier limit.
    Queued(usize),
    Held,
}

impl ConcurrencyLimit {
    pub(crate) fn new(max: u32) -> Arc<Self> {
        let max = usize::try_from(max).unwrap_or(usize::MAX).max(1);
        let (taken, queue) = (BTreeMap::new(), BTreeMap::new());
        Arc::new(Self(Mutex::new(LimitState { max, next: 0, taken, queue })))
    }

    /// Takes a place, or joins the queue for one. Returns whether it has a place.
    fn take_or_queue(&self, slot: &Arc<LoadSlot>) -> (PlaceId, bool) {
        let mut places = self.0.lock();
        places.next += 1;
        let (place, is_free) = (places.next, places.taken.len() < places.max);
        let places = if is_free { &mut places.taken } else { &mut places.queue };
        places.insert(place, Arc::clone(slot));
        (place, is_free)
    }

    /// Returns a place to the first load in the queue. `number` is the index of this limit in each slot.
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
                // A load that has just left the queue takes no place.
                Some((next, slot)) if !slot.advance_from(number, next) => place = next,
                _ => return,
            }
        }
    }

    fn leave(&self, place: PlaceId) {
        let left = self.0.lock().queue.remove(&place);
        drop(left);
    }

    /// The loads that have a place or wait for one, and for which `is_selected` returns `true`.
    fn slots(&self, is_selected: impl Fn(&LoadSlot) -> bool) -> Vec<Arc<LoadSlot>> {
        let places = self.0.lock();
        places.taken.values().chain(places.queue.values()).filter(|slot| is_selected(slot)).cloned().collect()
    }

    /// The runtimes of the loads that have a place.
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

    /// Starts the load: it takes its places, or joins the queue.
    pub(crate) fn begin(self: &Arc<Self>) {
        self.change(|state| state.works = true);
    }

    /// Ends or pauses the load. The next one may run.
    pub(crate) fn end(self: &Arc<Self>) {
        self.change(|state| state.works = false);
    }

    /// Lends the slot while the load waits for another one, until the result is dropped.
    pub(crate) fn lend(self: &Arc<Self>) -> LentSlot {
        self.change(|state| state.waits += 1);
        LentSlot(Arc::clone(self))
    }

    /// Takes the slot from a load that its runtime no longer runs. If the load runs again after all, it joins the queue
    /// again.
    pub(crate) fn revoke(self: &Arc<Self>) {
        let given_up = self.state.lock().give_up();
        self.give_back(given_up);
        self.changed.notify_waiters();
    }

    /// Waits until the load may run. Loads on idle runtimes do not delay it.
    pub(crate) async fn held(self: &Arc<Self>) {
        loop {
            // Before the check, so that no change is missed.
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

    /// Takes their places from all loads on idle runtimes.
    fn revoke_idle(&self) {
        let is_idle = |slot: &LoadSlot| self.runtimes.is_idle(&slot.runtime);
        let idle: Vec<_> = self.limits.iter().flatten().flat_map(|limit| limit.slots(is_idle)).collect();
        idle.iter().for_each(|slot| slot.revoke());
    }

    /// Changes what the load does, then joins the queue or gives up its place accordingly.
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

    /// Takes places from this limit on, until one has no free place.
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

    /// Takes the place that the load has waited for. Returns whether it still waits for it.
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

/// What a slot gives up: places, and at most one position in a queue.
#[derive(Clone, Copy, Debug, Default)]
struct GivenUp {
    queued: [Option<PlaceId>; 2],
    taken: [Option<PlaceId>; 2],
}

impl SlotState {
    fn needs_place(&self) -> bool {
        self.works && self.waits == 0
    }

    /// Gives up everything.
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

/// A lent slot, while its load waits for another.
#[derive(Debug)]
pub(crate) struct LentSlot(Arc<LoadSlot>);

impl LentSlot {
    /// Ends the wait, and waits for the slot, unless the load also waits for others.
    pub(crate) async fn take_back(self) {
        let slot = Arc::clone(&self.0);
        drop(self);
        slot.held().await;
    }
}

impl Drop for LentSlot {
    /// The load continues. If it does not wait for its slot, it gets it back later.
    fn drop(&mut self) {
        self.0.change(|state| state.waits -= 1);
    }
}

/// Waits inside a load, whose slot is lent meanwhile. If there is no need to wait, the load keeps its slot.
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
