//! A call that waits for a flight, and what it does with the outcome.

use std::future::{Future, pending};
use std::pin::pin;

use cache_core::client_support::AnyWatch;

use super::caller::Caller;
use super::progress::{Progress, WaitingCall};
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::context::Access;
use crate::erased::{AnyQueryError, AnyValue, Outcome};
use crate::error::QueryError;
use crate::flight::registry::IfRunning;
use crate::plan::{Plan, Verdict};
use crate::telemetry::Substitute;

impl<A: App> Caller<'_, A> {
    /// Waits for a flight, and turns its outcome into the answer of the call. What only some calls need is allocated,
    /// so that the others stay small.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would keep the call twice")]
    pub(super) fn finish(
        self,
        query: &dyn AnyQuery<A>,
        call: WaitingCall,
    ) -> impl Future<Output = Outcome> + Send {
        async move {
            let runtime = &call.waiter.flight.runtime;
            let waits_plainly = self.node().is_none()
                && call.cache_fallback_at.is_none()
                && call.lent.is_none()
                && !self.may_get_stale(query, &call);
            if waits_plainly && !runtime.may_be_idle() {
                let outcome = call.waiter.landed().await;
                if outcome.is_ok() || !call.waiter.flight.is_stranded() {
                    let value = self.conclude(query, &call, outcome)?;
                    return Ok(self.with_layers(query, value, call.layers.as_ref()));
                }
            }
            Box::pin(self.finish_unless_interrupted(query, call)).await
        }
    }

    async fn finish_unless_interrupted(self, query: &dyn AnyQuery<A>, mut call: WaitingCall) -> Outcome {
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
                if let Some(value) = self.take_over(query, &mut call)? {
                    return Ok(value);
                }
            }
        };
        let outcome = tokio::select! {
            biased;
            () = interrupted => Err(QueryError::Interrupted { query: query.facts().name }),
            outcome = outcome => outcome,
        };
        let WaitingCall { waiter, lent, layers, .. } = call;
        drop(waiter);
        if let Some(lent) = lent {
            lent.take_back().await;
        }
        outcome.map(|value| self.with_layers(query, value, layers.as_ref()))
    }

    /// Waits for the outcome. `None` if there will be none, since the runtime of the load no longer runs it.
    async fn outcome(&self, query: &dyn AnyQuery<A>, call: &WaitingCall) -> Option<Outcome> {
        let WaitingCall { waiter, plan, access, cache_fallback_at, .. } = call;
        let flight = &waiter.flight;
        let mut is_late = pin!(async {
            match *cache_fallback_at {
                Some(time) => flight.runtime.sleep_until(time).await,
                None => pending().await,
            }
        });
        let mut is_stale = pin!(async {
            match self.may_get_stale(query, call) {
                true => flight.shows_stale().await,
                false => pending().await,
            }
        });
        let mut is_idle = pin!(flight.runtime.until_idle(self.client().runtime()));
        let (mut may_be_late, mut may_be_stale) = (true, true);
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = waiter.landed() => break outcome,
                () = &mut is_idle => return None,
                () = &mut is_stale, if may_be_stale => {
                    may_be_stale = false;
                    if let Some((value, verdict)) = self.read_and_judge(query, plan, true)
                        && verdict != Verdict::Unusable
                    {
                        // It refreshes the value in the background.
                        flight.outlive_callers();
                        return Some(Ok(self.remember(query, value)));
                    }
                }
                () = &mut is_late, if may_be_late => {
                    may_be_late = false;
                    if let Some(value) = self.substitute(query, plan, *access) {
                        // The next caller gets the answer that is too late for this one.
                        flight.outlive_callers();
                        return Some(Ok(self.remember(query, value)));
                    }
                }
            }
        };
        (outcome.is_ok() || !flight.is_stranded()).then(|| self.conclude(query, call, outcome))
    }

    /// Whether a call can be answered with a stale value from the provider while the load continues.
    fn may_get_stale(&self, query: &dyn AnyQuery<A>, call: &WaitingCall) -> bool {
        self.client().tier().is_some()
            && call.plan.may_prefer_stale()
            && call.access.reads
            && !call.access.fresh_only
            && query.codec().is_some()
    }

    /// Takes over a load whose runtime is known not to run it any more, so that a call takes over many loads at once.
    pub(super) fn take_over_if_lost(
        &self,
        query: &dyn AnyQuery<A>,
        started: &mut Option<Result<Progress, AnyQueryError>>,
    ) {
        let Some(Ok(Progress::Waiting(call))) = started else { return };
        let flight = &call.waiter.flight;
        if !flight.is_stranded() && !self.client().runtime().is_idle(&flight.runtime) {
            return;
        }
        match self.take_over(query, call) {
            Ok(None) => {}
            Ok(Some(value)) => *started = Some(Ok(Progress::Found(value, call.layers.take()))),
            Err(error) => *started = Some(Err(error)),
        }
    }

    /// Replaces a load that its runtime no longer runs. The call then waits for the new flight. Returns an answer
    /// instead if the cache has one by now.
    fn take_over(
        &self,
        query: &dyn AnyQuery<A>,
        call: &mut WaitingCall,
    ) -> Result<Option<AnyValue>, AnyQueryError> {
        let if_running = IfRunning::ReplaceOnly(call.waiter.flight.id);
        call.waiter.flight.revoke_slot();
        match self.load(query, &call.plan, call.access, if_running, None)? {
            Progress::Waiting(next) => {
                let (cache_fallback_at, layers) = (call.cache_fallback_at, call.layers.take());
                *call = WaitingCall { cache_fallback_at, layers, ..next };
                Ok(None)
            }
            Progress::Answered(value) | Progress::Found(value, _) => Ok(Some(value)),
        }
    }

    /// Turns the outcome of a flight into that of the call.
    fn conclude(&self, query: &dyn AnyQuery<A>, call: &WaitingCall, outcome: Outcome) -> Outcome {
        let WaitingCall { waiter, plan, access, .. } = call;
        match outcome {
            Ok(value) if plan.never_loads() => Ok(self.remember(query, value)),
            Ok(value) => Ok(self.remember_landed(query, &waiter.flight, value)),
            Err(QueryError::NotCached { .. }) => Err(self.not_cached(query)),
            Err(error) => self.substitute_or_fail(query, plan, *access, error, waiter.flight.watch.as_ref()),
        }
    }

    /// A substitute for a load that failed, or its error. `watch` is that of the load, if the error is new.
    pub(super) fn substitute_or_fail(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Plan,
        access: Access,
        error: AnyQueryError,
        watch: Option<&AnyWatch>,
    ) -> Outcome {
        if !error.is_of_load() {
            return Err(error);
        }
        if let Some(value) = self.substitute(query, plan, access) {
            self.remember_error(query, watch, error);
            return Ok(self.remember(query, value));
        }
        // The answer of a load is stored. A fallback must not be stored, not even as a part of another answer.
        let fallback = if access.fresh_only { None } else { query.fallback(&error) };
        let Some(value) = fallback else {
            if watch.is_some() {
                self.note_read(query, None, watch);
            }
            return Err(error);
        };
        self.telemetry().substitute(query.subject(), plan.strategy(), Substitute::Fallback);
        self.remember_error(query, watch, error);
        Ok(value)
    }

    /// Remembers an error that the caller does not get, so that `refresh_error` can return it.
    fn remember_error(&self, query: &dyn AnyQuery<A>, watch: Option<&AnyWatch>, error: AnyQueryError) {
        if let Some(watch) = watch {
            let errors = &self.client().state_of(query).errors;
            errors.note(query.to_query(), watch.clone(), error, None);
        }
    }
}
