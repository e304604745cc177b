//! The task of one observed key: keeps it pinned, and loads it when it is missing, marked or to be polled. Knows
//! nothing of the readers of its states.

mod view;

use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_core::Moment;
use cache_core::client_support::{AnyPin, AnyWatch};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use super::registry::ObservedKey;
use super::requests::TaskSignal;
use super::snapshot::{Published, ShownValue};
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::erased::{AnyQueryError, AnyValue, Outcome};
use crate::flight::registry::IfRunning;
use crate::flight::state::Flight;
use crate::flight::wait_graph::FlightId;
use crate::flight::waiter::Waiter;
use crate::plan::Plan;
use crate::presence::PresenceState;
use crate::query::caller::Caller;
use crate::runtime::TaskRuntime;

/// How long a jump of the cache's clock may go unnoticed. Tokio's timers stop while the machine is suspended.
const TICK: Duration = Duration::from_secs(60);

/// The clock of the cache is read cheaply, and may lag by a few milliseconds. Answers that are closer together count as one.
const CLOCK_LAG: Duration = Duration::from_millis(10);

/// Bounds the wait before a key that is repeatedly out of date is loaded again: at most 2 to this power times the time
/// of a load.
const MAX_DOUBLINGS: u32 = 3;

/// Keeps one observed key pinned and loaded. When dropped, it publishes that it has ended.
pub(crate) struct ObserverTask<A: App> {
    client: Client<A>,
    query: Arc<dyn AnyQuery<A>>,
    number: u64,
    runtime: TaskRuntime,
    observed_key: Arc<ObservedKey>,
    signal: Arc<TaskSignal>,
    /// The options of the observers, each once.
    plans: Vec<Plan>,
    /// The strictest options of all observers.
    plan: Plan,
    /// The options of the query alone.
    query_plan: Plan,
    /// Waits for the current load.
    waiter: Option<Waiter>,
    /// Waits for the provider, for observers that never load.
    lookup: Option<Waiter>,
    /// Waits for the previous load, which a mark has retired. Its answer is shown unless it comes too late.
    retired: Option<Waiter>,
    /// The current load replaces one that a mark has retired. Further marks wait for its end, so that a key that is
    /// marked faster than it loads is still shown.
    replaces_retired: bool,
    /// How many loads in a row were out of date when they were stored.
    outdated: u32,
    /// When the next load begins after such a load. Without the wait, two observed queries that are built from each
    /// other would load each other forever.
    rebuild_at: Option<Instant>,
    /// The error of the last load, until something newer exists.
    error: Option<AnyQueryError>,
    /// The newest answer that is not stored.
    unstored: Option<UnstoredAnswer>,
    /// How many loads were answered.
    answers: u64,
    /// How many loads have failed; distinguishes errors.
    failures: u64,
    /// Whether there may be requests that the task has taken and not yet done.
    has_requests: bool,
    /// What was published last.
    published: Option<Published>,
    /// When to check whether the value has become stale. An earlier check than necessary stays planned.
    stale_at: Option<Instant>,
    /// When the last load ended or a new value was written. By tokio's clock, and by the clock of the cache, which may
    /// advance while the machine is suspended.
    settled: (Instant, Moment),
    /// When the stored answer was true that was settled last.
    answer_as_of: Option<Moment>,
    /// How long after that the key is polled, given its current value.
    poll_period: Option<Duration>,
    presence: watch::Receiver<PresenceState>,
    /// Whether the client was active and online when the task last checked, which polling requires.
    was_awake: bool,
    _pin: AnyPin,
    _watch: AnyWatch,
}

/// An answer that is not stored.
struct UnstoredAnswer {
    value: AnyValue,
    flight: FlightId,
    /// The watch of its load. A change that replaces the load replaces the answer.
    watch: AnyWatch,
    shown_by: ShownBy,
}

/// Which observers show an answer that is not stored, while nothing newer exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ShownBy {
    /// Those whose strategy stores nothing.
    Own,
    /// All, once a mark has retired its load.
    AllOnceMarked,
    /// All: its load has set that it is not stored.
    All,
}

