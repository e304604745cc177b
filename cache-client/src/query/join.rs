//! How a call joins a flight: the one that its tree waits for, the current one, or a new one, which it starts.

use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::AnyKey;

use tokio::time::Instant;

use super::caller::Caller;
use super::progress::{Progress, WaitingCall};
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::concurrency::LoadSlot;
use crate::context::memo::MemoEntry;
use crate::context::{Access, Node};
use crate::erased::AnyQueryError;
use crate::error::QueryError;
use crate::flight::registry::{IfRunning, JoinOutcome, JoinRequest};
use crate::flight::state::{Flight, LoadDemand};
use crate::flight::waiter::{JoinError, Waiter};
use crate::load::LoadTask;
use crate::plan::{Plan, Planned};
use crate::query_state::QueryState;
use crate::runtime::TaskRuntime;
use crate::token::Token;

/// How long a load continues after its last caller has left. Default of the option `linger`.
const LINGER: Duration = Duration::from_secs(5);

/// A read of the cache that gave no answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct CacheMiss {
    /// How many loads had landed before the read.
    pub(super) landings: u64,
    /// Whether there was no value at all.
    pub(super) is_vacant: bool,
}

/// A load that no caller waits for.
pub(crate) struct BackgroundLoad {
    pub(crate) flight: Arc<Flight>,
    /// Whether this call has started it.
    pub(super) is_new: bool,
}

