//! The task of one observed key: keeps it pinned, has it loaded when it is missing, marked or to be
//! polled. Knows nothing of who reads its states.

mod showing;

use std::future::pending;
use std::sync::Arc;

use cache_core::{Holds, Pinned, Watch};
use tokio::sync::watch;
use tokio::time::Instant;

use super::post::Post;
use crate::app::{App, Fetch};
use crate::ask::Asker;
use crate::board::Anew;
use crate::client::Client;
use crate::error::QueryError;
use crate::flight::{Outcome, Seat};
use crate::plan::Plan;
use crate::runtime::TaskRuntime;
use showing::Mark;

/// Who keeps one observed key. Ends when dropped, and says so.
pub(crate) struct Keeper<A: App, Q: Fetch<A>> {
    client: Client<A>,
    number: u64,
    runtime: TaskRuntime,
    post: Arc<Post<Q, Q::Error>>,
    /// Of who has begun to observe the key last.
    plan: Plan,
    /// At the load that is waited for.
    seat: Option<Seat<Q, Q::Error>>,
    /// The error of the last load, until something newer comes.
    error: Option<QueryError<Q::Error>>,
    /// The last answer, if the plan stores none.
    own: Option<Arc<Q::Value>>,
    /// Loads that have ended; tells errors and own answers apart.
    landings: u64,
    /// What was put up last.
    shown: Option<Mark>,
    stale_at: Option<Instant>,
    /// When the last load ended, or a new value came.
    settled: Instant,
    /// Whether the client is active, which polling needs.
    activity: watch::Receiver<bool>,
    _pin: Pinned<Q>,
    _watch: Watch<Q>,
}

/// What has happened.
enum News<V, E> {
    Rung,
    Landed(Outcome<V, E>),
    /// The runtime of the load does not run it any more.
    Idle,
    /// The client has become active, or inactive.
    Turned,
    ToBePolled,
    Stale,
}

