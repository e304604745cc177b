//! What is known about one observed query. Plain data: callers pass the time in.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{QueryError, State};
use tokio::time::Instant;

use crate::newsroom::{NewsroomError, in_short};
use crate::plain;

/// The state of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    /// It is queried for the first time. If anything is shown, it is the answer to another query.
    #[default]
    Pending,
    /// There is a fresh answer.
    Fresh,
    /// There is a stale answer.
    Stale,
    /// There is an answer, and it is loaded again.
    Refreshing,
    /// The load failed. There may be an earlier answer.
    Failed,
    /// The load failed, and is running again.
    Retrying,
}

impl Phase {
    fn is_loading(self) -> bool {
        matches!(self, Self::Pending | Self::Refreshing | Self::Retrying)
    }
}

/// What an observer reports.
#[derive(Debug)]
pub struct Update<V> {
    /// The state of the query.
    pub phase: Phase,
    /// The answer, if there is one, however old.
    pub value: Option<Arc<V>>,
    /// Why there is no newer one.
    pub failure: Option<Failure>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The load failed.
    Error(String),
    /// Nothing was loaded, since the circuit breaker is open.
    BreakerOpen,
}

impl<V> From<State<V, NewsroomError>> for Update<V> {
    fn from(state: State<V, NewsroomError>) -> Self {
        let phase = match &state {
            State::Ready { is_previous: true, .. } => Phase::Pending,
            State::Ready { is_refreshing: true, .. } => Phase::Refreshing,
            State::Ready { is_stale: true, .. } => Phase::Stale,
            State::Ready { .. } => Phase::Fresh,
            State::Failed { is_refreshing: true, .. } => Phase::Retrying,
            State::Failed { .. } => Phase::Failed,
            _ => Phase::Pending,
        };
        let failure = state.error().map(|error| match error {
            QueryError::Failed { source, .. } => Failure::Error(plain::title(&in_short(&**source))),
            QueryError::CircuitOpen { .. } => Failure::BreakerOpen,
            error => Failure::Error(plain::title(&error.to_string())),
        });
        Self { phase, value: state.value().cloned(), failure }
    }
}

/// What is known about one query.
#[derive(Clone, Debug)]
pub struct Observed<V> {
    /// The state of the query.
    pub phase: Phase,
    /// Its answer.
    pub value: Option<Arc<V>>,
    /// The last error, however long ago.
    pub problem: Option<Problem>,
    /// When the load of the value began.
    loaded: Option<Instant>,
    /// When the last answer or failure arrived; the time until the next load is measured from then.
    settled: Option<Instant>,
}

/// An error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The message.
    pub text: String,
    /// When it was first seen since the last answer.
    pub since: Instant,
    /// Whether there was an answer after it.
    pub is_over: bool,
}

impl<V> Observed<V> {
    /// Records what the observer reports. `age` is the age of the value.
    pub fn record(&mut self, update: Update<V>, age: Option<Duration>, now: Instant) {
        let is_other = self.value.as_ref().map(Arc::as_ptr) != update.value.as_ref().map(Arc::as_ptr);
        let is_settled = self.phase.is_loading() || is_other || update.failure.is_some();
        if !update.phase.is_loading() && is_settled {
            self.settled = Some(now);
        }
        self.phase = update.phase;
        self.value = update.value;
        self.loaded = age.and_then(|age| now.checked_sub(age));
        self.record_failure(update.failure, now);
    }

    /// Forgets everything, because another query, or none, is observed from now on.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// How old the value is.
    #[must_use]
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.loaded.map(|loaded| now.saturating_duration_since(loaded))
    }

    /// How long until the query is loaded again, if that happens once per `every`. `None` while it loads.
    #[must_use]
    pub fn until_next(&self, every: Duration, now: Instant) -> Option<Duration> {
        let settled = self.settled.filter(|_| !self.phase.is_loading())?;
        Some((settled + every).saturating_duration_since(now))
    }

    fn record_failure(&mut self, failure: Option<Failure>, now: Instant) {
        let is_known = self.problem.as_ref().is_some_and(|problem| !problem.is_over);
        let text = match failure {
            // The error of an earlier load is more informative.
            Some(Failure::BreakerOpen) if is_known => return,
            Some(Failure::BreakerOpen) => "not loaded, the breaker is open".to_owned(),
            Some(Failure::Error(text)) => text,
            None => {
                self.problem.iter_mut().for_each(|problem| problem.is_over = true);
                return;
            }
        };
        let since = self.problem.as_ref().filter(|_| is_known).map_or(now, |problem| problem.since);
        self.problem = Some(Problem { text, since, is_over: false });
    }
}

impl<V> Default for Observed<V> {
    fn default() -> Self {
        Self { phase: Phase::Pending, value: None, problem: None, loaded: None, settled: None }
    }
}

#[cfg(test)]
mod tests;
