//! What one call does: memo, cache, flight, and what stands in when that fails. Holds no state of its own.

mod ahead;
mod at_once;
mod boarding;
mod layered;

use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;

use cache_core::{EntryState, Freshness, Holds, LoadingOptions, Query, Watch};
use foldhash::fast::RandomState;
use tokio::time::Instant;

use crate::app::{App, Fetch};
use crate::board::Anew;
use crate::client::Client;
use crate::concurrency::Lent;
use crate::context::{self, Access, Node};
use crate::error::{OptionsError, QueryError};
use crate::flight::{Outcome, Seat};
use crate::plan::{Plan, Planned, Sources, Verdict};
use crate::telemetry::{Substitute, Telemetry};
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
enum Turn<A: App, Q: Fetch<A>> {
    Answer(Arc<Q::Value>),
    Wait(Call<A, Q>),
}

/// What is known of a call before it waits.
enum Start<A: App, Q: Fetch<A>> {
    /// The answer, whatever layers there are.
    Known(Arc<Q::Value>),
    /// With the layers before anything was read.
    Turn(Turn<A, Q>, Option<View<A, Q>>),
}

/// A call that has to wait, with the layers before anything was read.
type Unfinished<A, Q> = (Call<A, Q>, Option<View<A, Q>>);

/// What is known of a call that has begun.
type Started<A, Q> = Result<Start<A, Q>, QueryError<<Q as Fetch<A>>::Error>>;

/// A call that waits for a flight.
struct Call<A: App, Q: Fetch<A>> {
    seat: Seat<Q, Q::Error>,
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