/// An event that the task handles.
enum TaskEvent {
    Signal,
    Landed(Outcome),
    RetiredLanded(Outcome),
    /// The provider has answered an observer that never loads.
    LookedUp,
    /// The runtime of the load no longer runs it.
    RuntimeIdle,
    /// The client may have become active, inactive, online or offline.
    PresenceChanged(watch::Receiver<PresenceState>),
    /// It may be time to poll.
    PollTick,
    /// It is time to load a key that was out of date when it was stored.
    Rebuild,
    Stale,
}

impl<A: App> ObserverTask<A> {
    pub(crate) fn new(
        client: Client<A>,
        query: Arc<dyn AnyQuery<A>>,
        (number, runtime): (u64, TaskRuntime),
        observed_key: Arc<ObservedKey>,
    ) -> Self {
        // Before the first read, so that no change is missed.
        let signal = observed_key.requests.assign_to(number);
        let changed = Arc::clone(&signal);
        let watch = query.watch(client.cache(), Some(Arc::new(move || changed.change())));
        let pin = AnyPin::new(query.home(client.cache()), &*query);
        let mut presence = client.presence().watch();
        let was_awake = presence.borrow_and_update().is_awake();
        let query_plan = Caller::of_observer_task(&client).plan_of_query(&*query);
        let settled = (Instant::now(), client.cache().now());
        Self {
            client,
            query,
            number,
            runtime,
            observed_key,
            signal,
            plans: Vec::new(),
            plan: query_plan,
            query_plan,
            waiter: None,
            lookup: None,
            retired: None,
            replaces_retired: false,
            outdated: 0,
            rebuild_at: None,
            error: None,
            unstored: None,
            answers: 0,
            failures: 0,
            // Those of the last task.
            has_requests: true,
            published: None,
            stale_at: None,
            settled,
            answer_as_of: None,
            poll_period: None,
            presence,
            was_awake,
            _pin: pin,
            _watch: watch,
        }
    }

    pub(crate) async fn run(mut self) {
        // Both outlast the changes of the key, of which there are many for each of these.
        let mut stale_timer = pin!(None);
        let mut presence_change = pin!(changed(self.presence.clone()));
        loop {
            set_timer(stale_timer.as_mut(), self.stale_at);
            let mut read = None;
            match self.next_event(stale_timer.as_mut(), presence_change.as_mut()).await {
                TaskEvent::Signal => read = self.catch_up(),
                TaskEvent::Landed(outcome) => self.land(outcome),
                TaskEvent::RetiredLanded(outcome) => self.land_retired(outcome),
                // The value that it has found is in the cache.
                TaskEvent::LookedUp => self.lookup = None,
                TaskEvent::RuntimeIdle => self.take_over(),
                TaskEvent::PresenceChanged(presence) => {
                    let is_awake = presence.borrow().is_awake();
                    presence_change.set(changed(presence));
                    self.wake_up(is_awake);
                }
                TaskEvent::PollTick if self.is_poll_due() => self.poll(),
                TaskEvent::PollTick => {}
                TaskEvent::Rebuild => self.rebuild(),
                TaskEvent::Stale => self.stale_at = None,
            }
            self.show(read);
        }
    }

