//! An app whose loads fail as scripted by a test. It records when each load starts.

use crate::numbered::{Numbered, numbered};
use crate::scripted::takes;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use cache_client::{App, Client, ClientBuilder, Context, Fetch, QueryError, TokioClock};
use cache_core::{Cache, Query, registry};
use parking_lot::Mutex;
use tokio::time::Instant;

pub use crate::scripted::spawn_query;

/// The value is the number of the load of its key, counted from 1.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetFlaky(pub u32);

/// Is retried once.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", retry = 1)]
pub struct GetOnceMore(pub u32);

/// Is retried three times, after at most 4 s, 12 s and 20 s.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
#[query(retry = 3, retry_first = "4s", retry_factor = 3, retry_longest = "20s")]
pub struct GetPaced(pub u32);

/// The number of the load of its part, which its load queries first.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetWhole(pub u32);

/// Has its own breaker.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", breaker)]
pub struct GetGuarded(pub u32);

/// A secret query, whose key is never printed.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", secret)]
pub struct GetSecret(pub u32);

/// Has its own breaker and the default `counts_as_failure`.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", breaker)]
pub struct GetGuardedPlainly(pub u32);

/// Has its own breaker, and allows stale values as substitutes.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", stale_if_error = "60s", error_ttl = "5s", breaker)]
pub struct GetGuardedForgiven(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", breaker = "shared")]
pub struct GetShared(pub u32);

/// Like [`GetWhole`], with a [`GetShared`] as its part. Both share one breaker.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", breaker = "shared")]
pub struct GetSharedWhole(pub u32);

/// Falls back to 1,000 when its load fails, unless the error is final.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetBacked(pub u32);

/// Like [`GetBacked`], but allows stale values as substitutes and remembers errors for a while.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", stale_if_error = "60s", error_ttl = "5s")]
pub struct GetBackedForgiven(pub u32);

/// One more than a [`GetBacked`].
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetBackedWhole(pub u32);

registry! {
    pub struct FlakyRegistry {
        crate::flaky::GetFlaky,
        crate::flaky::GetOnceMore,
        crate::flaky::GetPaced,
        crate::flaky::GetWhole,
        crate::flaky::GetGuarded,
        crate::flaky::GetGuardedForgiven,
        crate::flaky::GetGuardedPlainly,
        crate::flaky::GetSecret,
        crate::flaky::GetShared,
        crate::flaky::GetSharedWhole,
        crate::flaky::GetBacked,
        crate::flaky::GetBackedForgiven,
        crate::flaky::GetBackedWhole,
    }
}

#[derive(Debug, thiserror::Error)]
pub enum FlakyError {
    #[error("may pass")]
    Passing,
    #[error("busy, retry after {0:?}")]
    Busy(Duration),
    #[error("final")]
    Final,
    /// `is_retryable` panics for this error.
    #[error("unclassifiable")]
    Unclassifiable,
    #[error(transparent)]
    Query(#[from] QueryError<FlakyError>),
}

/// The script of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Answer,
    /// Answers after this time.
    Slow(Duration),
    Pass,
    /// Fails with a retryable error after this time.
    SlowPass(Duration),
    Busy(Duration),
    Fail,
    FailUnclassifiable,
    Panic,
    Never,
    /// Cancels its own context and fails with a retryable error.
    Quit,
}

/// The starts of the loads of each key, and the scripted steps of the next ones. Loads without a step answer.
#[derive(Debug, Default)]
pub struct FlakyApp {
    loads: Mutex<HashMap<(&'static str, u32), Vec<Instant>>>,
    steps: Mutex<HashMap<(&'static str, u32), VecDeque<Step>>>,
}

impl App for FlakyApp {
    type Registry = FlakyRegistry;
}

impl FlakyApp {
    pub fn loads<Q: Numbered>(&self, query: &Q) -> usize {
        self.times(query).len()
    }

    /// The start of each load of a key.
    pub fn times<Q: Numbered>(&self, query: &Q) -> Vec<Instant> {
        self.loads.lock().get(&(Q::NAME, query.number())).cloned().unwrap_or_default()
    }

    /// Scripts the next loads of a key, one step per load.
    pub fn script<Q: Numbered>(&self, query: &Q, steps: impl IntoIterator<Item = Step>) {
        self.steps.lock().insert((Q::NAME, query.number()), steps.into_iter().collect());
    }

    async fn load<Q: Numbered>(&self, query: &Q, cx: &Context<Self>) -> Result<usize, FlakyError> {
        let at = (Q::NAME, query.number());
        let number = {
            let mut loads = self.loads.lock();
            let times = loads.entry(at).or_default();
            times.push(Instant::now());
            times.len()
        };
        let step = self.steps.lock().get_mut(&at).and_then(VecDeque::pop_front).unwrap_or(Step::Answer);
        match step {
            Step::Answer => Ok(number),
            Step::Slow(time) => {
                takes(time).await;
                Ok(number)
            }
            Step::Pass => Err(FlakyError::Passing),
            Step::SlowPass(time) => {
                takes(time).await;
                Err(FlakyError::Passing)
            }
            Step::Busy(time) => Err(FlakyError::Busy(time)),
            Step::Fail => Err(FlakyError::Final),
            Step::FailUnclassifiable => Err(FlakyError::Unclassifiable),
            Step::Panic => panic!("the load panics"),
            Step::Never => std::future::pending().await,
            Step::Quit => {
                cx.cancel();
                Err(FlakyError::Passing)
            }
        }
    }
}

fn is_transient(error: &FlakyError) -> bool {
    assert!(!matches!(error, FlakyError::Unclassifiable), "cannot classify the error");
    matches!(error, FlakyError::Passing | FlakyError::Busy(_))
}

fn requested_wait(error: &FlakyError) -> Option<Duration> {
    match error {
        FlakyError::Busy(time) => Some(*time),
        _ => None,
    }
}

macro_rules! flaky {
    ($($query:ident),*) => {
        numbered!($($query),*);
        $(impl Fetch<FlakyApp> for $query {
            type Error = FlakyError;

            async fn fetch(&self, cx: &Context<FlakyApp>) -> Result<usize, FlakyError> {
                cx.app().load(self, cx).await
            }

            fn is_retryable(error: &FlakyError) -> bool {
                is_transient(error)
            }

            fn retry_after(error: &FlakyError) -> Option<Duration> {
                requested_wait(error)
            }

            fn counts_as_failure(_: &FlakyError) -> bool {
                true
            }
        })*
    };
}

flaky!(GetFlaky, GetSecret, GetOnceMore, GetPaced, GetGuarded, GetGuardedForgiven, GetShared);
numbered!(GetWhole, GetSharedWhole, GetBacked, GetBackedForgiven, GetGuardedPlainly);

impl Fetch<FlakyApp> for GetGuardedPlainly {
    type Error = FlakyError;

    async fn fetch(&self, cx: &Context<FlakyApp>) -> Result<usize, FlakyError> {
        cx.app().load(self, cx).await
    }

    fn is_retryable(error: &FlakyError) -> bool {
        is_transient(error)
    }

    fn is_expected(error: &FlakyError) -> bool {
        matches!(error, FlakyError::Final)
    }
}

impl Fetch<FlakyApp> for GetWhole {
    type Error = FlakyError;

    async fn fetch(&self, cx: &Context<FlakyApp>) -> Result<usize, FlakyError> {
        let part = cx.query(&GetFlaky(self.0)).await?;
        cx.app().load(self, cx).await?;
        Ok(*part)
    }

    fn is_retryable(error: &FlakyError) -> bool {
        is_transient(error)
    }

    fn retry_after(error: &FlakyError) -> Option<Duration> {
        requested_wait(error)
    }
}

impl Fetch<FlakyApp> for GetSharedWhole {
    type Error = FlakyError;

    async fn fetch(&self, cx: &Context<FlakyApp>) -> Result<usize, FlakyError> {
        let part = cx.query(&GetShared(self.0)).await?;
        cx.app().load(self, cx).await?;
        Ok(*part)
    }

    fn counts_as_failure(_: &FlakyError) -> bool {
        true
    }
}

macro_rules! backed {
    ($($query:ident),*) => {
        $(impl Fetch<FlakyApp> for $query {
            type Error = FlakyError;

            async fn fetch(&self, cx: &Context<FlakyApp>) -> Result<usize, FlakyError> {
                cx.app().load(self, cx).await
            }

            fn is_retryable(error: &FlakyError) -> bool {
                is_transient(error)
            }

            fn fallback(&self, error: &QueryError<FlakyError>) -> Option<usize> {
                match error {
                    QueryError::Failed { source, .. } if matches!(**source, FlakyError::Final) => None,
                    _ => Some(1_000),
                }
            }
        })*
    };
}

backed!(GetBacked, GetBackedForgiven);

impl Fetch<FlakyApp> for GetBackedWhole {
    type Error = FlakyError;

    async fn fetch(&self, cx: &Context<FlakyApp>) -> Result<usize, FlakyError> {
        Ok(*cx.query(&GetBacked(self.0)).await? + 1)
    }
}

pub fn builder() -> ClientBuilder<FlakyApp> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, FlakyApp::default())
}

pub fn flaky_client() -> Client<FlakyApp> {
    builder().build()
}