impl<A: App> Caller<'_, A> {
    /// Joins the flight that the tree already waits for, if there is one. Its answer takes precedence over the cache.
    pub(super) fn join_in_tree(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Planned<'_>,
        access: Access,
    ) -> Result<Option<Progress>, AnyQueryError> {
        let Some(node) = self.node() else { return Ok(None) };
        let (demand, from) = (self.demand_of(plan), Some(node.origin()));
        let waiter = node.tree().memo.with(|entries| match entries.get(query as &dyn AnyKey) {
            Some(MemoEntry::Requested(flight)) => Some(Waiter::take(flight, demand, from)),
            _ => None,
        });
        match waiter {
            Some(Ok(waiter)) => {
                let flight = Arc::clone(&waiter.flight);
                let (joined, slot) = (JoinOutcome::Joined(flight, Some(waiter)), node.slot.as_ref());
                self.joined(query, joined, &plan.shared(), access, slot).map(Some)
            }
            Some(Err(JoinError::Cycle)) => Err(QueryError::Cycle { query: query.facts().name }),
            Some(Err(JoinError::Closed)) | None => Ok(None),
        }
    }

    /// Joins a flight, or finds an answer in the cache in the meantime. If the caller has not `seen` the cache, it is
    /// read here.
    pub(super) fn load(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Arc<Plan>,
        access: Access,
        if_running: IfRunning,
        seen: Option<CacheMiss>,
    ) -> Result<Progress, AnyQueryError> {
        if plan.never_loads() && !self.may_look_up(query, access) {
            return Err(self.not_cached(query));
        }
        let query_state = self.client().state_of(query);
        let (demand, context) = (self.demand_of(plan), self.context(access));
        let from = context.as_ref().map(|node| node.origin());
        let slot = context.as_ref().and_then(|node| node.slot.as_ref());
        let oldest = self.client().oldest_fresh(plan);
        let mut request =
            JoinRequest { demand, in_background: false, if_running, oldest, from, landings: None };
        if let Some(node) = self.node().filter(|_| access.is_private) {
            let joined = self.join_private(node, query, plan, query_state, &request);
            return self.joined(query, joined, plan, access, slot);
        }
        if plan.reads_first() {
            if !plan.never_loads()
                && query_state.errors.any_exist()
                && let Some((error, watch)) = query_state.errors.answer(query, self.client().cache().now())
            {
                self.note_read(query, None, Some(&watch));
                // An observer shows the error together with the value in the cache.
                return match self {
                    Self::ObserverTask(_) => Err(error),
                    Self::Client(_) | Self::Node(_) => self
                        .substitute_or_fail(query, plan, access, error, None)
                        .map(|value| Progress::Found(value, None)),
                };
            }
            let landings = seen.map(|miss| miss.landings);
            request.landings = Some(landings.unwrap_or_else(|| query_state.flights_of(plan).landings()));
        }
        let mut is_read = seen.is_some();
        let mut is_vacant = seen.is_some_and(|miss| miss.is_vacant);
        loop {
            if request.landings.is_some() && !is_read {
                let found = self.read_and_judge(query, plan, false);
                is_vacant = found.is_none();
                if let Some((value, verdict)) = found
                    && (verdict.is_fresh() || (plan.never_loads() && !access.fresh_only))
                {
                    return Ok(self.found(query, value));
                }
            }
            match self.join_shared(query, plan, query_state, &request, is_vacant) {
                JoinOutcome::ReadAgain(landings) => (request.landings, is_read) = (Some(landings), false),
                joined => return self.joined(query, joined, plan, access, slot),
            }
        }
    }

    /// Joins a flight for a caller that does the waiting itself. `None` if the cache has an answer by now.
    pub(crate) fn waiter(
        &self,
        query: &dyn AnyQuery<A>,
        plan: Plan,
        if_running: IfRunning,
    ) -> Result<Option<Waiter>, AnyQueryError> {
        match self.load(query, &Arc::new(plan), Access::PLAIN, if_running, None)? {
            Progress::Answered(_) | Progress::Found(..) => Ok(None),
            Progress::Waiting(call) => Ok(Some(call.waiter)),
        }
    }

    /// Turns the result of joining into the progress of the call. A call that waits lends the `slot` of the load that
    /// makes it.
    fn joined(
        &self,
        query: &dyn AnyQuery<A>,
        joined: JoinOutcome,
        plan: &Arc<Plan>,
        access: Access,
        slot: Option<&Arc<LoadSlot>>,
    ) -> Result<Progress, AnyQueryError> {
        match joined {
            JoinOutcome::Joined(_, Some(waiter)) | JoinOutcome::New(_, Some(waiter)) => {
                let cache_fallback_at =
                    plan.cache_fallback_after().and_then(|time| Instant::now().checked_add(time));
                let lent = slot.map(LoadSlot::lend);
                Ok(Progress::Waiting(WaitingCall {
                    waiter,
                    plan: Arc::clone(plan),
                    access,
                    cache_fallback_at,
                    lent,
                    layers: None,
                }))
            }
            JoinOutcome::Landed(value) => Ok(self.found(query, value)),
            // A waiting caller always has a waiter, and `load` handles `ReadAgain` itself.
            JoinOutcome::Cycle
            | JoinOutcome::ReadAgain(_)
            | JoinOutcome::Joined(_, None)
            | JoinOutcome::New(_, None) => Err(QueryError::Cycle { query: query.facts().name }),
        }
    }

    /// What a call that waits demands of the flight.
    fn demand_of(&self, plan: &Plan) -> LoadDemand {
        let linger = match self {
            // Without observers, the load is no longer needed.
            Self::ObserverTask(_) => Duration::ZERO,
            Self::Client(_) | Self::Node(_) => LINGER,
        };
        LoadDemand {
            stores: plan.stores(),
            outlives_callers: false,
            remembers_errors: plan.remembers_errors(),
            loads: !plan.reads_first(),
            linger: plan.linger.unwrap_or(linger),
        }
    }

    /// Starts a load that no caller waits for, or lets the running one outlive its callers. With `loads`, an answer of
    /// the provider is not good enough. Returns the load, unless its error is remembered.
    pub(crate) fn load_in_background(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Arc<Plan>,
        loads: bool,
    ) -> Option<BackgroundLoad> {
        if self.client().is_shut_down() {
            return None;
        }
        let query_state = self.client().state_of(query);
        if query_state.errors.any_exist()
            && query_state.errors.answer(query, self.client().cache().now()).is_some()
        {
            return None;
        }
        let loads = loads || !plan.reads_first();
        let demand = LoadDemand {
            stores: true,
            outlives_callers: true,
            remembers_errors: true,
            loads,
            linger: Duration::ZERO,
        };
        let request = JoinRequest {
            demand,
            in_background: true,
            if_running: IfRunning::Join,
            oldest: self.client().oldest_fresh(plan),
            from: None,
            landings: None,
        };
        let mut joined = self.join_shared(query, plan, query_state, &request, false);
        if let JoinOutcome::New(flight, _) = &joined
            && flight.is_stranded()
        {
            joined = self.join_shared(query, plan, query_state, &request, false);
        }
        match joined {
            JoinOutcome::Joined(flight, _) => Some(BackgroundLoad { flight, is_new: false }),
            JoinOutcome::New(flight, _) => Some(BackgroundLoad { flight, is_new: true }),
            // A caller that does not wait closes no cycle, and has not read the cache.
            JoinOutcome::Cycle | JoinOutcome::ReadAgain(_) | JoinOutcome::Landed(_) => None,
        }
    }

    /// Joins the flight that the tree waits for, the current one, or a new one, which it starts. `is_vacant` says that
    /// the caller has found no value in the cache.
    fn join_shared(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Arc<Plan>,
        query_state: &Arc<QueryState>,
        request: &JoinRequest<'_>,
        is_vacant: bool,
    ) -> JoinOutcome {
        // Before any lock: the clock may be foreign code, and there may be no runtime.
        let runtime = match request.in_background {
            true => self.client().runtime().get_unattended(),
            false => self.client().runtime().get(),
        };
        let started = self.client().cache().now();
        if self.client().tier().is_some() {
            // Copies have the times of the query. If its options are invalid, calls without their own get the error.
            _ = self.planned(query, None, Access::PLAIN);
        }
        // The query to load, if the flight is new.
        let mut loaded = None;
        let make = |hash| {
            let query = loaded.insert(query.to_query());
            let id = self.client().next_flight();
            let watch = query.watch(self.client().cache(), None);
            let slot = self.slot(&**query, query_state, &runtime);
            let key: Arc<dyn AnyKey> = query.clone();
            Flight::new(id, (key, hash), started, Some(watch), Token::default(), runtime, slot)
        };
        // Declared here, so that it is dropped after the memo is unlocked too.
        let mut displaced = None;
        let join = |displaced| query_state.flights_of(plan).join(query, request, make, displaced);
        // A call that never loads does not wait for a load that another call of its tree has requested.
        let joins_in_tree = !request.in_background && !plan.never_loads();
        let joined = match self.node().filter(|_| joins_in_tree) {
            Some(node) => in_tree(node, query, request, || join(&mut displaced)),
            None => join(&mut displaced),
        };
        if let Some(flight) = &displaced {
            flight.displace();
        }
        start(joined, loaded, (plan, query_state, is_vacant), |flight| {
            let (client, token) = (self.client().clone(), flight.token.clone());
            Node::of_load(client, query.facts().name, token, flight.id, flight.slot.clone())
        })
    }

    /// The slot of a load. The load of a key in a batch needs none, since the batch has one.
    fn slot(
        &self,
        query: &dyn AnyQuery<A>,
        query_state: &QueryState,
        runtime: &TaskRuntime,
    ) -> Option<Arc<LoadSlot>> {
        if query.facts().is_batched { None } else { self.client().slot_of(query, query_state, runtime) }
    }

    /// Joins a flight that belongs to the tree alone. Its answer is neither shared nor stored.
    fn join_private(
        &self,
        node: &Arc<Node<A>>,
        query: &dyn AnyQuery<A>,
        plan: &Arc<Plan>,
        query_state: &Arc<QueryState>,
        request: &JoinRequest<'_>,
    ) -> JoinOutcome {
        let (runtime, started) = (self.client().runtime().get(), self.client().cache().now());
        let mut loaded = None;
        let joined = in_tree(node, query, request, || {
            let query = loaded.insert(query.to_query());
            let (id, token) = (self.client().next_flight(), node.request().child());
            let slot = self.slot(&**query, query_state, &runtime);
            let key: Arc<dyn AnyKey> = query.clone();
            let flight = Flight::new(id, (key, 0), started, None, token, runtime, slot);
            match Waiter::take(&flight, request.demand, request.from) {
                Ok(waiter) => JoinOutcome::New(flight, Some(waiter)),
                Err(JoinError::Closed | JoinError::Cycle) => JoinOutcome::Cycle,
            }
        });
        start(joined, loaded, (plan, query_state, false), |flight| {
            Node::of_flight(node, flight.token.clone(), flight.id, flight.slot.clone())
        })
    }
}

