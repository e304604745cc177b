//! What is known of one observed query. Plain data: the time comes in.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{QueryError, State};
use tokio::time::Instant;

use crate::newsroom::{NewsroomError, in_short};
use crate::plain;

/// How a query is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    /// It is asked for the first time; what is shown is the answer to another one, if there is anything.
    #[default]
    Pending,
    /// There is a fresh answer.
    Fresh,
    /// There is an answer, past its time.
    Stale,
    /// There is an answer, and it is asked for again.
    Refreshing,
    /// It was asked for in vain. There may be an answer from before.
    Failed,
    /// It was asked for in vain, and is again.
    Retrying,
}

impl Phase {
    fn is_loading(self) -> bool {
        matches!(self, Self::Pending | Self::Refreshing | Self::Retrying)
    }
}

/// What an observer says.
#[derive(Debug)]
pub struct News<V> {
    /// How the query is doing.
    pub phase: Phase,
    /// The answer, if there is one, however old.
    pub value: Option<Arc<V>>,
    /// Why there is no other.
    pub setback: Option<Setback>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setback {
    /// The load failed.
    Failed(String),
    /// Nothing was loaded, since the circuit breaker is open.
    NotAsked,
}

impl<V> From<State<V, NewsroomError>> for News<V> {
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
        let setback = state.error().map(|error| match error {
            QueryError::Failed { source, .. } => Setback::Failed(plain::title(&in_short(&**source))),
            QueryError::CircuitOpen { .. } => Setback::NotAsked,
            error => Setback::Failed(plain::title(&error.to_string())),
        });
        Self { phase, value: state.value().cloned(), setback }
    }
}

/// What is known of one query.
#[derive(Clone, Debug)]
pub struct Seen<V> {
    /// How it is doing.
    pub phase: Phase,
    /// What it was answered with.
    pub value: Option<Arc<V>>,
    /// What went wrong last, however long ago.
    pub problem: Option<Problem>,
    /// When the load of the value began.
    loaded: Option<Instant>,
    /// When there was an answer or a failure: from then on counts the time until it is asked again.
    settled: Option<Instant>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub text: String,
    /// When it was first seen, since there was an answer.
    pub since: Instant,
    /// Whether there was an answer after it.
    pub is_over: bool,
}

impl<V> Seen<V> {
    /// Takes note of what the observer says. `age` is that of the value.
    pub fn take(&mut self, news: News<V>, age: Option<Duration>, now: Instant) {
        let is_other = self.value.as_ref().map(Arc::as_ptr) != news.value.as_ref().map(Arc::as_ptr);
        let is_settled = self.phase.is_loading() || is_other || news.setback.is_some();
        if !news.phase.is_loading() && is_settled {
            self.settled = Some(now);
        }
        self.phase = news.phase;
        self.value = news.value;
        self.loaded = age.and_then(|age| now.checked_sub(age));
        self.take_note_of(news.setback, now);
    }

    /// Forgets everything: it is another query from now on, or none.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// How old the value is.
    #[must_use]
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.loaded.map(|loaded| now.saturating_duration_since(loaded))
    }

    /// How long it is until the query is asked again, if that happens `every` so often. `None` while it is asked.
    #[must_use]
    pub fn until_next(&self, every: Duration, now: Instant) -> Option<Duration> {
        let settled = self.settled.filter(|_| !self.phase.is_loading())?;
        Some((settled + every).saturating_duration_since(now))
    }

    fn take_note_of(&mut self, setback: Option<Setback>, now: Instant) {
        let is_known = self.problem.as_ref().is_some_and(|problem| !problem.is_over);
        let text = match setback {
            // What was wrong when something was loaded says more.
            Some(Setback::NotAsked) if is_known => return,
            Some(Setback::NotAsked) => "not asked, the breaker is open".to_owned(),
            Some(Setback::Failed(text)) => text,
            None => {
                self.problem.iter_mut().for_each(|problem| problem.is_over = true);
                return;
            }
        };
        let since = self.problem.as_ref().filter(|_| is_known).map_or(now, |problem| problem.since);
        self.problem = Some(Problem { text, since, is_over: false });
    }
}

impl<V> Default for Seen<V> {
    fn default() -> Self {
        Self { phase: Phase::Pending, value: None, problem: None, loaded: None, settled: None }
    }
}

#[cfg(test)]
mod tests;