    async fn next_event(
        &mut self,
        stale_timer: Pin<&mut Option<Sleep>>,
        presence_change: Pin<&mut impl Future<Output = watch::Receiver<PresenceState>>>,
    ) -> TaskEvent {
        let poll_at = self.poll_at();
        let Self { client, signal, waiter, lookup, retired, rebuild_at, .. } = self;
        let (waiter, lookup, retired) = (waiter.as_ref(), lookup.as_ref(), retired.as_ref());
        let is_idle = async {
            match waiter {
                Some(waiter) => waiter.flight.runtime.until_idle(client.runtime()).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = signal.notified() => TaskEvent::Signal,
            outcome = landed(waiter) => TaskEvent::Landed(outcome),
            outcome = landed(retired) => TaskEvent::RetiredLanded(outcome),
            _ = landed(lookup) => TaskEvent::LookedUp,
            () = is_idle => TaskEvent::RuntimeIdle,
            presence = presence_change => TaskEvent::PresenceChanged(presence),
            () = until(*rebuild_at) => TaskEvent::Rebuild,
            () = until(poll_at) => TaskEvent::PollTick,
            () = ended(stale_timer) => TaskEvent::Stale,
        }
    }

    /// Loads a key that is polled or stale, if the client has become active and online.
    fn wake_up(&mut self, is_awake: bool) {
        if std::mem::replace(&mut self.was_awake, is_awake) || !is_awake {
            return;
        }
        if self.poll_period.is_some() {
            return self.poll();
        }
        let shown = self.value_to_show(!self.plan.stores());
        if shown.is_none_or(|shown| shown.is_stale(&self.plan, Duration::ZERO)) {
            self.load(self.plan.repairing());
        }
    }

    /// When to check whether polling is due. `None` while the key is being loaded.
    fn poll_at(&self) -> Option<Instant> {
        let may_poll = self.waiter.is_none() && self.was_awake;
        let period = self.poll_period.filter(|_| may_poll)?;
        let next_tick = Instant::now() + TICK;
        Some(self.settled.0.checked_add(period).map_or(next_tick, |due| due.min(next_tick)))
    }

    fn is_poll_due(&self) -> bool {
        let (by_tokio, by_cache) = self.settled;
        let passed = by_tokio.elapsed().max(self.client.cache().now().since(by_cache));
        self.poll_period.is_some_and(|period| passed >= period)
    }

    fn settle(&mut self) {
        self.settled = (Instant::now(), self.client.cache().now());
    }

    /// Whether the stored answer is from a later time than the last one. A change of a part of it is not: the rest is as
    /// old as before, and is still to be polled. `shown` is the value to show.
    fn has_newer_answer(&mut self, shown: Option<&ShownValue>) -> bool {
        let now = self.client.cache().now();
        let state = shown.and_then(|shown| shown.state);
        let state = state.or_else(|| self.query.read(self.client.cache(), false).map(|(_, state)| state));
        let Some(as_of) = state.map(|state| now - state.age) else { return true };
        let is_newer = self.answer_as_of.is_none_or(|last| as_of > last + CLOCK_LAG);
        if is_newer {
            self.answer_as_of = Some(as_of);
        }
        is_newer
    }

    fn poll(&mut self) {
        // First, in case the load fails to start.
        self.settle();
        self.load(self.plan.polling());
    }

    /// Continues where the last task ended. Also loads for observers that the last task did not load for.
    pub(crate) fn resume(&mut self) {
        self.load_for_arrivals();
        match self.plan.stores() {
            true => drop(self.handle_change()),
            false => self.load(self.plan.repairing()),
        }
    }

    /// Handles everything that has happened since the last call. Returns the value to [show](Self::show), without layers,
    /// if that was read: a later change of it is another event.
    pub(crate) fn catch_up(&mut self) -> Option<ShownValue> {
        let is_changed = self.signal.take_change();
        self.load_for_arrivals();
        // A requested load is only for a marked or missing key, which the read detects.
        let reloads = self.observed_key.requests.begin_reloads(self.number);
        self.has_requests |= reloads;
        if reloads || is_changed { self.handle_change() } else { None }
    }

    /// Loads for new observers.
    fn load_for_arrivals(&mut self) {
        for plan in self.update_plans() {
            self.start(&plan);
        }
    }

    /// Updates the options of the observers. Returns those of the new ones.
    fn update_plans(&mut self) -> Vec<Plan> {
        // Most changes of a key come without one of its observers.
        let Some((present, arrived)) = self.observed_key.requests.plans(self.number) else {
            return Vec::new();
        };
        self.has_requests = true;
        let stricter = |one: Plan, other: &Plan| one.stricter(other);
        let strictest = present.first().map(|first| present[1..].iter().fold(*first, stricter));
        self.plan = strictest.unwrap_or(self.query_plan).with_times_of(&self.query_plan);
        if present.iter().all(Plan::stores) {
            self.unstored.take_if(|unstored| unstored.shown_by == ShownBy::Own);
        }
        if self.plan.never_loads() && !present.is_empty() {
            // The observers that requested the load are gone.
            (self.waiter, self.retired, self.rebuild_at) = (None, None, None);
        }
        self.plans = present;
        arrived
    }

    /// Loads by the strategy of a new observer.
    fn start(&mut self, plan: &Plan) {
        let is_fresh = |shown: &ShownValue| plan.never_loads() || !shown.is_stale(plan, Duration::ZERO);
        let has_fresh = plan.reads_first() && self.value_to_show(false).as_ref().is_some_and(is_fresh);
        if !has_fresh {
            // An answer that other observers wait for too is stored for them.
            let stores_for_others = !plan.stores() && self.plan.stores();
            self.load(match stores_for_others {
                true => self.plan.polling(),
                false => self.plan.with_strategy(plan.strategy()),
            });
        }
    }

    /// Whether there is no value to show, or only a marked one, which the provider no longer has.
    fn needs_load(&self) -> bool {
        self.is_to_be_loaded(self.value_to_show(!self.plan.stores()).as_ref())
    }

    fn is_to_be_loaded(&self, shown: Option<&ShownValue>) -> bool {
        let may_load = !self.plan.never_loads();
        shown.is_none_or(|shown| shown.is_marked && may_load)
    }

    /// Returns the value to show, if it was read and not loaded again.
    fn handle_change(&mut self) -> Option<ShownValue> {
        // Before the read: if the flight was overtaken by its own store, the read finds that value.
        let is_over = |waiter: &Waiter| !waiter.flight.is_current();
        let (waiter_is_over, retired_is_over) =
            (self.waiter.as_ref().is_some_and(is_over), self.retired.as_ref().is_some_and(is_over));
        let shown = self.value_to_show(!self.plan.stores());
        if self.is_to_be_loaded(shown.as_ref()) {
            self.load_again();
            return None;
        }
        self.error = None;
        if self.has_newer_answer(shown.as_ref()) {
            self.settle();
        }
        // A load that is storing its answer is about to land. Any other is no longer needed.
        if waiter_is_over {
            self.waiter.take_if(|waiter| !waiter.flight.is_landing());
        }
        if retired_is_over {
            self.retired = None;
        }
        shown.filter(|_| self.plan.stores())
    }

    /// Loads a marked or missing key. The answer of a load that only marks have retired is still shown: the first mark
    /// starts another load beside it, and further marks wait for the end of that.
    fn load_again(&mut self) {
        match &self.waiter {
            Some(waiter) if waiter.flight.is_current() => {}
            // The answer that it stores may be marked. That is known once it has landed.
            Some(waiter) if waiter.flight.is_landing() => {}
            Some(waiter) if !waiter.flight.is_replaced() => {
                if !std::mem::replace(&mut self.replaces_retired, true) {
                    self.retired = self.waiter.take();
                    self.load(self.plan.repairing());
                }
            }
            _ => self.load(self.plan.repairing()),
        }
    }

    /// Joins a flight, unless the task already waits for one that is good enough.
    fn load(&mut self, plan: Plan) {
        if plan.never_loads() {
            return self.look_up(plan);
        }
        self.rebuild_at = None;
        let is_waiting = self.waiter.as_ref().is_some_and(|waiter| waiter.flight.is_current());
        if is_waiting && !plan.replaces_running() {
            return;
        }
        let if_running = if plan.replaces_running() { IfRunning::Replace } else { IfRunning::Join };
        self.join_flight(plan, if_running);
    }

    /// Replaces a load that its runtime no longer runs, since the load was needed.
    fn take_over(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            waiter.flight.revoke_slot();
            self.join_flight(self.plan.polling(), IfRunning::ReplaceOnly(waiter.flight.id));
        }
    }