impl<A: App, Q: Fetch<A>> Keeper<A, Q>
where
    A::Registry: Holds<Q>,
{
    pub(crate) fn new(
        client: Client<A>,
        (number, runtime): (u64, TaskRuntime),
        post: Arc<Post<Q, Q::Error>>,
        plan: Plan,
    ) -> Self {
        let bell = Arc::clone(&post.bell);
        // Before the first look, so that nothing that happens is missed.
        let watch = client.cache().watch_with(&post.key, move || bell.change());
        let pin = client.cache().pin(&post.key);
        let activity = client.activity();
        Self {
            client,
            number,
            runtime,
            post,
            plan,
            seat: None,
            error: None,
            own: None,
            landings: 0,
            shown: None,
            stale_at: None,
            settled: Instant::now(),
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
                News::Idle => self.take_over(),
                News::Turned if self.is_polling() => self.poll(),
                News::ToBePolled => self.poll(),
                News::Turned => {}
                News::Stale => {}
            }
            self.show();
        }
    }

    async fn news(&mut self) -> News<Q::Value, Q::Error> {
        let poll_at = self.poll_at();
        let Self { client, post, seat, stale_at, activity, .. } = self;
        let seat = seat.as_ref();
        let is_idle = async {
            match seat {
                Some(seat) => seat.flight.runtime.until_idle(client.runtime()).await,
                None => pending().await,
            }
        };
        let landed = async {
            match seat {
                Some(seat) => seat.landed().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = post.bell.rung() => News::Rung,
            outcome = landed => News::Landed(outcome),
            () = is_idle => News::Idle,
            Ok(()) = activity.changed() => News::Turned,
            () = until(poll_at) => News::ToBePolled,
            () = until(*stale_at) => News::Stale,
        }
    }

    /// Whether the key is polled now.
    fn is_polling(&self) -> bool {
        *self.activity.borrow() && self.post.poll().is_some()
    }

    /// When to load whatever there is. Not while something is being loaded.
    fn poll_at(&self) -> Option<Instant> {
        let may_poll = self.seat.is_none() && *self.activity.borrow();
        self.post.poll().filter(|_| may_poll).and_then(|period| self.settled.checked_add(period))
    }

    fn poll(&mut self) {
        // In case that nothing comes of it.
        self.settled = Instant::now();
        self.load(self.plan.polling());
    }

    /// Goes on where a keeper before has ended.
    pub(crate) fn go_on(&mut self) {
        match self.plan.stores() {
            true => self.take_note_of_a_change(),
            false => self.load(self.plan.repairing()),
        }
    }

    /// Does what has come up since the last time.
    pub(crate) fn catch_up(&mut self) {
        let is_changed = self.post.bell.take_change();
        for plan in self.post.take_starts() {
            self.plan = plan;
            self.start();
        }
        match (self.plan.stores(), self.post.begin_reloads()) {
            (true, is_asked) if is_changed || is_asked => self.take_note_of_a_change(),
            (false, true) => self.load(self.plan.repairing()),
            _ => {}
        }
    }

    /// Loads by the strategy of who has begun to observe.
    fn start(&mut self) {
        let has_fresh = self.plan.reads_first() && self.look().is_some_and(|sight| !sight.is_stale);
        if !has_fresh {
            self.load(self.plan);
        }
    }

    fn take_note_of_a_change(&mut self) {
        // Before the look: if the flight was overtaken by what it has stored itself, the look finds that.
        let is_overtaken = self.seat.as_ref().is_some_and(|seat| !seat.flight.is_current());
        if self.look().is_none_or(|sight| sight.is_marked) {
            return self.load(self.plan.repairing());
        }
        self.error = None;
        self.settled = Instant::now();
        // Who stores its result is about to land; any other is of no use any more.
        if is_overtaken && self.seat.as_ref().is_some_and(|seat| !seat.flight.is_landing()) {
            self.seat = None;
        }
    }

    /// Gets on a flight, unless it waits for one that is good enough.
    fn load(&mut self, plan: Plan) {
        let is_waiting = self.seat.as_ref().is_some_and(|seat| seat.flight.is_current());
        if is_waiting && !plan.loads_anew() {
            return;
        }
        let anew = if plan.loads_anew() { Anew::Always } else { Anew::No };
        self.board(plan, anew);
    }

    /// Loads in place of a load that its runtime does not run any more.
    fn take_over(&mut self) {
        if let Some(seat) = self.seat.take() {
            self.board(self.plan.repairing(), Anew::InPlaceOf(seat.flight.id));
        }
    }

    fn board(&mut self, plan: Plan, anew: Anew) {
        match Asker::of_keeper(&self.client).seat(&self.post.key, plan, anew) {
            Ok(seat) => self.seat = seat,
            Err(error) => {
                self.seat = None;
                self.fail(error);
            }
        }
    }

    fn fail(&mut self, error: QueryError<Q::Error>) {
        self.landings += 1;
        self.error = Some(error);
    }

    fn land(&mut self, outcome: Outcome<Q::Value, Q::Error>) {
        if self.seat.as_ref().is_some_and(|seat| seat.flight.is_stranded()) {
            return self.take_over();
        }
        let Some(seat) = self.seat.take() else { return };
        self.settled = Instant::now();
        // By its own store perhaps, which the look will find.
        let is_overtaken = self.plan.stores() && !seat.flight.is_current();
        match outcome {
            Ok(value) => {
                self.landings += 1;
                self.error = None;
                self.own = (!self.plan.stores()).then_some(value);
            }
            Err(_) if is_overtaken => {}
            Err(error) => self.fail(error),
        }
        if is_overtaken && self.look().is_none_or(|sight| sight.is_marked) {
            self.load(self.plan.repairing());
        }
    }
}

/// Waits for a moment, for ever if there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => pending().await,
    }
}

impl<A: App, Q: Fetch<A>> Drop for Keeper<A, Q> {
    fn drop(&mut self) {
        let Self { client, number, runtime, post, .. } = self;
        post.notice.end(*number, || {
            if !post.is_left() && !std::thread::panicking() {
                client.runtime().note_end(runtime);
            }
            post.drop_reloads();
        });
    }
}
