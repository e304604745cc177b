//! What one call does: memo, cache, flight, and what stands in when that fails. Holds no state of its own.

mod ahead;
mod at_once;
mod boarding;
mod layered;

use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;

use cache_core::client_support::{AnyKey, AnyWatch};
use cache_core::{EntryState, Freshness, Holds, LoadingOptions};
use foldhash::fast::RandomState;
use tokio::time::Instant;

use crate::app::{Answer, App, Fetch};
use crate::board::Anew;
use crate::client::Client;
use crate::concurrency::Lent;
use crate::context::{self, Access, Node};
use crate::erased::{AnyValue, Failure, Outcome, typed, typed_value};
use crate::error::{OptionsError, QueryError};
use crate::flight::Seat;
use crate::plan::{Plan, Planned, Sources, Verdict};
use crate::query::AnyQuery;
use crate::telemetry::{Subject, Substitute, Telemetry};
use layered::View;

/// Who asks: a client, perhaps from a context.
pub(crate) enum Asker<'a, A: App> {
    Client(&'a Client<A>),
    /// A task of its own, whatever the present code is inside of.
    Keeper(&'a Client<A>),
    Node(&'a Arc<Node<A>>),
}

impl<A: App> Clone for Asker<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: App> Copy for Asker<'_, A> {}

/// How far a call comes at once.
enum Turn {
    Answer(AnyValue),
    Wait(Call),
}

/// What is known of a call before it waits.
enum Start {
    /// The answer, whatever layers there are.
    Known(AnyValue),
    /// With the layers before anything was read.
    Turn(Turn, Option<View>),
}

/// A call that has to wait, with the layers before anything was read.
type Unfinished = (Call, Option<View>);

/// What is known of a call that has begun.
type Started = Result<Start, Failure>;

/// A call that waits for a flight.
struct Call {
    seat: Seat,
    /// Shared, since a call that waits is to be small.
    plan: Arc<Plan>,
    access: Access,
    /// When a network-first call looks into the cache. Counted from the call, also if others are waited for before it.
    patience: Option<Instant>,
    /// The slot of the load that asks, if one does that has any.
    lent: Option<Lent>,
}

impl<'a, A: App> Asker<'a, A> {
    pub(crate) fn of(node: &'a Arc<Node<A>>) -> Self {
        Self::Node(node)
    }

    pub(crate) fn without_context(client: &'a Client<A>) -> Self {
        Self::Client(client)
    }

    pub(crate) fn of_keeper(client: &'a Client<A>) -> Self {
        Self::Keeper(client)
    }

    #[inline]
    fn client(self) -> &'a Client<A> {
        match self {
            Self::Client(client) | Self::Keeper(client) => client,
            Self::Node(node) => &node.client,
        }
    }

    #[inline]
    fn node(self) -> Option<&'a Arc<Node<A>>> {
        match self {
            Self::Client(_) | Self::Keeper(_) => None,
            Self::Node(node) => Some(node),
        }
    }

    pub(crate) async fn query<Q: Fetch<A>>(self, query: &Q) -> Answer<A, Q>
    where
        A::Registry: Holds<Q>,
    {
        match self.at_once(query) {
            Some(value) => Ok(value),
            None => typed(self.query_the_long_way(query).await),
        }
    }

    /// Apart from what most calls meet, so that those do without the room and the registers that this takes.
    async fn query_the_long_way(self, query: &dyn AnyQuery<A>) -> Outcome {
        let (call, view) = match self.end_at_once(query, self.start(query, None)) {
            Ok(outcome) => return outcome,
            Err(unfinished) => unfinished,
        };
        Ok(self.shown(query, self.finish(query, call).await?, view))
    }

    pub(crate) async fn query_with<Q: Fetch<A>>(self, query: &Q, options: LoadingOptions) -> Answer<A, Q>
    where
        A::Registry: Holds<Q>,
    {
        typed(self.end(query, self.start(query, Some(options))).await)
    }

    pub(crate) async fn query_all<Q: Fetch<A>>(self, queries: &[Q]) -> Vec<Answer<A, Q>>
    where
        A::Registry: Holds<Q>,
    {
        let mut all: Vec<&dyn AnyQuery<A>> = Vec::with_capacity(queries.len());
        for query in queries {
            all.push(query);
        }
        let mut answers = Vec::with_capacity(queries.len());
        for outcome in self.outcomes(&all).await {
            answers.push(typed(outcome));
        }
        answers
    }

    async fn outcomes(self, queries: &[&dyn AnyQuery<A>]) -> Vec<Outcome> {
        let firsts = first_places(queries);
        // All flights are under way before the first is waited for.
        let start = |(at, &query)| (firsts[at] == at).then(|| self.start(query, None));
        let mut started: Vec<_> = queries.iter().enumerate().map(start).collect();
        let mut losses = self.client().runtime().losses();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(queries.len());
        for at in 0..queries.len() {
            outcomes.push(match started[at].take() {
                Some(start) => self.end(queries[at], start).await,
                None => outcomes[firsts[at]].clone(),
            });
            let found = self.client().runtime().losses();
            if std::mem::replace(&mut losses, found) != found {
                let rest = queries[at + 1..].iter().zip(&mut started[at + 1..]);
                rest.for_each(|(&query, start)| self.take_over_if_lost(query, start));
            }
        }
        outcomes
    }

    /// All of a call that needs no waiting.
    #[inline(never)]
    fn start(&self, query: &dyn AnyQuery<A>, options: Option<LoadingOptions>) -> Result<Start, Failure> {
        if let Some(value) = self.known(query) {
            return Ok(Start::Known(value));
        }
        // Before anything is read.
        let view = self.view(query);
        match self.made_of_nothing(query, options, view.as_ref())? {
            Some(value) => Ok(Start::Known(self.keep(query, value))),
            None => Ok(Start::Turn(self.begin(query, options)?, view)),
        }
    }

    #[expect(clippy::manual_async_fn, reason = "an `async fn` would keep what it is given twice")]
    fn end(
        self,
        query: &dyn AnyQuery<A>,
        start: Result<Start, Failure>,
    ) -> impl Future<Output = Outcome> + Send {
        async move {
            let (call, view) = match self.end_at_once(query, start) {
                Ok(outcome) => return outcome,
                Err(unfinished) => unfinished,
            };
            Ok(self.shown(query, self.finish(query, call).await?, view))
        }
    }

    /// The end of a call that does not wait, or the call that does.
    fn end_at_once(
        &self,
        query: &dyn AnyQuery<A>,
        start: Result<Start, Failure>,
    ) -> Result<Outcome, Unfinished> {
        match start {
            Ok(Start::Known(value)) => Ok(Ok(value)),
            Ok(Start::Turn(Turn::Answer(answer), view)) => Ok(Ok(self.shown(query, answer, view))),
            Ok(Start::Turn(Turn::Wait(call), view)) => Err((call, view)),
            Err(error) => Ok(Err(error)),
        }
    }

    /// What the tree was told already.
    fn known(&self, query: &dyn AnyQuery<A>) -> Option<AnyValue> {
        self.node().and_then(|node| node.answer(query))
    }

    pub(crate) fn cached<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        self.any_cached(query).map(typed_value)
    }

    fn any_cached(&self, query: &dyn AnyQuery<A>) -> Option<AnyValue> {
        if let Some(value) = self.known(query) {
            return Some(value);
        }
        match self.access().reads {
            true if self.notes_reads() => self.cached_for_load(query),
            true => self.cached_and_shown(query),
            false => None,
        }
    }

    /// What the cache has, for a load, which sees no layers. It may build on what is marked.
    fn cached_for_load(&self, query: &dyn AnyQuery<A>) -> Option<AnyValue> {
        let node = self.node()?;
        // One look for both, so that a mark comes either before or after it.
        let found = query.read(self.client().cache(), true);
        let was_marked = found.as_ref().is_some_and(|(_, state)| state.freshness == Freshness::Invalidated);
        let value = found.map(|(value, _)| value);
        node.tree().note_read(self.client(), query, value.as_ref(), was_marked, None);
        value
    }

    /// Whether what the caller is told is compared when its own answer is stored.
    fn notes_reads(&self) -> bool {
        self.node().is_some_and(|node| node.tree().notes_reads() && !node.access().is_private)
    }

    /// Notes for a load what it is told of a key; `watch` is that of the load which the answer comes of.
    #[inline]
    fn note_read(&self, query: &dyn AnyQuery<A>, value: Option<&AnyValue>, watch: Option<&Arc<AnyWatch>>) {
        if let Some(node) = self.node()
            && self.notes_reads()
        {
            node.tree().note_read(self.client(), query, value, false, watch);
        }
    }

    fn access(&self) -> Access {
        match self.node() {
            Some(node) => node.access(),
            // Code inside a load may have a client at hand, and not use its context.
            None => Access { fresh_only: self.load_around().is_some(), ..Access::PLAIN },
        }
    }

    /// The context of the load that the present code is inside of, if it has not used that.
    fn load_around(&self) -> Option<Arc<Node<A>>> {
        let Self::Client(client) = self else { return None };
        context::current::<A>().filter(|node| node.client.is(client) && node.flight.is_some())
    }

    /// The options of a call, resolved; `call` are its own.
    pub(crate) fn plan(
        &self,
        query: &dyn AnyQuery<A>,
        call: Option<LoadingOptions>,
        access: Access,
    ) -> Result<Plan, OptionsError> {
        self.planned(query, call, access).map(|plan| *plan)
    }

    pub(crate) fn planned(
        &self,
        query: &dyn AnyQuery<A>,
        call: Option<LoadingOptions>,
        access: Access,
    ) -> Result<Planned<'a>, OptionsError> {
        match call {
            None if access.checks_options => {
                let plan = self.client().plan_of(query.table(self.client().cache()).index());
                let resolve = || self.resolve(query, LoadingOptions::new(), access).map(Arc::new);
                plan.get_or_init(resolve).as_ref().map(Planned::Common).map_err(Clone::clone)
            }
            _ => self.resolve(query, call.unwrap_or_default(), access).map(Planned::Own),
        }
    }

    fn sources(&self, query: &dyn AnyQuery<A>, call: LoadingOptions) -> Sources {
        let client = self.client();
        Sources {
            call,
            query: client.settings(query.type_id()),
            derived: query.facts().loading,
            client: client.defaults(),
            concurrency: client.concurrency(),
            table: query.table(client.cache()).times(),
        }
    }

    /// The options of a query where nobody else says any, also if they cannot work.
    pub(crate) fn plan_of_query(&self, query: &dyn AnyQuery<A>) -> Plan {
        Plan::unchecked(&self.sources(query, LoadingOptions::new()))
    }

    fn resolve(
        &self,
        query: &dyn AnyQuery<A>,
        call: LoadingOptions,
        access: Access,
    ) -> Result<Plan, OptionsError> {
        let sources = self.sources(query, call);
        match access.checks_options {
            true => Plan::resolve(query.facts().name, &sources),
            false => Ok(Plan::unchecked(&sources)),
        }
    }

    /// All of a call that needs no waiting, if its tree does not know the answer.
    #[inline(never)]
    fn begin(&self, query: &dyn AnyQuery<A>, options: Option<LoadingOptions>) -> Result<Turn, Failure> {
        if let Some(node) = self.node() {
            if node.has_ended() {
                return Err(QueryError::Interrupted { query: query.facts().name });
            }
            if let Some(replacement) = node.replacement(query) {
                return replacement(query).map(|value| Turn::Answer(self.keep(query, value)));
            }
        }
        let access = self.access();
        let plan = self.planned(query, options, access)?;
        if let Some(turn) = self.join_own(query, &plan, access)? {
            return Ok(turn);
        }
        let mut seen = None;
        if plan.reads_first() && access.reads {
            // Before the read, so that no landing is missed.
            seen = Some(self.client().desk_of(query).flights.landings());
            if let Some(value) = self.read(query, &plan, access) {
                return Ok(Turn::Answer(self.keep(query, value)));
            }
        }
        let anew = if plan.loads_anew() { Anew::Always } else { Anew::No };
        self.load(query, &plan.shared(), access, anew, seen)
    }

    /// An answer from the cache before anything is loaded. If it is near its end or stale, it is loaded again behind it.
    fn read(&self, query: &dyn AnyQuery<A>, plan: &Planned<'_>, access: Access) -> Option<AnyValue> {
        let (telemetry, subject, strategy) = (self.telemetry(), Subject::of(query), plan.strategy());
        match self.look(query, plan, true) {
            Some((value, Verdict::Fresh)) => {
                telemetry.hit_of(subject, strategy);
                Some(value)
            }
            Some((value, Verdict::Ending)) => {
                telemetry.hit_of(subject, strategy);
                self.refresh(query, &plan.shared());
                Some(value)
            }
            Some((value, Verdict::Stale)) if !access.fresh_only => {
                telemetry.stale_hit(subject, strategy);
                self.refresh(query, &plan.shared());
                Some(value)
            }
            _ => {
                telemetry.miss(subject, strategy);
                None
            }
        }
    }

    fn refresh(&self, query: &dyn AnyQuery<A>, plan: &Arc<Plan>) {
        if self.load_behind(query, plan, true).is_some_and(|behind| behind.is_new) {
            self.telemetry().refresh(Subject::of(query), plan.strategy());
        }
    }

    fn telemetry(&self) -> Telemetry {
        self.client().telemetry()
    }

    /// What the cache has, and what the plan makes of it.
    #[inline]
    fn look(&self, query: &dyn AnyQuery<A>, plan: &Plan, counts: bool) -> Option<(AnyValue, Verdict)> {
        let (value, state) = query.read(self.client().cache(), counts)?;
        let verdict = self.judge(query, plan, &value, &state);
        Some((value, verdict))
    }

    fn judge(&self, query: &dyn AnyQuery<A>, plan: &Plan, value: &AnyValue, state: &EntryState) -> Verdict {
        plan.judge(is_absent(query, plan, value), state, || {
            let desk = self.client().existing_desk(query);
            desk.map(|desk| desk.load_time()).unwrap_or_default()
        })
    }

    /// Keeps an answer in the memo, if there is one. Returns the answer that counts.
    fn keep(&self, query: &dyn AnyQuery<A>, value: AnyValue) -> AnyValue {
        let Some(node) = self.node() else { return value };
        let kept = node.tree().memo.keep(query.to_query(), value);
        self.note_read(query, Some(&kept), None);
        kept
    }

    /// The context that a call with this access is made in.
    fn context(&self, access: Access) -> Option<Arc<Node<A>>> {
        // Without a context at hand, a call has this access only in a load.
        let around = || if access.fresh_only { self.load_around() } else { None };
        self.node().cloned().or_else(around)
    }

    /// Waits for a flight, and makes an answer of what comes of it. What few calls need is allocated, so that all others
    /// are small.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would keep the call twice")]
    fn finish(self, query: &dyn AnyQuery<A>, call: Call) -> impl Future<Output = Outcome> + Send {
        async move {
            let flight = &call.seat.flight;
            let waits_plainly = self.node().is_none() && call.patience.is_none() && call.lent.is_none();
            if waits_plainly && !flight.runtime.may_be_idle() {
                let outcome = call.seat.landed().await;
                if outcome.is_ok() || !call.seat.flight.is_stranded() {
                    return self.conclude(query, &call, outcome);
                }
            }
            Box::pin(self.finish_unless_interrupted(query, call)).await
        }
    }

    async fn finish_unless_interrupted(self, query: &dyn AnyQuery<A>, mut call: Call) -> Outcome {
        let interrupted = async {
            match self.node() {
                Some(node) => node.ended().await,
                None => pending().await,
            }
        };
        let outcome = async {
            loop {
                if let Some(outcome) = self.outcome(query, &call).await {
                    return outcome;
                }
                call = match self.take_over(query, &call)? {
                    Turn::Answer(value) => return Ok(value),
                    Turn::Wait(next) => next,
                };
            }
        };
        let outcome = tokio::select! {
            biased;
            () = interrupted => Err(QueryError::Interrupted { query: query.facts().name }),
            outcome = outcome => outcome,
        };
        let Call { seat, lent, .. } = call;
        drop(seat);
        if let Some(lent) = lent {
            lent.take_back().await;
        }
        outcome
    }

    /// Waits for the outcome. `None` if there will be none, since the runtime of the load does not run it any more.
    async fn outcome(&self, query: &dyn AnyQuery<A>, call: &Call) -> Option<Outcome> {
        let Call { seat, plan, access, patience, .. } = call;
        let flight = &seat.flight;
        let mut is_late = pin!(async {
            match *patience {
                Some(patience) => flight.runtime.sleep_until(patience).await,
                None => pending().await,
            }
        });
        let mut is_idle = pin!(flight.runtime.until_idle(self.client().runtime()));
        let mut may_be_late = true;
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = seat.landed() => break outcome,
                () = &mut is_idle => return None,
                () = &mut is_late, if may_be_late => {
                    may_be_late = false;
                    if let Some(value) = self.substitute(query, plan, *access) {
                        // Whoever asks next has the answer that was too late for this one.
                        flight.go_on();
                        return Some(Ok(self.keep(query, value)));
                    }
                }
            }
        };
        (outcome.is_ok() || !flight.is_stranded()).then(|| self.conclude(query, call, outcome))
    }

    /// Loads in place of a load that is known not to be run any more, so that many are taken over at the same time.
    fn take_over_if_lost(&self, query: &dyn AnyQuery<A>, start: &mut Option<Started>) {
        let Some(Ok(Start::Turn(turn @ Turn::Wait(_), _))) = start else { return };
        let Turn::Wait(call) = turn else { return };
        let flight = &call.seat.flight;
        if !flight.is_stranded() && !(self.client().runtime().is_idle(&flight.runtime)) {
            return;
        }
        match self.take_over(query, call) {
            Ok(next) => *turn = next,
            Err(error) => *start = Some(Err(error)),
        }
    }

    /// Loads in place of a load that its runtime does not run any more.
    fn take_over(&self, query: &dyn AnyQuery<A>, call: &Call) -> Result<Turn, Failure> {
        let anew = Anew::InPlaceOf(call.seat.flight.id);
        call.seat.flight.revoke_slot();
        Ok(match self.load(query, &call.plan, call.access, anew, None)? {
            Turn::Wait(next) => Turn::Wait(Call { patience: call.patience, ..next }),
            answer @ Turn::Answer(_) => answer,
        })
    }

    /// The answer that comes of what a flight came to.
    fn conclude(&self, query: &dyn AnyQuery<A>, call: &Call, outcome: Outcome) -> Outcome {
        let Call { seat, plan, access, .. } = call;
        match outcome {
            Ok(value) => Ok(match self.node() {
                Some(node) => {
                    let kept = node.tree().memo.keep_landed(&seat.flight, value);
                    self.note_read(query, Some(&kept), seat.flight.watch.as_ref());
                    kept
                }
                None => value,
            }),
            Err(error) => self.excuse(query, plan, *access, error, seat.flight.watch.as_ref()),
        }
    }

    /// What stands in for a load that failed, or its error. `watch` is that of the load, if the error is new.
    fn excuse(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Plan,
        access: Access,
        error: Failure,
        watch: Option<&Arc<AnyWatch>>,
    ) -> Outcome {
        if !error.is_of_load() {
            return Err(error);
        }
        if let Some(value) = self.substitute(query, plan, access) {
            self.note(query, watch, error);
            return Ok(self.keep(query, value));
        }
        // What is being built by a load is stored, and a fallback must not be, not as a part either.
        let fallback = if access.fresh_only { None } else { query.fallback(&error) };
        let Some(value) = fallback else {
            if watch.is_some() {
                self.note_read(query, None, watch);
            }
            return Err(error);
        };
        self.telemetry().substitute(Subject::of(query), plan.strategy(), Substitute::Fallback);
        self.note(query, watch, error);
        Ok(value)
    }

    /// Keeps an error that who asked is not told, to be read apart.
    fn note(&self, query: &dyn AnyQuery<A>, watch: Option<&Arc<AnyWatch>>, error: Failure) {
        if let Some(watch) = watch {
            let failures = &self.client().desk_of(query).failures;
            failures.note(query.to_query(), Arc::clone(watch), error, None);
        }
    }

    /// What the cache has for want of anything better.
    fn substitute(&self, query: &dyn AnyQuery<A>, plan: &Plan, access: Access) -> Option<AnyValue> {
        if !access.reads {
            return None;
        }
        let (value, state) = query.read(self.client().cache(), false)?;
        let may_serve = match access.fresh_only {
            true => self.judge(query, plan, &value, &state).is_fresh(),
            false => plan.excuses(is_absent(query, plan, &value), &state),
        };
        if may_serve {
            self.telemetry().substitute(Subject::of(query), plan.strategy(), Substitute::Cached);
        }
        may_serve.then_some(value)
    }
}

/// Whether a value says that there is nothing, if the plan wants to know.
pub(crate) fn is_absent<A: App>(query: &dyn AnyQuery<A>, plan: &Plan, value: &AnyValue) -> bool {
    plan.heeds_absence() && query.is_absent(value)
}

/// Where each of the queries stands first: one that stands there again has the outcome of that.
fn first_places<A: App>(queries: &[&dyn AnyQuery<A>]) -> Vec<usize> {
    let mut places = HashMap::<&dyn AnyKey, usize, RandomState>::default();
    places.reserve(queries.len());
    let mut firsts = Vec::with_capacity(queries.len());
    for (at, &query) in queries.iter().enumerate() {
        firsts.push(*places.entry(query).or_insert(at));
    }
    firsts
}