    /// Reads the provider, for observers that never load.
    fn look_up(&mut self, plan: Plan) {
        let caller = Caller::of_observer_task(&self.client);
        self.lookup = caller.waiter(&*self.query, plan, IfRunning::Join).ok().flatten();
    }

    fn join_flight(&mut self, plan: Plan, if_running: IfRunning) {
        match Caller::of_observer_task(&self.client).waiter(&*self.query, plan, if_running) {
            Ok(waiter) => self.waiter = waiter,
            Err(error) => {
                self.waiter = None;
                self.fail(error);
            }
        }
    }

    fn fail(&mut self, error: AnyQueryError) {
        self.failures += 1;
        self.error = Some(error);
    }

    fn land(&mut self, outcome: Outcome) {
        if self.waiter.as_ref().is_some_and(|waiter| waiter.flight.is_stranded()) {
            return self.take_over();
        }
        let Some(waiter) = self.waiter.take() else { return };
        self.settle();
        // Perhaps by its own store: the read below finds that value.
        let is_overtaken = !waiter.flight.is_current();
        match outcome {
            Ok(value) => {
                self.answers += 1;
                self.error = None;
                self.keep_unstored(&waiter.flight, value);
            }
            Err(_) if is_overtaken => {}
            Err(error) => self.fail(error),
        }
        let is_out_of_date = waiter.flight.is_out_of_date.load(Ordering::Acquire);
        if is_overtaken && self.needs_load() {
            return match is_out_of_date {
                true => self.rebuild_later(),
                false => self.load(self.plan.repairing()),
            };
        }
        self.outdated = 0;
        self.replaces_retired = false;
        self.retired = None;
    }

