//! What one call does: memo, cache, flight, and what stands in when that fails. Holds no state of its own.

mod boarding;

use std::sync::Arc;

use cache_core::{EntryState, Holds, LoadingOptions, Strategy};

use crate::app::{App, Fetch};
use crate::client::Client;
use crate::context::{Access, Node};
use crate::error::{OptionsError, QueryError};
use crate::flight::{Outcome, Seat};
use crate::plan::{Plan, Sources, Verdict};
use crate::waits::{FlightId, Waits};

/// Who asks: a client, perhaps from a context.
pub(crate) struct Asker<'a, A: App> {
    client: &'a Client<A>,
    node: Option<&'a Arc<Node<A>>>,
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

/// A call that waits for a flight.
struct Call<A: App, Q: Fetch<A>> {
    seat: Seat<Q, Q::Error>,
    plan: Plan,
    access: Access,
}

impl<'a, A: App> Asker<'a, A> {
    pub(crate) fn of(node: &'a Arc<Node<A>>) -> Self {
        Self { client: &node.client, node: Some(node) }
    }

    pub(crate) fn without_context(client: &'a Client<A>) -> Self {
        Self { client, node: None }
    }

    pub(crate) async fn query<Q: Fetch<A>>(
        self,
        query: &Q,
        options: LoadingOptions,
    ) -> Outcome<Q::Value, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
        match self.begin(query, options)? {
            Turn::Answer(value) => Ok(value),
            Turn::Wait(call) => self.finish(query, call).await,
        }
    }

    pub(crate) async fn query_all<Q: Fetch<A>>(self, queries: &[Q]) -> Vec<Outcome<Q::Value, Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
        // All flights are under way before the first is waited for.
        let turns: Vec<_> = queries.iter().map(|query| self.begin(query, LoadingOptions::new())).collect();
        let mut outcomes = Vec::with_capacity(queries.len());
        for (query, turn) in queries.iter().zip(turns) {
            outcomes.push(match turn {
                Ok(Turn::Answer(value)) => Ok(value),
                Ok(Turn::Wait(call)) => self.finish(query, call).await,
                Err(error) => Err(error),
            });
        }
        outcomes
    }

    pub(crate) fn cached<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        if let Some(value) = self.node.and_then(|node| node.answer(query)) {
            return Some(value);
        }
        if self.access().reads { self.client.cache().get(query) } else { None }
    }

    pub(crate) fn prefetch<Q: Fetch<A>>(&self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        let Ok(plan) = self.plan::<Q>(LoadingOptions::new(), self.access()) else { return };
        if !matches!(self.look(query, &plan, false), Some((_, Verdict::Fresh))) {
            self.load_behind(query, &plan);
        }
    }

    fn access(&self) -> Access {
        self.node.map_or(Access::PLAIN, |node| node.access())
    }

    #[inline]
    pub(crate) fn plan<Q: Fetch<A>>(&self, call: LoadingOptions, access: Access) -> Result<Plan, OptionsError>
    where
        A::Registry: Holds<Q>,
    {
        let sources = Sources {
            call,
            query: self.client.settings::<Q>(),
            derived: Q::LOADING,
            client: self.client.defaults(),
            table: self.client.cache().times_of::<Q>(),
        };
        match access.checks_options {
            true => Plan::resolve(Q::NAME, &sources),
            false => Ok(Plan::unchecked(&sources)),
        }
    }

    /// All of a call that needs no waiting.
    #[inline]
    fn begin<Q: Fetch<A>>(
        &self,
        query: &Q,
        options: LoadingOptions,
    ) -> Result<Turn<A, Q>, QueryError<Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
        if let Some(node) = self.node {
            if let Some(value) = node.answer(query) {
                return Ok(Turn::Answer(value));
            }
            if node.token.is_cancelled() {
                return Err(QueryError::Interrupted { query: Q::NAME });
            }
            if let Some(replacement) = node.replacement::<Q>() {
                return replacement.answer(query).map(|value| Turn::Answer(self.keep(query, value)));
            }
        }
        let access = self.access();
        let plan = self.plan::<Q>(options, access)?;
        if plan.reads_first() && access.reads {
            match self.look(query, &plan, true) {
                Some((value, Verdict::Fresh)) => return Ok(Turn::Answer(self.keep(query, value))),
                Some((value, Verdict::Stale)) if !access.fresh_only => {
                    self.load_behind(query, &plan);
                    return Ok(Turn::Answer(self.keep(query, value)));
                }
                _ => {}
            }
        }
        self.load(query, plan, access)
    }

    /// What the cache has, and what the plan makes of it.
    #[inline]
    fn look<Q: Fetch<A>>(&self, query: &Q, plan: &Plan, counts: bool) -> Option<(Arc<Q::Value>, Verdict)>
    where
        A::Registry: Holds<Q>,
    {
        let (value, state) = self.client.cache().value_and_state(query, counts)?;
        let verdict = self.judge(query, plan, &value, &state);
        Some((value, verdict))
    }

    #[inline]
    fn judge<Q: Fetch<A>>(&self, _: &Q, plan: &Plan, value: &Q::Value, state: &EntryState) -> Verdict {
        plan.judge::<Q>(value, state, || {
            let desk = self.client.desks().existing::<Q, Q::Error>();
            desk.map(|desk| desk.load_time()).unwrap_or_default()
        })
    }

    /// Keeps an answer in the memo, if there is one. Returns the answer that counts.
    fn keep<Q: Fetch<A>>(&self, query: &Q, value: Arc<Q::Value>) -> Arc<Q::Value> {
        match self.node {
            Some(node) => node.tree.memo.keep::<Q, Q::Error>(query, value),
            None => value,
        }
    }

    /// The flight that asks, if one does.
    fn from(&self) -> Option<(&'a Arc<Waits>, FlightId)> {
        Some((self.client.waits(), self.node?.flight?))
    }

    /// Waits for a flight, and makes an answer of what comes of it.
    async fn finish<Q: Fetch<A>>(&self, query: &Q, call: Call<A, Q>) -> Outcome<Q::Value, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
        let interrupted = async {
            match self.node {
                Some(node) => node.token.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = interrupted => Err(QueryError::Interrupted { query: Q::NAME }),
            outcome = self.outcome(query, &call) => outcome,
        }
    }

    async fn outcome<Q: Fetch<A>>(&self, query: &Q, call: &Call<A, Q>) -> Outcome<Q::Value, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
        let Call { seat, plan, access } = call;
        if let (Strategy::NetworkFirst, Some(timeout)) = (plan.strategy, plan.timeout) {
            let is_late = tokio::select! {
                biased;
                _ = seat.landed() => false,
                () = tokio::time::sleep(timeout) => true,
            };
            if is_late && let Some(value) = self.substitute(query, plan, *access) {
                // Whoever asks next has the answer that was too late for this one.
                seat.flight.go_on();
                return Ok(self.keep(query, value));
            }
        }
        match seat.landed().await {
            Ok(value) => Ok(self.keep(query, value)),
            Err(error) => self.excuse(query, plan, *access, error),
        }
    }

    /// What stands in for a load that failed, or its error.
    fn excuse<Q: Fetch<A>>(
        &self,
        query: &Q,
        plan: &Plan,
        access: Access,
        error: QueryError<Q::Error>,
    ) -> Outcome<Q::Value, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
        let substitute = error.is_of_load().then(|| self.substitute(query, plan, access)).flatten();
        substitute.map(|value| self.keep(query, value)).ok_or(error)
    }

    /// What the cache has for want of anything better.
    fn substitute<Q: Fetch<A>>(&self, query: &Q, plan: &Plan, access: Access) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        if !access.reads {
            return None;
        }
        let (value, state) = self.client.cache().value_and_state(query, false)?;
        let may_serve = match access.fresh_only {
            true => self.judge(query, plan, &value, &state) == Verdict::Fresh,
            false => plan.excuses::<Q>(&value, &state),
        };
        may_serve.then_some(value)
    }
}
