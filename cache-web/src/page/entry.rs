//! How a query of a page has ended, and how old its answer is.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use cache_client::{Answer, App, Context, Fetch};
use cache_core::Holds;
use tokio::time::Instant;

/// How a query of a page has ended.
pub(crate) enum Outcome {
    Value {
        value: Arc<dyn Any + Send + Sync>,
        age: Age,
    },
    /// With the text of the error, which is sent only if the list says so.
    Failed(String),
    /// Nothing is known of the answer, so that the browser has to load it.
    Interrupted,
}

/// How old an answer is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age {
    /// The age at `at`.
    age: Duration,
    at: Instant,
    /// How long the answer is fresh, if it has a time of its own.
    pub(crate) fresh: Option<Duration>,
    pub(crate) is_stale: bool,
}

impl Age {
    /// The age now.
    pub(crate) fn at(&self, now: Instant) -> Duration {
        self.age + now.saturating_duration_since(self.at)
    }

    /// The age of an answer that was just received to a query that was made at `asked`.
    fn of<A: App, Q: Fetch<A>>(cx: &Context<A>, query: &Q, value: &Arc<Q::Value>, asked: Instant) -> Self
    where
        A::Registry: Holds<Q>,
    {
        let at = Instant::now();
        match cx.client().query_state(query) {
            Some(cached) if Arc::ptr_eq(&cached.value, value) => {
                let state = cx.client().cache().peek_entry(query).map(|entry| entry.state());
                let fresh = state.filter(|state| state.has_own_fresh).and_then(|state| state.fresh_for);
                Self { age: cached.age, at, fresh, is_stale: cached.is_stale }
            }
            // Not stored, or not the stored one: then the cache has something else, which the browser should load.
            other => Self { age: at - asked, at, fresh: None, is_stale: other.is_some() },
        }
    }
}

impl Outcome {
    /// The outcome of a query that was made at `asked`, and has just been answered.
    pub(crate) fn of<A: App, Q: Fetch<A>>(
        cx: &Context<A>,
        query: &Q,
        answer: &Answer<A, Q>,
        asked: Instant,
    ) -> Self
    where
        A::Registry: Holds<Q>,
    {
        match answer {
            Ok(value) => {
                let age = Age::of(cx, query, value, asked);
                Self::Value { value: Arc::clone(value) as _, age }
            }
            Err(error) if error.is_interrupted() => Self::Interrupted,
            Err(cache_client::QueryError::Failed { source, .. }) => Self::Failed(source.to_string()),
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}