    /// Loads a key again whose inputs have changed meanwhile: the first time at once, then after a random wait that
    /// grows each time.
    fn rebuild_later(&mut self) {
        (self.replaces_retired, self.retired) = (false, None);
        let doublings = self.outdated.min(MAX_DOUBLINGS);
        self.outdated += 1;
        if self.outdated == 1 {
            return self.load(self.plan.repairing());
        }
        let took = self.client.state_of(&*self.query).load_time();
        let wait = took.saturating_mul(1 << doublings).mul_f64(fastrand::f64());
        self.rebuild_at = Instant::now().checked_add(wait);
    }

    fn rebuild(&mut self) {
        self.rebuild_at = None;
        if self.needs_load() {
            self.load(self.plan.repairing());
        }
    }

    fn land_retired(&mut self, outcome: Outcome) {
        if let (Some(waiter), Ok(value)) = (self.retired.take(), outcome) {
            self.keep_unstored(&waiter.flight, value);
        }
    }

    /// Keeps an answer that is not stored, unless there is a newer one.
    fn keep_unstored(&mut self, flight: &Flight, value: AnyValue) {
        let shown_by = match (self.plan.stores(), flight.is_unstored.load(Ordering::Acquire)) {
            (false, _) => ShownBy::Own,
            (true, true) => ShownBy::All,
            (true, false) => ShownBy::AllOnceMarked,
        };
        let is_newer = self.unstored.as_ref().is_none_or(|unstored| unstored.flight < flight.id);
        if let Some(watch) = &flight.watch
            && is_newer
            && (shown_by != ShownBy::AllOnceMarked || watch.is_overtaken())
        {
            self.unstored = Some(UnstoredAnswer { value, flight: flight.id, watch: watch.clone(), shown_by });
        }
    }
}

/// The outcome of a load, if there is one.
async fn landed(waiter: Option<&Waiter>) -> Outcome {
    match waiter {
        Some(waiter) => waiter.landed().await,
        None => pending().await,
    }
}

/// Waits until `moment`, or forever if it is `None`.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => pending().await,
    }
}

/// Waits for the next change, which the receiver has then seen.
async fn changed(mut presence: watch::Receiver<PresenceState>) -> watch::Receiver<PresenceState> {
    match presence.changed().await {
        Ok(()) => presence,
        Err(_) => pending().await,
    }
}

/// Makes a timer end at a moment or earlier. One that ends earlier stays: it is set once for many changes of a key, and the
/// task that it wakes finds the value fresh.
fn set_timer(mut timer: Pin<&mut Option<Sleep>>, at: Option<Instant>) {
    let ends_earlier = |at| {
        let timer = timer.as_ref().as_pin_ref();
        timer.is_some_and(|timer| !timer.is_elapsed() && timer.deadline() <= at)
    };
    if !at.is_some_and(ends_earlier) {
        timer.set(at.map(tokio::time::sleep_until));
    }
}

/// Waits until a timer ends. Without a timer, never returns.
async fn ended(timer: Pin<&mut Option<Sleep>>) {
    match timer.as_pin_mut() {
        Some(timer) => timer.await,
        None => pending().await,
    }
}

impl<A: App> Drop for ObserverTask<A> {
    fn drop(&mut self) {
        let Self { client, number, runtime, observed_key, .. } = self;
        observed_key.channel.end(*number, || {
            if !observed_key.is_left() && !std::thread::panicking() {
                client.runtime().note_end(runtime);
            }
            observed_key.requests.give_up_reloads(*number);
        });
    }
}
