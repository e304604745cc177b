//! A program whose loads fail as a test tells them to, and note when they were begun.

use crate::lab::takes;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use cache_client::{App, Client, ClientBuilder, Context, Fetch, QueryError, TokioClock};
use cache_core::{Cache, Query, registry};
use parking_lot::Mutex;
use tokio::time::Instant;

pub use crate::lab::ask;

/// The value is the number of the load of its key, from 1 on.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetShaky(pub u32);

/// Is tried again once.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", retry = 1)]
pub struct GetOnceMore(pub u32);

/// Is tried again three times, after at most 4 s, 12 s and 20 s.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
#[query(retry = 3, retry_first = "4s", retry_factor = 3, retry_longest = "20s")]
pub struct GetPaced(pub u32);

/// The number of the load of a part of its own, which it asks for before it is loaded itself.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetWhole(pub u32);

/// With a breaker of its own.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", breaker)]
pub struct GetGuarded(pub u32);

/// Printed nowhere.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", secret)]
pub struct GetSecret(pub u32);

/// With a breaker of its own, and nothing said of what counts.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", breaker)]
pub struct GetGuardedPlainly(pub u32);

/// With a breaker of its own, and stale values that may stand in.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", stale_if_error = "60s", error_ttl = "5s", breaker)]
pub struct GetGuardedForgiven(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", breaker = "shared")]
pub struct GetShared(pub u32);

/// As a [`GetWhole`] of a [`GetShared`], both with the same breaker.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", breaker = "shared")]
pub struct GetSharedWhole(pub u32);

/// Is 1,000 when its load fails, unless the error is final.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetBacked(pub u32);

/// As a [`GetBacked`], with stale values that may stand in, and errors that are answers for a while.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", stale_if_error = "60s", error_ttl = "5s")]
pub struct GetBackedForgiven(pub u32);

/// One more than a [`GetBacked`].
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetBackedWhole(pub u32);

registry! {
    pub struct ShakyRegistry {
        crate::shaky::GetShaky,
        crate::shaky::GetOnceMore,
        crate::shaky::GetPaced,
        crate::shaky::GetWhole,
        crate::shaky::GetGuarded,
        crate::shaky::GetGuardedForgiven,
        crate::shaky::GetGuardedPlainly,
        crate::shaky::GetSecret,
        crate::shaky::GetShared,
        crate::shaky::GetSharedWhole,
        crate::shaky::GetBacked,
        crate::shaky::GetBackedForgiven,
        crate::shaky::GetBackedWhole,
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ShakyError {
    #[error("may pass")]
    Passing,
    #[error("may pass after {0:?}")]
    Busy(Duration),
    #[error("final")]
    Final,
    /// Nobody can say whether it may pass.
    #[error("baffling")]
    Baffling,
    #[error(transparent)]
    Query(#[from] QueryError<ShakyError>),
}

/// What a load does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Answer,
    /// Answers after a time.
    Slow(Duration),
    Pass,
    Busy(Duration),
    Fail,
    Baffle,
    Panic,
    Never,
    /// Cancels its own context, and fails with what may pass.
    Quit,
}

/// Loads that were begun of each key, with what the next ones do; then they answer.
#[derive(Debug, Default)]
pub struct Shaky {
    loads: Mutex<HashMap<(&'static str, u32), Vec<Instant>>>,
    steps: Mutex<HashMap<(&'static str, u32), VecDeque<Step>>>,
}

impl App for Shaky {
    type Registry = ShakyRegistry;
}

pub trait Numbered: Query {
    fn number(&self) -> u32;
}

impl Shaky {
    pub fn loads<Q: Numbered>(&self, query: &Q) -> usize {
        self.times(query).len()
    }

    /// When each load of a key was begun.
    pub fn times<Q: Numbered>(&self, query: &Q) -> Vec<Instant> {
        self.loads.lock().get(&(Q::NAME, query.number())).cloned().unwrap_or_default()
    }

    /// Has the next loads of a key do this, one after the other.
    pub fn script<Q: Numbered>(&self, query: &Q, steps: impl IntoIterator<Item = Step>) {
        self.steps.lock().insert((Q::NAME, query.number()), steps.into_iter().collect());
    }

    async fn load<Q: Numbered>(&self, query: &Q, cx: &Context<Self>) -> Result<usize, ShakyError> {
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
            Step::Pass => Err(ShakyError::Passing),
            Step::Busy(time) => Err(ShakyError::Busy(time)),
            Step::Fail => Err(ShakyError::Final),
            Step::Baffle => Err(ShakyError::Baffling),
            Step::Panic => panic!("the ground shakes"),
            Step::Never => std::future::pending().await,
            Step::Quit => {
                cx.cancel();
                Err(ShakyError::Passing)
            }
        }
    }
}

fn may_pass(error: &ShakyError) -> bool {
    assert!(!matches!(error, ShakyError::Baffling), "who knows");
    matches!(error, ShakyError::Passing | ShakyError::Busy(_))
}

fn wait_asked_for(error: &ShakyError) -> Option<Duration> {
    match error {
        ShakyError::Busy(time) => Some(*time),
        _ => None,
    }
}

macro_rules! numbered {
    ($($query:ident),*) => {
        $(impl Numbered for $query {
            fn number(&self) -> u32 {
                self.0
            }
        })*
    };
}

macro_rules! shaky {
    ($($query:ident),*) => {
        numbered!($($query),*);
        $(impl Fetch<Shaky> for $query {
            type Error = ShakyError;

            async fn fetch(&self, cx: &Context<Shaky>) -> Result<usize, ShakyError> {
                cx.app().load(self, cx).await
            }

            fn is_retryable(error: &ShakyError) -> bool {
                may_pass(error)
            }

            fn retry_after(error: &ShakyError) -> Option<Duration> {
                wait_asked_for(error)
            }

            fn counts_as_failure(_: &ShakyError) -> bool {
                true
            }
        })*
    };
}

shaky!(GetShaky, GetSecret, GetOnceMore, GetPaced, GetGuarded, GetGuardedForgiven, GetShared);
numbered!(GetWhole, GetSharedWhole, GetBacked, GetBackedForgiven, GetGuardedPlainly);

impl Fetch<Shaky> for GetGuardedPlainly {
    type Error = ShakyError;

    async fn fetch(&self, cx: &Context<Shaky>) -> Result<usize, ShakyError> {
        cx.app().load(self, cx).await
    }

    fn is_retryable(error: &ShakyError) -> bool {
        may_pass(error)
    }

    fn is_expected(error: &ShakyError) -> bool {
        matches!(error, ShakyError::Final)
    }
}

impl Fetch<Shaky> for GetWhole {
    type Error = ShakyError;

    async fn fetch(&self, cx: &Context<Shaky>) -> Result<usize, ShakyError> {
        let part = cx.query(&GetShaky(self.0)).await?;
        cx.app().load(self, cx).await?;
        Ok(*part)
    }

    fn is_retryable(error: &ShakyError) -> bool {
        may_pass(error)
    }

    fn retry_after(error: &ShakyError) -> Option<Duration> {
        wait_asked_for(error)
    }
}

impl Fetch<Shaky> for GetSharedWhole {
    type Error = ShakyError;

    async fn fetch(&self, cx: &Context<Shaky>) -> Result<usize, ShakyError> {
        let part = cx.query(&GetShared(self.0)).await?;
        cx.app().load(self, cx).await?;
        Ok(*part)
    }

    fn counts_as_failure(_: &ShakyError) -> bool {
        true
    }
}

macro_rules! backed {
    ($($query:ident),*) => {
        $(impl Fetch<Shaky> for $query {
            type Error = ShakyError;

            async fn fetch(&self, cx: &Context<Shaky>) -> Result<usize, ShakyError> {
                cx.app().load(self, cx).await
            }

            fn is_retryable(error: &ShakyError) -> bool {
                may_pass(error)
            }

            fn fallback(&self, error: &QueryError<ShakyError>) -> Option<usize> {
                match error {
                    QueryError::Failed { source, .. } if matches!(**source, ShakyError::Final) => None,
                    _ => Some(1_000),
                }
            }
        })*
    };
}

backed!(GetBacked, GetBackedForgiven);

impl Fetch<Shaky> for GetBackedWhole {
    type Error = ShakyError;

    async fn fetch(&self, cx: &Context<Shaky>) -> Result<usize, ShakyError> {
        Ok(*cx.query(&GetBacked(self.0)).await? + 1)
    }
}

pub fn builder() -> ClientBuilder<Shaky> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, Shaky::default())
}

pub fn shaky() -> Client<Shaky> {
    builder().build()
}
