//! The task of one observed key: keeps it pinned, has it loaded when it is missing, marked or to be
//! polled. Knows nothing of who reads its states.

mod showing;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_core::Moment;
use cache_core::client_support::{AnyPin, AnyWatch};
use tokio::sync::watch;
use tokio::time::Instant;

use super::demands::Doorbell;
use super::post::Post;
use super::snapshot::Face;
use crate::app::App;
use crate::ask::Asker;
use crate::board::Anew;
use crate::client::Client;
use crate::erased::{AnyValue, Failure, Outcome};
use crate::flight::{Flight, Seat};
use crate::plan::Plan;
use crate::query::AnyQuery;
use crate::runtime::TaskRuntime;
use crate::waits::FlightId;
use showing::PutUp;

/// How long a jump of the cache's clock may go unnoticed: tokio's timers stand still while the machine sleeps.
const TICK: Duration = Duration::from_secs(60);

/// The longest wait before what is out of date again and again is loaded once more: 2 to this power times what a load takes.
const MOST_DOUBLINGS: u32 = 3;

/// Who keeps one observed key. Ends when dropped, and says so.
pub(crate) struct Keeper<A: App> {
    client: Client<A>,
    query: Arc<dyn AnyQuery<A>>,
    number: u64,
    runtime: TaskRuntime,
    post: Arc<Post>,
    bell: Arc<Doorbell>,
    /// Of those who observe the key, each once.
    plans: Vec<Plan>,
    /// For all of them.
    plan: Plan,
    /// Without the options of any observer.
    query_plan: Plan,
    /// At the load that is waited for.
    seat: Option<Seat>,
    /// At the load before, which a mark has retired. What it brings is shown unless it is too late.
    retired: Option<Seat>,
    /// The load that is waited for was begun because a mark has retired another: further marks wait for its end, so that
    /// a key that is marked faster than it loads is shown.
    chases: bool,
    /// Loads in a row whose answers were out of date when they were stored.
    outdated: u32,
    /// When the next load begins after such a one. Waits for it, so that two observed queries that are built from each other
    /// do not have each other loaded for ever.
    rebuild_at: Option<Instant>,
    /// The error of the last load, until something newer comes.
    error: Option<Failure>,
    /// The newest answer that is not stored.
    unstored: Option<Unstored>,
    /// Loads that were answered.
    answers: u64,
    /// Loads that have failed; tells errors apart.
    failures: u64,
    /// What was put up last.
    shown: Option<PutUp>,
    stale_at: Option<Instant>,
    /// When the last load ended, or a new value came; by the clock of the cache too, which may go on while the machine
    /// sleeps.
    settled: (Instant, Moment),
    /// Whether the client is active, which polling needs.
    activity: watch::Receiver<bool>,
    _pin: AnyPin,
    _watch: AnyWatch,
}

/// An answer that is not stored.
struct Unstored {
    value: AnyValue,
    flight: FlightId,
    /// That of its load: what replaces it takes the place of the answer.
    watch: Arc<AnyWatch>,
    /// It was not to be stored: it is for observers alone whose strategy stores nothing.
    is_own: bool,
}

/// What has happened.
enum News {
    Rung,
    Landed(Outcome),
    RetiredLanded(Outcome),
    /// The runtime of the load does not run it any more.
    Idle,
    /// The client has become active, or inactive.
    Turned,
    /// It may be time to poll.
    Tick,
    /// It is time to load what was out of date when it was stored.
    Rebuild,
    Stale,
}

impl<A: App> Keeper<A> {
    pub(crate) fn new(
        client: Client<A>,
        query: Arc<dyn AnyQuery<A>>,
        (number, runtime): (u64, TaskRuntime),
        post: Arc<Post>,
    ) -> Self {
        // Before the first look, so that nothing that happens is missed.
        let bell = post.demands.hand_to(number);
        let changed = Arc::clone(&bell);
        let watch = query.watch(client.cache(), Some(Arc::new(move || changed.change())));
        let pin = AnyPin::new(query.home(client.cache()), &*query);
        let activity = client.activity();
        let query_plan = Asker::of_keeper(&client).plan_of_query(&*query);
        let settled = (Instant::now(), client.cache().now());
        Self {
            client,
            query,
            number,
            runtime,
            post,
            bell,
            plans: Vec::new(),
            plan: query_plan,
            query_plan,
            seat: None,
            retired: None,
            chases: false,
            outdated: 0,
            rebuild_at: None,
            error: None,
            unstored: None,
            answers: 0,
            failures: 0,
            shown: None,
            stale_at: None,
            settled,
            activity,
            _pin: pin,
            _watch: watch,
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            match self.news().await {
                News::Rung => self.catch_up(),
                News::Landed(outcome) => self.land(outcome),
                News::RetiredLanded(outcome) => self.land_retired(outcome),
                News::Idle => self.take_over(),
                News::Turned if self.is_polling() => self.poll(),
                News::Tick if self.is_poll_due() => self.poll(),
                News::Tick => {}
                News::Rebuild => self.rebuild(),
                News::Turned => {}
                News::Stale => {}
            }
            self.show();
        }
    }