/// Starts a new flight, in a context of its own.
fn start<A: App>(
    joined: JoinOutcome,
    loaded: Option<Arc<dyn AnyQuery<A>>>,
    (plan, query_state, is_vacant): (&Arc<Plan>, &Arc<QueryState>, bool),
    context: impl FnOnce(&Flight) -> Arc<Node<A>>,
) -> JoinOutcome {
    if let (JoinOutcome::New(flight, _), Some(query)) = (&joined, loaded) {
        let (query_state, flight, node) = (Arc::clone(query_state), Arc::clone(flight), context(flight));
        LoadTask::new(query, query_state, flight, node, Arc::clone(plan)).start(is_vacant);
    }
    joined
}

/// Joins the flight that the tree already waits for, if there is one, so that it loads once, whatever the strategy is.
fn in_tree<A: App>(
    node: &Node<A>,
    key: &dyn AnyKey,
    request: &JoinRequest<'_>,
    join: impl FnOnce() -> JoinOutcome,
) -> JoinOutcome {
    let (joined, _replaced) = node.tree().memo.with(|entries| {
        if let Some(MemoEntry::Requested(flight)) = entries.get(key) {
            if request.if_running != IfRunning::ReplaceOnly(flight.id) {
                match Waiter::take(flight, request.demand, request.from) {
                    Ok(waiter) => return (JoinOutcome::Joined(Arc::clone(flight), Some(waiter)), None),
                    Err(JoinError::Cycle) => return (JoinOutcome::Cycle, None),
                    Err(JoinError::Closed) => {}
                }
            }
            if let Some(Ok(value)) = flight.outcome() {
                return (JoinOutcome::Landed(value), None);
            }
        }
        let joined = join();
        let flight = match &joined {
            JoinOutcome::Joined(_, Some(waiter)) | JoinOutcome::New(_, Some(waiter)) => {
                Arc::clone(&waiter.flight)
            }
            _ => return (joined, None),
        };
        let replaced = match entries.get(key) {
            // Another call of the tree has stored an answer meanwhile.
            Some(MemoEntry::Answered { .. }) => None,
            _ => entries.insert(Arc::clone(&flight.key), MemoEntry::Requested(flight)),
        };
        (joined, replaced)
    });
    joined
}
