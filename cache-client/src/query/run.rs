//! A call from its start to its end.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use cache_core::client_support::AnyKey;
use cache_core::{Holds, LoadingOptions, Moment};
use foldhash::fast::RandomState;

use super::caller::Caller;
use super::join::CacheMiss;
use super::progress::{Progress, WaitingCall};
use super::reading::Found;
use super::set::{OutcomeList, QueryList, QuerySet};
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::erased::{AnyQueryError, AnyValue, Outcome, typed, typed_value};
use crate::error::QueryError;
use crate::fetch::{Answer, Fetch};
use crate::flight::registry::IfRunning;

impl<A: App> Caller<'_, A> {
    pub(super) async fn query<Q: Fetch<A>>(self, query: &Q) -> Answer<A, Q>
    where
        A::Registry: Holds<Q>,
    {
        match self.fresh_hit(query) {
            Some(value) => Ok(value),
            None => typed(self.query_slow(query).await),
        }
    }

    /// Answers as [`query`](Self::query) does, with the time of [`dated_hit`](Self::dated_hit) if the answer is one.
    pub(super) async fn query_dated<Q: Fetch<A>>(self, query: &Q) -> (Answer<A, Q>, Option<Moment>)
    where
        A::Registry: Holds<Q>,
    {
        match self.dated_hit(query) {
            Some((value, as_of)) => (Ok(value), as_of),
            None => (typed(self.query_slow(query).await), None),
        }
    }

    /// Separate from the fast path, so that most calls need neither the stack space nor the registers for this.
    async fn query_slow(self, query: &dyn AnyQuery<A>) -> Outcome {
        let call = match self.end_or_wait(query, self.start(query, None)) {
            Ok(outcome) => return outcome,
            Err(call) => call,
        };
        self.finish(query, call).await
    }

    pub(super) async fn query_with<Q: Fetch<A>>(self, query: &Q, options: LoadingOptions) -> Answer<A, Q>
    where
        A::Registry: Holds<Q>,
    {
        typed(self.end(query, self.start(query, Some(options))).await)
    }

    pub(super) async fn query_all<S: QuerySet<A>>(self, queries: S) -> S::Answers {
        let QueryList(all) = queries.__list();
        let outcomes = self.outcomes(&all).await;
        S::__answers(OutcomeList(outcomes.into_iter()))
    }

    async fn outcomes(self, queries: &[&dyn AnyQuery<A>]) -> Vec<Outcome> {
        let firsts = first_indices(queries);
        // All flights start before the call waits for the first one.
        let start = |(at, &query)| (firsts[at] == at).then(|| self.start(query, None));
        let mut started: Vec<_> = queries.iter().enumerate().map(start).collect();
        let mut losses = self.client().runtime().losses();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(queries.len());
        for at in 0..queries.len() {
            outcomes.push(match started[at].take() {
                Some(started) => self.end(queries[at], started).await,
                None => outcomes[firsts[at]].clone(),
            });
            let found = self.client().runtime().losses();
            if std::mem::replace(&mut losses, found) != found {
                let rest = queries[at + 1..].iter().zip(&mut started[at + 1..]);
                rest.for_each(|(&query, started)| self.take_over_if_lost(query, started));
            }
        }
        outcomes
    }

    /// The part of a call that does not wait.
    #[inline(never)]
    fn start(
        &self,
        query: &dyn AnyQuery<A>,
        options: Option<LoadingOptions>,
    ) -> Result<Progress, AnyQueryError> {
        if let Some(value) = self.known(query) {
            return Ok(Progress::Answered(value));
        }
        // Before anything is read.
        let layers = self.layers_before(query);
        match self.answer_of_layers_alone(query, options, layers.as_ref())? {
            Some(value) => Ok(Progress::Answered(self.remember(query, value))),
            None if layers.is_none() => self.begin(query, options),
            None => Ok(self.begin(query, options)?.with_layers(layers)),
        }
    }

    /// Like [`start`](Self::start), for a key that the tree has no answer to.
    #[inline(never)]
    fn begin(
        &self,
        query: &dyn AnyQuery<A>,
        options: Option<LoadingOptions>,
    ) -> Result<Progress, AnyQueryError> {
        if let Some(node) = self.node() {
            if node.has_ended() {
                return Err(QueryError::Interrupted { query: query.facts().name });
            }
            if let Some(replacement) = node.replacement(query) {
                return replacement(query).map(|value| self.found(query, value));
            }
        }
        let access = self.access();
        let plan = self.planned(query, options, access)?;
        if !plan.never_loads()
            && let Some(progress) = self.join_in_tree(query, &plan, access)?
        {
            return Ok(progress);
        }
        let mut seen = None;
        if plan.reads_first() && access.reads {
            // Before the read, so that the call misses no landing.
            let landings = self.client().state_of(query).flights_of(&plan).landings();
            let is_vacant = match self.read(query, &plan, access) {
                Found::Answer(value) => return Ok(self.found(query, value)),
                Found::Unusable => false,
                Found::Nothing => true,
            };
            seen = Some(CacheMiss { landings, is_vacant });
        }
        let if_running = if plan.replaces_running() { IfRunning::Replace } else { IfRunning::Join };
        self.load(query, &plan.shared(), access, if_running, seen)
    }

    /// An answer that was found. The tree remembers it.
    pub(super) fn found(&self, query: &dyn AnyQuery<A>, value: AnyValue) -> Progress {
        Progress::Found(self.remember(query, value), None)
    }

    #[expect(clippy::manual_async_fn, reason = "an `async fn` would keep its arguments twice")]
    fn end(
        self,
        query: &dyn AnyQuery<A>,
        started: Result<Progress, AnyQueryError>,
    ) -> impl Future<Output = Outcome> + Send {
        async move {
            let call = match self.end_or_wait(query, started) {
                Ok(outcome) => return outcome,
                Err(call) => call,
            };
            self.finish(query, call).await
        }
    }

    /// The outcome of a call that does not wait, or else the waiting call.
    fn end_or_wait(
        &self,
        query: &dyn AnyQuery<A>,
        started: Result<Progress, AnyQueryError>,
    ) -> Result<Outcome, WaitingCall> {
        match started {
            Ok(Progress::Answered(value)) => Ok(Ok(value)),
            Ok(Progress::Found(value, layers)) => Ok(Ok(self.with_layers(query, value, layers.as_ref()))),
            Ok(Progress::Waiting(call)) => Err(call),
            Err(error) => Ok(Err(error)),
        }
    }

    pub(super) fn cached<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
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
            true => self.cached_with_layers(query),
            false => None,
        }
    }
}

/// For each query the index of the first one that is equal to it, whose outcome it shares.
fn first_indices<A: App>(queries: &[&dyn AnyQuery<A>]) -> Vec<usize> {
    let mut indices = HashMap::<&dyn AnyKey, usize, RandomState>::default();
    indices.reserve(queries.len());
    let mut firsts = Vec::with_capacity(queries.len());
    for (at, &query) in queries.iter().enumerate() {
        firsts.push(*indices.entry(query).or_insert(at));
    }
    firsts
}