    async fn news(&mut self) -> News {
        let poll_at = self.poll_at();
        let Self { client, bell, seat, retired, stale_at, rebuild_at, activity, .. } = self;
        let (seat, retired) = (seat.as_ref(), retired.as_ref());
        let is_idle = async {
            match seat {
                Some(seat) => seat.flight.runtime.until_idle(client.runtime()).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = bell.rung() => News::Rung,
            outcome = landed(seat) => News::Landed(outcome),
            outcome = landed(retired) => News::RetiredLanded(outcome),
            () = is_idle => News::Idle,
            Ok(()) = activity.changed() => News::Turned,
            () = until(*rebuild_at) => News::Rebuild,
            () = until(poll_at) => News::Tick,
            () = until(*stale_at) => News::Stale,
        }
    }

    /// Whether the key is polled now.
    fn is_polling(&self) -> bool {
        *self.activity.borrow() && self.plan.poll.is_some()
    }

    /// When to look whether it is time to load whatever there is. Not while something is being loaded.
    fn poll_at(&self) -> Option<Instant> {
        let may_poll = self.seat.is_none() && *self.activity.borrow();
        let period = self.plan.poll.filter(|_| may_poll)?;
        let next_tick = Instant::now() + TICK;
        Some(self.settled.0.checked_add(period).map_or(next_tick, |due| due.min(next_tick)))
    }

    fn is_poll_due(&self) -> bool {
        let (by_tokio, by_cache) = self.settled;
        let passed = by_tokio.elapsed().max(self.client.cache().now().since(by_cache));
        self.plan.poll.is_some_and(|period| passed >= period)
    }

    fn settle(&mut self) {
        self.settled = (Instant::now(), self.client.cache().now());
    }

    fn poll(&mut self) {
        // In case that nothing comes of it.
        self.settle();
        self.load(self.plan.polling());
    }

    /// Goes on where a keeper before has ended: also loads for those who have come, unless that has done so.
    pub(crate) fn go_on(&mut self) {
        self.heed_arrivals();
        match self.plan.stores() {
            true => self.take_note_of_a_change(),
            false => self.load(self.plan.repairing()),
        }
    }

    /// Does what has come up since the last time.
    pub(crate) fn catch_up(&mut self) {
        let is_changed = self.bell.take_change();
        self.heed_arrivals();
        // A load that was asked for is one of what is marked or missing, which the look finds.
        if self.post.demands.begin_reloads(self.number) || is_changed {
            self.take_note_of_a_change();
        }
    }

    /// Loads for those who have begun to observe the key.
    fn heed_arrivals(&mut self) {
        for plan in self.heed_plans() {
            self.start(&plan);
        }
    }

    /// Looks who observes the key. Returns the options of those who have begun to.
    fn heed_plans(&mut self) -> Vec<Plan> {
        let (present, arrived) = self.post.demands.plans(self.number);
        let stricter = |one: Plan, other: &Plan| one.stricter(other);
        let strictest = present.first().map(|first| present[1..].iter().fold(*first, stricter));
        self.plan = strictest.unwrap_or(self.query_plan).with_times_of(&self.query_plan);
        if present.iter().all(Plan::stores) {
            self.unstored.take_if(|unstored| unstored.is_own);
        }
        self.plans = present;
        arrived
    }

    /// Loads by the strategy of who has begun to observe.
    fn start(&mut self, plan: &Plan) {
        let is_fresh = |face: &Face| !face.is_stale(plan, Duration::ZERO);
        let has_fresh = plan.reads_first() && self.look(false).as_ref().is_some_and(is_fresh);
        if !has_fresh {
            // What others wait for too is stored for them.
            let stores_for_others = !plan.stores() && self.plan.stores();
            self.load(match stores_for_others {
                true => self.plan.polling(),
                false => self.plan.with_strategy(plan.strategy()),
            });
        }
    }

    /// Whether there is nothing to be shown but what is marked, if that.
    fn needs_load(&self) -> bool {
        self.look(!self.plan.stores()).is_none_or(|face| face.is_marked)
    }

    fn take_note_of_a_change(&mut self) {
        // Before the look: if the flight was overtaken by what it has stored itself, the look finds that.
        let is_over = |seat: &Seat| !seat.flight.is_current();
        let (seat_is_over, retired_is_over) =
            (self.seat.as_ref().is_some_and(is_over), self.retired.as_ref().is_some_and(is_over));
        if self.needs_load() {
            return self.load_again();
        }
        self.error = None;
        self.settle();
        // Who stores its result is about to land; any other is of no use any more.
        if seat_is_over {
            self.seat.take_if(|seat| !seat.flight.is_landing());
        }
        if retired_is_over {
            self.retired = None;
        }
    }

    /// Loads what is marked or missing. A load that marks alone have retired still brings something to show: the first
    /// mark begins another beside it, further ones wait for the end of that.
    fn load_again(&mut self) {
        match &self.seat {
            Some(seat) if seat.flight.is_current() => {}
            // What it stores may be marked by itself. Once it has landed that is known.
            Some(seat) if seat.flight.is_landing() => {}
            Some(seat) if !seat.flight.is_replaced() => {
                if !std::mem::replace(&mut self.chases, true) {
                    self.retired = self.seat.take();
                    self.load(self.plan.repairing());
                }
            }
            _ => self.load(self.plan.repairing()),
        }
    }

    /// Gets on a flight, unless it waits for one that is good enough.
    fn load(&mut self, plan: Plan) {
        self.rebuild_at = None;
        let is_waiting = self.seat.as_ref().is_some_and(|seat| seat.flight.is_current());
        if is_waiting && !plan.loads_anew() {
            return;
        }
        let anew = if plan.loads_anew() { Anew::Always } else { Anew::No };
        self.board(plan, anew);
    }

    /// Loads in place of a load that its runtime does not run any more, whatever there is: it was needed.
    fn take_over(&mut self) {
        if let Some(seat) = self.seat.take() {
            seat.flight.revoke_slot();
            self.board(self.plan.polling(), Anew::InPlaceOf(seat.flight.id));
        }
    }

    fn board(&mut self, plan: Plan, anew: Anew) {
        match Asker::of_keeper(&self.client).seat(&*self.query, plan, anew) {
            Ok(seat) => self.seat = seat,
            Err(error) => {
                self.seat = None;
                self.fail(error);
            }
        }
    }

    fn fail(&mut self, error: Failure) {
        self.failures += 1;
        self.error = Some(error);
    }

    fn land(&mut self, outcome: Outcome) {
        if self.seat.as_ref().is_some_and(|seat| seat.flight.is_stranded()) {
            return self.take_over();
        }
        let Some(seat) = self.seat.take() else { return };
        self.settle();
        // By its own store perhaps, which the look will find.
        let is_overtaken = !seat.flight.is_current();
        match outcome {
            Ok(value) => {
                self.answers += 1;
                self.error = None;
                self.keep(&seat.flight, value);
            }
            Err(_) if is_overtaken => {}
            Err(error) => self.fail(error),
        }
        let is_out_of_date = seat.flight.is_out_of_date.load(Ordering::Acquire);
        if is_overtaken && self.needs_load() {
            return match is_out_of_date {
                true => self.rebuild_later(),
                false => self.load(self.plan.repairing()),
            };
        }
        self.outdated = 0;
        self.chases = false;
        self.retired = None;
    }

    /// Loads what was built from something that has changed meanwhile: at once for the first time, and then after a random
    /// wait that grows to some times as long as a load takes.
    fn rebuild_later(&mut self) {
        (self.chases, self.retired) = (false, None);
        let doublings = self.outdated.min(MOST_DOUBLINGS);
        self.outdated += 1;
        if self.outdated == 1 {
            return self.load(self.plan.repairing());
        }
        let took = self.client.desk_of(&*self.query).load_time();
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
        if let (Some(seat), Ok(value)) = (self.retired.take(), outcome) {
            self.keep(&seat.flight, value);
        }
    }

    /// Keeps an answer that is not stored, unless there is a newer one.
    fn keep(&mut self, flight: &Flight, value: AnyValue) {
        let is_own = !self.plan.stores();
        let is_newer = self.unstored.as_ref().is_none_or(|unstored| unstored.flight < flight.id);
        if let Some(watch) = &flight.watch
            && is_newer
            && (is_own || watch.is_overtaken())
        {
            self.unstored = Some(Unstored { value, flight: flight.id, watch: Arc::clone(watch), is_own });
        }
    }
}

/// The outcome of a load, if one is waited for.
async fn landed(seat: Option<&Seat>) -> Outcome {
    match seat {
        Some(seat) => seat.landed().await,
        None => pending().await,
    }
}

/// Waits for a moment, for ever if there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => pending().await,
    }
}

impl<A: App> Drop for Keeper<A> {
    fn drop(&mut self) {
        let Self { client, number, runtime, post, .. } = self;
        post.notice.end(*number, || {
            if !post.is_left() && !std::thread::panicking() {
                client.runtime().note_end(runtime);
            }
            post.demands.give_up_reloads(*number);
        });
    }
}
