//! The attempts of one load, until one has an answer or a final error. Stores nothing.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cache_core::Moment;
use tokio::time::Instant;

use super::LoadTask;
use super::attempt::{Attempt, AttemptEnd};
use crate::any_query::LoadFuture;
use crate::app::App;
use crate::breaker::{Breaker, Permit};
use crate::context::{Context, Node, scoped};
use crate::erased::AnyValue;
use crate::flight::backoff::{RetryBackoff, RetryPolicy};
use crate::flight::outcome::{ErrorAdvice, LoadOutcome};
use crate::panic::poll_catching;

impl<A: App> LoadTask<A> {
    pub(super) async fn attempts(&self) -> Attempt {
        let started = self.turn().await.0.unwrap_or(self.flight.started);
        let mut backoff = RetryBackoff::new(self.plan.retries);
        let breaker = self.plan.breaker.map(|name| self.node.client.breakers().of(name));
        let breaker = breaker.as_ref();
        let permit = match self.permit(breaker) {
            Ok(permit) => permit,
            Err(until) => {
                let ended = AttemptEnd::Refused { until };
                return Attempt { started, took: None, ended, has_own_answers: false };
            }
        };
        let mut begun = Instant::now();
        let mut attempt = self.attempt(permit, &self.node, started, begun).await;
        loop {
            let wait = match self.is_cut_off(&attempt.ended) {
                true => Some(Duration::ZERO),
                false => wait_after(&attempt.ended, (&mut backoff, &self.plan.retry_policy), begun, breaker),
            };
            let Some(wait) = wait else { break };
            self.report_retry(backoff.attempts(), wait);
            // Other loads may run meanwhile.
            self.flight.end_turn();
            tokio::time::sleep(wait).await;
            begun += self.turn().await.1;
            // The last error is more useful than the refusal.
            let Ok(permit) = self.permit(breaker) else { break };
            let (node, now) = (self.node_for_retry(), self.node.client.cache().now());
            attempt = self.attempt(permit, &node, now, Instant::now()).await;
        }
        attempt
    }

    /// Waits until the load may run. Returns the time at which it stopped waiting, if it may have waited, and how long
    /// the client was offline.
    async fn turn(&self) -> (Option<Moment>, Duration) {
        if self.flight.slot.is_none() && !self.node.client.presence().is_offline() {
            return (None, Duration::ZERO);
        }
        // Boxed, so that other loads stay small.
        let paused = Box::pin(self.long_turn()).await;
        (Some(self.node.client.cache().now()), paused)
    }

    async fn long_turn(&self) -> Duration {
        let (client, mut paused) = (&self.node.client, Duration::ZERO);
        loop {
            if client.presence().is_offline() {
                self.flight.end_turn();
                let (since, _paused) = (Instant::now(), client.query_states().pause(&self.query_state));
                client.presence().until_online().await;
                paused += since.elapsed();
            }
            if let Some(slot) = &self.flight.slot {
                slot.begin();
                slot.held().await;
            }
            if !client.presence().is_offline() {
                return paused;
            }
        }
    }

    /// Whether a load has failed while the client is offline. It is loaded again, and its error is ignored.
    fn is_cut_off(&self, ended: &AttemptEnd) -> bool {
        self.node.client.presence().is_offline() && matches!(ended, AttemptEnd::Failed { .. })
    }

    fn report_retry(&self, attempt: u32, wait: Duration) {
        let telemetry = self.node.client.telemetry();
        telemetry.retry(self.subject(), self.plan.strategy(), attempt, wait);
    }

    /// The right to make one attempt, if there is a breaker. Or else until when it refuses loads.
    fn permit(&self, breaker: Option<&Arc<Breaker>>) -> Result<Option<Permit>, Instant> {
        let Some(breaker) = breaker else { return Ok(None) };
        breaker.admit(self.flight.id, self.node.client.wait_graph()).map(Some)
    }

