//! How a query of a page has ended, and how old its answer is.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use cache_client::{Answer, App, Context, Fetch, QueryError};
use cache_core::{Holds, Moment};

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
    /// When the answer was true.
    as_of: Moment,
    /// How long the answer is fresh, if it has a time of its own.
    pub(crate) fresh: Option<Duration>,
    pub(crate) is_stale: bool,
}

impl Age {
    /// The age now.
    pub(crate) fn at(&self, now: Moment) -> Duration {
        now.since(self.as_of)
    }

    /// The age of an answer that was just received and is not dated, in a page that began at `began`.
    fn of<A: App, Q: Fetch<A>>(cx: &Context<A>, query: &Q, value: &Arc<Q::Value>, began: Moment) -> Self
    where
        A::Registry: Holds<Q>,
    {
        match cx.client().cached_entry(query) {
            Some((cached, state, is_stale)) if Arc::ptr_eq(&cached, value) => {
                let fresh = state.fresh_for.filter(|_| state.has_own_fresh);
                Self { as_of: state.as_of, fresh, is_stale }
            }
            // Not stored, or not the stored one: then the cache has something else, which the browser should load. The
            // answer is as old as the page at most.
            other => Self { as_of: began, fresh: None, is_stale: other.is_some() },
        }
    }
}

impl Outcome {
    /// The outcome of a query that has just been answered, in a page that began at `began`. A dated answer is fresh by
    /// the times of its query.
    #[inline]
    pub(crate) fn of<A: App, Q: Fetch<A>>(
        cx: &Context<A>,
        query: &Q,
        (answer, as_of): (&Answer<A, Q>, Option<Moment>),
        began: Moment,
    ) -> Self
    where
        A::Registry: Holds<Q>,
    {
        match answer {
            Ok(value) => {
                let age = match as_of {
                    Some(as_of) => Age { as_of, fresh: None, is_stale: false },
                    None => Age::of(cx, query, value, began),
                };
                Self::Value { value: Arc::clone(value) as _, age }
            }
            Err(error) if error.is_interrupted() => Self::Interrupted,
            Err(QueryError::Failed { source, .. }) => Self::Failed(source.to_string()),
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}