    pub(crate) async fn query<Q: Fetch<A>>(self, query: &Q) -> Outcome<Q::Value, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
        match self.at_once(query) {
            Some(value) => Ok(value),
            None => self.query_the_long_way(query).await,
        }
    }

    /// Apart from what most calls meet, so that those do without the room and the registers that this takes.
    async fn query_the_long_way<Q: Fetch<A>>(self, query: &Q) -> Outcome<Q::Value, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
        let (call, view) = match self.end_at_once(query, self.start(query, None)) {
            Ok(outcome) => return outcome,
            Err(unfinished) => unfinished,
        };
        Ok(self.shown(query, self.finish(query, call).await?, view))
    }

    pub(crate) async fn query_with<Q: Fetch<A>>(
        self,
        query: &Q,
        options: Option<LoadingOptions>,
    ) -> Outcome<Q::Value, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
        self.end(query, self.start(query, options)).await
    }

    pub(crate) async fn query_all<Q: Fetch<A>>(self, queries: &[Q]) -> Vec<Outcome<Q::Value, Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
        let firsts = first_places(queries);
        // All flights are under way before the first is waited for.
        let start = |(at, query)| (firsts[at] == at).then(|| self.start(query, None));
        let mut started: Vec<_> = queries.iter().enumerate().map(start).collect();
        let mut losses = self.client().runtime().losses();
        let mut outcomes: Vec<Outcome<Q::Value, Q::Error>> = Vec::with_capacity(queries.len());
        for at in 0..queries.len() {
            outcomes.push(match started[at].take() {
                Some(start) => self.end(&queries[at], start).await,
                None => outcomes[firsts[at]].clone(),
            });
            let found = self.client().runtime().losses();
            if std::mem::replace(&mut losses, found) != found {
                let rest = queries[at + 1..].iter().zip(&mut started[at + 1..]);
                rest.for_each(|(query, start)| self.take_over_if_lost(query, start));
            }
        }
        outcomes
    }

    /// All of a call that needs no waiting.
    #[inline(never)]
    fn start<Q: Fetch<A>>(
        &self,
        query: &Q,
        options: Option<LoadingOptions>,
    ) -> Result<Start<A, Q>, QueryError<Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
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
    fn end<Q: Fetch<A>>(
        self,
        query: &Q,
        start: Result<Start<A, Q>, QueryError<Q::Error>>,
    ) -> impl Future<Output = Outcome<Q::Value, Q::Error>> + Send
    where
        A::Registry: Holds<Q>,
    {
        async move {
            let (call, view) = match self.end_at_once(query, start) {
                Ok(outcome) => return outcome,
                Err(unfinished) => unfinished,
            };
            Ok(self.shown(query, self.finish(query, call).await?, view))
        }
    }

    /// The end of a call that does not wait, or the call that does.
    fn end_at_once<Q: Fetch<A>>(
        &self,
        query: &Q,
        start: Result<Start<A, Q>, QueryError<Q::Error>>,
    ) -> Result<Outcome<Q::Value, Q::Error>, Unfinished<A, Q>>
    where
        A::Registry: Holds<Q>,
    {
        match start {
            Ok(Start::Known(value)) => Ok(Ok(value)),
            Ok(Start::Turn(Turn::Answer(answer), view)) => Ok(Ok(self.shown(query, answer, view))),
            Ok(Start::Turn(Turn::Wait(call), view)) => Err((call, view)),
            Err(error) => Ok(Err(error)),
        }
    }

    /// What the tree was told already.
    fn known<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>> {
        self.node().and_then(|node| node.answer(query))
    }

    pub(crate) fn cached<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
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
    fn cached_for_load<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        let node = self.node()?;
        let cache = self.client().cache();
        // One look for both, so that a mark comes either before or after it.
        let found = cache.value_and_state(query, true);
        let was_marked = found.as_ref().is_some_and(|(_, state)| state.freshness == Freshness::Invalidated);
        let value = found.map(|(value, _)| value);
        node.tree.note_read(cache, query, value.as_ref(), was_marked, None);
        value
    }

    /// Whether what the caller is told is compared when its own answer is stored.
    fn notes_reads(&self) -> bool {
        self.node().is_some_and(|node| node.tree.notes_reads() && !node.access().is_private)
    }

    /// Notes for a load what it is told of a key; `watch` is that of the load which the answer comes of.
    #[inline]
    fn note_read<Q: Fetch<A>>(&self, query: &Q, value: Option<&Arc<Q::Value>>, watch: Option<&Arc<Watch<Q>>>)
    where
        A::Registry: Holds<Q>,
    {
        if let Some(node) = self.node()
            && self.notes_reads()
        {
            node.tree.note_read(self.client().cache(), query, value, false, watch);
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
        let node = context::current::<A>().filter(|node| node.client.is(self.client()))?;
        (matches!(self, Self::Client(_)) && node.flight.is_some()).then_some(node)
    }

    /// The options of a call, resolved; `call` are its own.
    #[inline]
    pub(crate) fn plan<Q: Fetch<A>>(
        &self,
        call: Option<LoadingOptions>,
        access: Access,
    ) -> Result<Plan, OptionsError>
    where
        A::Registry: Holds<Q>,
    {
        self.planned::<Q>(call, access).map(|plan| *plan)
    }

    #[inline]
    pub(crate) fn planned<Q: Fetch<A>>(
        &self,
        call: Option<LoadingOptions>,
        access: Access,
    ) -> Result<Planned<'a>, OptionsError>
    where
        A::Registry: Holds<Q>,
    {
        match call {
            None if access.checks_options => {
                let plan = self.client().plan_of::<Q>();
                let plan =
                    plan.get_or_init(|| self.resolve::<Q>(LoadingOptions::new(), access).map(Arc::new));
                plan.as_ref().map(Planned::Common).map_err(Clone::clone)
            }
            _ => self.resolve::<Q>(call.unwrap_or_default(), access).map(Planned::Own),
        }
    }

    fn sources<Q: Fetch<A>>(&self, call: LoadingOptions) -> Sources
    where
        A::Registry: Holds<Q>,
    {
        Sources {
            call,
            query: self.client().settings::<Q>(),
            derived: Q::LOADING,
            client: self.client().defaults(),
            concurrency: self.client().concurrency(),
            table: self.client().cache().times_of::<Q>(),
        }
    }

    /// The options of a query where nobody else says any, also if they cannot work.
    pub(crate) fn plan_of_query<Q: Fetch<A>>(&self) -> Plan
    where
        A::Registry: Holds<Q>,
    {
        Plan::unchecked(&self.sources::<Q>(LoadingOptions::new()))
    }

    fn resolve<Q: Fetch<A>>(&self, call: LoadingOptions, access: Access) -> Result<Plan, OptionsError>
    where
        A::Registry: Holds<Q>,
    {
        let sources = self.sources::<Q>(call);
        match access.checks_options {
            true => Plan::resolve(Q::NAME, &sources),
            false => Ok(Plan::unchecked(&sources)),
        }
    }

    /// All of a call that needs no waiting, if its tree does not know the answer.
    #[inline(never)]
    fn begin<Q: Fetch<A>>(
        &self,
        query: &Q,
        options: Option<LoadingOptions>,
    ) -> Result<Turn<A, Q>, QueryError<Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
        if let Some(node) = self.node() {
            if node.has_ended() {
                return Err(QueryError::Interrupted { query: Q::NAME });
            }
            if let Some(replacement) = node.replacement::<Q>() {
                return replacement.answer(query).map(|value| Turn::Answer(self.keep(query, value)));
            }
        }
        let access = self.access();
        let plan = self.planned::<Q>(options, access)?;
        if let Some(turn) = self.join_own(query, &plan, access)? {
            return Ok(turn);
        }
        if plan.reads_first()
            && access.reads
            && let Some(value) = self.read(query, &plan, access)
        {
            return Ok(Turn::Answer(self.keep(query, value)));
        }
        let anew = if plan.loads_anew() { Anew::Always } else { Anew::No };
        self.load(query, &plan.shared(), access, anew)
    }

    /// An answer from the cache before anything is loaded. If it is near its end or stale, it is loaded again behind it.
    fn read<Q: Fetch<A>>(&self, query: &Q, plan: &Planned<'_>, access: Access) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        let (telemetry, strategy) = (self.telemetry(), plan.strategy());
        match self.look(query, plan, true) {
            Some((value, Verdict::Fresh)) => {
                telemetry.hit(query, strategy);
                Some(value)
            }
            Some((value, Verdict::Ending)) => {
                telemetry.hit(query, strategy);
                self.refresh(query, &plan.shared());
                Some(value)
            }
            Some((value, Verdict::Stale)) if !access.fresh_only => {
                telemetry.stale_hit(query, strategy);
                self.refresh(query, &plan.shared());
                Some(value)
            }
            _ => {
                telemetry.miss(query, strategy);
                None
            }
        }
    }

    fn refresh<Q: Fetch<A>>(&self, query: &Q, plan: &Arc<Plan>)
    where
        A::Registry: Holds<Q>,
    {
        if self.load_behind(query, plan, true).is_some_and(|behind| behind.is_new) {
            self.telemetry().refresh(query, plan.strategy());
        }
    }

    fn telemetry(&self) -> Telemetry {
        self.client().telemetry()
    }

    /// What the cache has, and what the plan makes of it.
    #[inline]
    fn look<Q: Fetch<A>>(&self, query: &Q, plan: &Plan, counts: bool) -> Option<(Arc<Q::Value>, Verdict)>
    where
        A::Registry: Holds<Q>,
    {
        let (value, state) = self.client().cache().value_and_state(query, counts)?;
        let verdict = self.judge(query, plan, &value, &state);
        Some((value, verdict))
    }

    #[inline]
    fn judge<Q: Fetch<A>>(&self, _: &Q, plan: &Plan, value: &Q::Value, state: &EntryState) -> Verdict {
        plan.judge::<Q>(value, state, || {
            let desk = self.client().desks().existing::<Q, Q::Error>();
            desk.map(|desk| desk.load_time()).unwrap_or_default()
        })
    }

    /// Keeps an answer in the memo, if there is one. Returns the answer that counts.
    fn keep<Q: Fetch<A>>(&self, query: &Q, value: Arc<Q::Value>) -> Arc<Q::Value>
    where
        A::Registry: Holds<Q>,
    {
        let Some(node) = self.node() else { return value };
        let kept = node.tree.memo.keep::<Q, Q::Error>(query, value);
        self.note_read(query, Some(&kept), None);
        kept
    }

    /// The context that the call is made in.
    fn context(&self) -> Option<Arc<Node<A>>> {
        self.node().cloned().or_else(|| self.load_around())
    }

    /// Waits for a flight, and makes an answer of what comes of it. What few calls need is allocated, so that all others
    /// are small.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would keep the call twice")]
    fn finish<Q: Fetch<A>>(
        self,
        query: &Q,
        call: Call<A, Q>,
    ) -> impl Future<Output = Outcome<Q::Value, Q::Error>> + Send
    where
        A::Registry: Holds<Q>,
    {
        async move {
            let flight = &call.seat.flight;
            let waits_plainly = self.node().is_none() && call.patience.is_none() && call.lent.is_none();
            if waits_plainly && !flight.runtime.may_be_idle() {
                let outcome = call.seat.landed().await;
                if !call.seat.flight.is_stranded() {
                    return self.conclude(query, &call, outcome);
                }
            }
            Box::pin(self.finish_unless_interrupted(query, call)).await
        }
    }

    async fn finish_unless_interrupted<Q: Fetch<A>>(
        self,
        query: &Q,
        mut call: Call<A, Q>,
    ) -> Outcome<Q::Value, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
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
            () = interrupted => Err(QueryError::Interrupted { query: Q::NAME }),
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
    async fn outcome<Q: Fetch<A>>(&self, query: &Q, call: &Call<A, Q>) -> Option<Outcome<Q::Value, Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
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
        (!flight.is_stranded()).then(|| self.conclude(query, call, outcome))
    }

    /// Loads in place of a load that is known not to be run any more, so that many are taken over at the same time.
    fn take_over_if_lost<Q: Fetch<A>>(&self, query: &Q, start: &mut Option<Started<A, Q>>)
    where
        A::Registry: Holds<Q>,
    {
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
    fn take_over<Q: Fetch<A>>(&self, query: &Q, call: &Call<A, Q>) -> Result<Turn<A, Q>, QueryError<Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
        let anew = Anew::InPlaceOf(call.seat.flight.id);
        call.seat.flight.revoke_slot();
        Ok(match self.load(query, &call.plan, call.access, anew)? {
            Turn::Wait(next) => Turn::Wait(Call { patience: call.patience, ..next }),
            answer @ Turn::Answer(_) => answer,
        })
    }

    /// The answer that comes of what a flight came to.
    fn conclude<Q: Fetch<A>>(
        &self,
        query: &Q,
        call: &Call<A, Q>,
        outcome: Outcome<Q::Value, Q::Error>,
    ) -> Outcome<Q::Value, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
        let Call { seat, plan, access, .. } = call;
        match outcome {
            Ok(value) => Ok(match self.node() {
                Some(node) => {
                    let kept = node.tree.memo.keep_landed(&seat.flight, value);
                    self.note_read(query, Some(&kept), seat.flight.watch.as_ref());
                    kept
                }
                None => value,
            }),
            Err(error) => self.excuse(query, plan, *access, error, seat.flight.watch.as_ref()),
        }
    }

    /// What stands in for a load that failed, or its error. `watch` is that of the load, if the error is new.
    fn excuse<Q: Fetch<A>>(
        &self,
        query: &Q,
        plan: &Plan,
        access: Access,
        error: QueryError<Q::Error>,
        watch: Option<&Arc<Watch<Q>>>,
    ) -> Outcome<Q::Value, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
        if !error.is_of_load() {
            return Err(error);
        }
        if let Some(value) = self.substitute(query, plan, access) {
            self.note(watch, error);
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
        self.telemetry().substitute(query, plan.strategy(), Substitute::Fallback);
        self.note(watch, error);
        Ok(Arc::new(value))
    }

    /// Keeps an error that who asked is not told, to be read apart.
    fn note<Q: Fetch<A>>(&self, watch: Option<&Arc<Watch<Q>>>, error: QueryError<Q::Error>) {
        if let Some(watch) = watch {
            let desk = self.client().desks().of::<Q, Q::Error>();
            desk.failures.note(Arc::clone(watch), error, self.client().cache().now(), None);
        }
    }

    /// What the cache has for want of anything better.
    fn substitute<Q: Fetch<A>>(&self, query: &Q, plan: &Plan, access: Access) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        if !access.reads {
            return None;
        }
        let (value, state) = self.client().cache().value_and_state(query, false)?;
        let may_serve = match access.fresh_only {
            true => self.judge(query, plan, &value, &state).is_fresh(),
            false => plan.excuses::<Q>(&value, &state),
        };
        if may_serve {
            self.telemetry().substitute(query, plan.strategy(), Substitute::Cached);
        }
        may_serve.then_some(value)
    }
}

/// Where each of the queries stands first: one that stands there again has the outcome of that.
fn first_places<Q: Query>(queries: &[Q]) -> Vec<usize> {
    let mut places = HashMap::with_capacity_and_hasher(queries.len(), RandomState::default());
    queries.iter().enumerate().map(|(at, query)| *places.entry(query).or_insert(at)).collect()
}
