//! An app with batched queries, which records its batches and follows the scripts of a test.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::numbered::{Numbered, numbered};
use cache_client::{App, Client, ClientBuilder, Context, Fetch, FetchMany, QueryError, TokioClock};
use cache_core::{Cache, Query, registry};
use parking_lot::Mutex;

/// The value is the number of the load of its key, counted from 1.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", batch = 25)]
pub struct GetItem(pub u32);

/// Uses the default maximum.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", batch)]
pub struct GetCrate(pub u32);

/// Has its own breaker.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", batch, breaker)]
pub struct GetGuardedItem(pub u32);

/// Has its own breaker and the default `counts_as_failure`.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", batch, breaker)]
pub struct GetPlainlyGuardedItem(pub u32);

/// Ten times the item of the same number. The batch queries all items concurrently.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", batch)]
pub struct GetBox(pub u32);

/// Its load takes no time.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", batch = 25)]
pub struct GetQuick(pub u32);

/// A batch queries its own first key.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", batch)]
pub struct GetRound(pub u32);

/// Not batched: the sum of two items, which are queried one after the other.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetPair(pub u32, pub u32);

registry! {
    pub struct BatchingRegistry {
        crate::batching::GetItem,
        crate::batching::GetCrate,
        crate::batching::GetGuardedItem,
        crate::batching::GetPlainlyGuardedItem,
        crate::batching::GetBox,
        crate::batching::GetQuick,
        crate::batching::GetRound,
        crate::batching::GetPair,
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BatchingError {
    #[error("may pass")]
    Passing,
    #[error("final")]
    Final,
    #[error(transparent)]
    Query(#[from] QueryError<BatchingError>),
}

/// What the load of a key does, either to the key or to its whole batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The key fails with a retryable error.
    Pass,
    /// The key fails with a permanent error.
    Fail,
    /// The batch panics.
    Panic,
    /// The batch never ends.
    Never,
    /// The batch cancels its context and returns its answers.
    Quit,
    /// The batch returns one answer too few.
    Short,
    /// The batch returns one answer too many.
    Long,
}

/// How long a batch takes.
pub const CALL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct BatchingApp {
    calls: Mutex<Vec<(&'static str, Vec<u32>)>>,
    steps: Mutex<HashMap<(&'static str, u32), VecDeque<Step>>>,
    loads: Mutex<HashMap<(&'static str, u32), usize>>,
    dropped: AtomicUsize,
    /// The context of the last batch of quick keys, which outlives the batch.
    pub kept: Mutex<Option<Context<BatchingApp>>>,
}

impl App for BatchingApp {
    type Registry = BatchingRegistry;
}

impl BatchingApp {
    /// The keys of each batch of a query, in the order of the batches.
    pub fn calls<Q: Numbered>(&self) -> Vec<Vec<u32>> {
        self.calls.lock().iter().filter(|(name, _)| *name == Q::NAME).map(|(_, keys)| keys.clone()).collect()
    }

    /// The number of keys in each batch of a query.
    pub fn sizes<Q: Numbered>(&self) -> Vec<usize> {
        self.calls::<Q>().iter().map(Vec::len).collect()
    }

    /// The number of batches that were dropped before they ended.
    pub fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    /// Scripts the next loads of a key, one step per load. Later loads answer.
    pub fn script<Q: Numbered>(&self, query: &Q, steps: impl IntoIterator<Item = Step>) {
        self.steps.lock().insert((Q::NAME, query.number()), steps.into_iter().collect());
    }

    fn begin<Q: Numbered>(&self, keys: &[Q]) -> Vec<(usize, Option<Step>)> {
        self.calls.lock().push((Q::NAME, keys.iter().map(Q::number).collect()));
        let (mut loads, mut steps) = (self.loads.lock(), self.steps.lock());
        let mut begin = |key: &Q| {
            let at = (Q::NAME, key.number());
            let number = loads.entry(at).or_default();
            *number += 1;
            (*number, steps.get_mut(&at).and_then(VecDeque::pop_front))
        };
        keys.iter().map(&mut begin).collect()
    }

    async fn load<Q: Numbered>(&self, keys: &[Q], cx: &Context<Self>) -> Vec<Result<usize, BatchingError>> {
        let begun = self.begin(keys);
        let does = |step: Step| begun.iter().any(|(_, other)| *other == Some(step));
        let mut guard = Guard { app: self, is_done: false };
        crate::scripted::takes(CALL).await;
        if does(Step::Never) {
            std::future::pending::<()>().await;
        }
        guard.is_done = true;
        assert!(!does(Step::Panic), "the batch load panics");
        if does(Step::Quit) {
            cx.cancel();
        }
        let mut answers: Vec<_> = begun
            .iter()
            .map(|(number, step)| match step {
                Some(Step::Pass) => Err(BatchingError::Passing),
                Some(Step::Fail) => Err(BatchingError::Final),
                _ => Ok(*number),
            })
            .collect();
        if does(Step::Short) {
            answers.pop();
        }
        if does(Step::Long) {
            answers.push(Ok(0));
        }
        answers
    }
}

struct Guard<'a> {
    app: &'a BatchingApp,
    is_done: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.app.dropped.fetch_add(usize::from(!self.is_done), Ordering::SeqCst);
    }
}

macro_rules! loaded {
    ($($query:ident),*) => {
        numbered!($($query),*);
        $(impl FetchMany<BatchingApp> for $query {
            type Error = BatchingError;

            async fn fetch_many(keys: &[Self], cx: &Context<BatchingApp>) -> Vec<Result<usize, BatchingError>> {
                cx.app().load(keys, cx).await
            }

            fn is_retryable(error: &BatchingError) -> bool {
                matches!(error, BatchingError::Passing)
            }

            fn counts_as_failure(_: &BatchingError) -> bool {
                true
            }

            fn fallback(&self, error: &QueryError<BatchingError>) -> Option<usize> {
                (self.0 >= 1_000 && !error.is_interrupted()).then_some(0)
            }
        })*
    };
}

loaded!(GetItem, GetCrate, GetGuardedItem);
numbered!(GetBox, GetQuick, GetRound, GetPair, GetPlainlyGuardedItem);

impl FetchMany<BatchingApp> for GetPlainlyGuardedItem {
    type Error = BatchingError;

    async fn fetch_many(keys: &[Self], cx: &Context<BatchingApp>) -> Vec<Result<usize, BatchingError>> {
        cx.app().load(keys, cx).await
    }
}

impl FetchMany<BatchingApp> for GetBox {
    type Error = BatchingError;

    async fn fetch_many(keys: &[Self], cx: &Context<BatchingApp>) -> Vec<Result<usize, BatchingError>> {
        cx.app().begin(keys);
        let items: Vec<_> = keys.iter().map(|key| GetItem(key.0)).collect();
        let items = cx.query_all(&items).await;
        items.into_iter().map(|item| Ok(*item? * 10)).collect()
    }
}

impl FetchMany<BatchingApp> for GetQuick {
    type Error = BatchingError;

    async fn fetch_many(keys: &[Self], cx: &Context<BatchingApp>) -> Vec<Result<usize, BatchingError>> {
        *cx.app().kept.lock() = Some(cx.clone());
        cx.app().begin(keys).into_iter().map(|(number, _)| Ok(number)).collect()
    }
}

impl FetchMany<BatchingApp> for GetRound {
    type Error = BatchingError;

    async fn fetch_many(keys: &[Self], cx: &Context<BatchingApp>) -> Vec<Result<usize, BatchingError>> {
        cx.app().begin(keys);
        let first = match cx.query(&keys[0]).await {
            Ok(_) => panic!("the query of its own key succeeded"),
            Err(error) => error,
        };
        keys.iter().map(|_| Err(first.clone().into())).collect()
    }
}

impl Fetch<BatchingApp> for GetPair {
    type Error = BatchingError;

    async fn fetch(&self, cx: &Context<BatchingApp>) -> Result<usize, BatchingError> {
        Ok(*cx.query(&GetItem(self.0)).await? + *cx.query(&GetItem(self.1)).await?)
    }
}

pub fn builder() -> ClientBuilder<BatchingApp> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, BatchingApp::default())
}

pub fn batching_client() -> Client<BatchingApp> {
    builder().build()
}

/// A client whose loads end with their last caller.
pub fn batching_client_without_linger() -> Client<BatchingApp> {
    builder().defaults(|options| options.linger(Duration::ZERO)).build()
}

pub fn items(numbers: impl IntoIterator<Item = u32>) -> Vec<GetItem> {
    numbers.into_iter().map(GetItem).collect()
}