    /// The context of the next attempt. A shared load gets a new one: what its last attempt read may be older than the
    /// new answer.
    fn node_for_retry(&self) -> Arc<Node<A>> {
        let (client, token) = (self.node.client.clone(), self.flight.token.clone());
        match self.flight.watch {
            Some(_) => {
                let (id, slot) = (self.flight.id, self.flight.slot.clone());
                Node::of_load(client, self.name(), token, id, slot)
            }
            None => Arc::clone(&self.node),
        }
    }

    /// A function of its own keeps the task small.
    fn begin<'a>(&'a self, cx: &'a Context<A>) -> LoadFuture<'a> {
        self.query.load(cx, self.plan.batch, self.present())
    }

    /// The value in the cache, if this load may report that it is unchanged.
    fn present(&self) -> Option<AnyValue> {
        let may_be_unchanged = self.flight.watch.is_some()
            && self.plan.stores()
            && !self.query.facts().is_batched
            && !self.is_still_vacant();
        let present = may_be_unchanged.then(|| self.query.read(self.node.client.cache(), false));
        present.flatten().map(|(value, _)| value)
    }

    /// Whether the key has had no value since the flight began. Only the provider fills it without overtaking the flight.
    fn is_still_vacant(&self) -> bool {
        self.is_vacant && self.flight.is_current() && self.node.client.tier().is_none()
    }

    async fn attempt(
        &self,
        permit: Option<Permit>,
        node: &Arc<Node<A>>,
        started: Moment,
        begun: Instant,
    ) -> Attempt {
        if let Some(ticket) = self.node.client.ticket_of(self.query.facts().value) {
            node.note(|notes| notes.keep_ticket(ticket));
        }
        let cx = Context(Arc::clone(node));
        let mut load = pin!(scoped(Arc::clone(node), async {
            match self.begin(&cx).await {
                LoadOutcome::Answered(value, notes) => {
                    if let Some(notes) = notes {
                        let mut notes = notes.of_answer();
                        if let Some(ticket) = cx.0.take_ticket() {
                            notes.keep_ticket(ticket);
                        }
                        cx.0.tree().put_notes(notes);
                    }
                    AttemptEnd::Answered(value)
                }
                LoadOutcome::Unchanged(value) => AttemptEnd::Unchanged(value),
                LoadOutcome::Failed { error, chance } => {
                    let advice = self.query.advice(&*error);
                    AttemptEnd::Failed { error, advice, chance }
                }
                LoadOutcome::Panicked(message) => AttemptEnd::Panicked(message),
                LoadOutcome::Miscounted { keys, answers } => AttemptEnd::Miscounted { keys, answers },
            }
        }));
        let ended = poll_fn(|cx| poll_catching(load.as_mut(), cx)).await.unwrap_or_else(AttemptEnd::Panicked);
        if !Arc::ptr_eq(node, &self.node) {
            // Notes of earlier attempts do not apply to this answer.
            self.node.tree().put_notes(node.take_notes());
        }
        // The result of an interrupted load is unknown, so its permit is only dropped.
        let is_unknown = self.flight.token.is_cancelled() || self.is_cut_off(&ended);
        if let Some(permit) = permit.filter(|_| !is_unknown) {
            permit.report(!ended.is_failure());
        }
        Attempt { started, took: Some(begun.elapsed()), ended, has_own_answers: node.has_own_answers() }
    }
}

/// Returns how long to wait before the next attempt, or `None` if this one was the last. Separate, so that the task
/// stays small.
fn wait_after(
    ended: &AttemptEnd,
    (backoff, policy): (&mut RetryBackoff, &RetryPolicy),
    begun: Instant,
    breaker: Option<&Arc<Breaker>>,
) -> Option<Duration> {
    let AttemptEnd::Failed { advice: ErrorAdvice { is_retryable: true, requested, .. }, chance, .. } = ended
    else {
        return None;
    };
    let wait = backoff.next(policy, begun.elapsed(), *requested, *chance)?;
    let is_futile = breaker.is_some_and(|breaker| breaker.is_open_at(Instant::now() + wait));
    (!is_futile).then_some(wait)
}
