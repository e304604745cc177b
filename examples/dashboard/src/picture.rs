//! What is shown at one moment: numbers and texts, ready to draw. Knows neither colours nor places.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::dashboard::{Breaker, Dashboard};
use crate::model::{Comments, FeedPage, Stats, Story};
use crate::observed::{Observed, Phase};

/// What is shown.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Address of the newsroom.
    pub address: String,
    /// How often it is queried.
    pub every: String,
    /// Whether the queries are paused.
    pub is_paused: bool,
    /// How each query is doing.
    pub rows: Vec<Row>,
    /// The state of the circuit breaker.
    pub breaker: ShownBreaker,
    /// The present error: that of the query that failed first.
    pub problem: Option<String>,
    /// Numbers of articles, authors and comments.
    pub stats: Option<Arc<Stats>>,
    /// Number of the page of the list.
    pub page: usize,
    /// The page of the list.
    pub feed: Option<Arc<FeedPage>>,
    /// Position of the selected article.
    pub place: Option<usize>,
    /// The article. `Some(None)` inside if there is no such article.
    pub story: Option<Arc<Option<Story>>>,
    /// The comments on it.
    pub comments: Option<Arc<Option<Comments>>>,
}

/// How a query is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The query, as text.
    pub name: String,
    /// The state of the query.
    pub phase: Phase,
    /// How old the answer is.
    pub age: String,
    /// When it is queried again.
    pub next: String,
    /// The last error.
    pub problem: String,
    /// Whether there was an answer after the error.
    pub is_over: bool,
}

/// The state of a circuit breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownBreaker {
    /// Allows all loads.
    Closed,
    /// Rejects all loads for this long.
    Open(String),
    /// Allows the next load.
    Due,
    /// Has allowed one load, whose result closes or opens it.
    Trying,
}

/// Shown in place of an absent value.
const NOTHING: &str = "-";

impl Picture {
    /// The picture of a dashboard.
    #[must_use]
    pub fn of(dashboard: &Dashboard, now: Instant) -> Self {
        let Dashboard { options, stats, feed, article, comments, .. } = dashboard;
        let moment = Moment { every: options.every, is_paused: dashboard.is_paused, now };
        let (id, page) = (dashboard.article_query().map(|query| query.id), dashboard.page());
        let about = |what: &str| id.map_or_else(|| what.to_owned(), |id| format!("{what} {id}"));
        let problems = [problem(stats), problem(feed), problem(article), problem(comments)];
        Self {
            address: options.address.to_string(),
            every: exact(options.every),
            is_paused: dashboard.is_paused,
            rows: vec![
                moment.row("stats".to_owned(), stats),
                moment.row(format!("feed, page {page}"), feed),
                moment.row(about("article"), article),
                moment.row(about("comments"), comments),
            ],
            breaker: breaker(dashboard.breaker, now),
            problem: problems.into_iter().flatten().min_by_key(|(since, _)| *since).map(|(_, text)| text),
            stats: stats.value.clone(),
            page,
            feed: feed.value.clone(),
            place: dashboard.place(),
            story: article.value.clone(),
            comments: comments.value.clone(),
        }
    }
}

/// The time of a picture, and the state that it depends on.
struct Moment {
    every: Duration,
    is_paused: bool,
    now: Instant,
}

impl Moment {
    fn row<V>(&self, name: String, observed: &Observed<V>) -> Row {
        let ago = |since: Instant| about(self.now.saturating_duration_since(since));
        let problem = observed.problem.as_ref().map(|problem| match problem.is_over {
            true => format!("{} ago: {}", ago(problem.since), problem.text),
            false => problem.text.clone(),
        });
        Row {
            name,
            phase: observed.phase,
            age: observed.age(self.now).map_or_else(|| NOTHING.to_owned(), about),
            next: self.next(observed),
            problem: problem.unwrap_or_else(|| NOTHING.to_owned()),
            is_over: observed.problem.as_ref().is_none_or(|problem| problem.is_over),
        }
    }

    fn next<V>(&self, observed: &Observed<V>) -> String {
        match observed.until_next(self.every, self.now) {
            _ if self.is_paused => "paused".to_owned(),
            Some(time) if time.is_zero() => "now".to_owned(),
            Some(time) => format!("in {}", until(time)),
            None => NOTHING.to_owned(),
        }
    }
}

fn breaker(breaker: Breaker, now: Instant) -> ShownBreaker {
    match breaker {
        Breaker::Closed => ShownBreaker::Closed,
        Breaker::Open { until } if until <= now => ShownBreaker::Due,
        Breaker::Open { until: end } => ShownBreaker::Open(until(end - now)),
        Breaker::Trying => ShownBreaker::Trying,
    }
}

/// The present error, and since when.
fn problem<V>(observed: &Observed<V>) -> Option<(Instant, String)> {
    let problem = observed.problem.as_ref().filter(|problem| !problem.is_over)?;
    Some((problem.since, problem.text.clone()))
}

/// How long ago something was, rounded down to the second.
fn about(time: Duration) -> String {
    match time.as_secs() {
        0 => "<1s".to_owned(),
        seconds => spelled(seconds),
    }
}

/// How long until something happens, rounded up.
fn until(time: Duration) -> String {
    spelled(time.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX))
}

fn spelled(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{minutes}m {:02}s", seconds % 60),
        _ => format!("{hours}h {:02}m", minutes % 60),
    }
}

/// A time from the command line, not rounded.
fn exact(time: Duration) -> String {
    match time.subsec_millis() {
        0 => spelled(time.as_secs()),
        _ => format!("{time:?}"),
    }
}

#[cfg(test)]
mod tests;
