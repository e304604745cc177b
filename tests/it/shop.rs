//! Shared by the tests of transactions, hooks and listeners: a registry, a cache of it, an executor.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use cache_core::{Builder, Cache, CommitError, ManualClock, Merge, Query, Shape, registry};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    pub name: Option<&'static str>,
    pub job: Option<&'static str>,
    pub town: Option<&'static str>,
}

impl Merge for Person {
    fn merge(&mut self, newer: &Self) {
        self.name = newer.name.or(self.name);
        self.job = newer.job.or(self.job);
        self.town = newer.town.or(self.town);
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, capacity = 1_000, history = 2)]
pub struct GetPerson(pub u64);

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = i64, capacity = 10_000, persist)]
pub struct GetBalance(pub u32);

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = i64, capacity = 10_000, persist)]
pub struct GetTotal(pub u32);

/// Keeps nothing.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = str)]
pub struct GetNote(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = str, lru = 2, history = 1)]
pub struct GetRecent(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = str, ttl = "10s", fresh = "5s", history = 1)]
pub struct GetQuote(pub u32);

registry! {
    pub struct Shop {
        GetPerson,
        GetBalance,
        GetTotal,
        GetNote,
        GetRecent,
        GetQuote,
    }
}

pub const SECOND: Duration = Duration::from_secs(1);

pub fn shop() -> Cache<Shop> {
    Cache::new()
}

/// Returns a cache whose clock the test moves.
#[track_caller]
pub fn timed(change: impl FnOnce(Builder<Shop>) -> Builder<Shop>) -> (Cache<Shop>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    clock.advance(1_000 * SECOND);
    (change(Cache::builder().clock(Arc::clone(&clock))).build().unwrap(), clock)
}

#[track_caller]
pub fn balance(cache: &Cache<Shop>, id: u32) -> i64 {
    *cache.get(&GetBalance(id)).expect("the balance is present")
}

/// Returns table and key of a conflict.
#[track_caller]
pub fn conflict<T>(result: Result<T, CommitError>) -> (&'static str, String) {
    match result {
        Err(CommitError::Conflict { table, key }) => (table, key),
        Err(error) => panic!("not a conflict: {error}"),
        Ok(_) => panic!("committed"),
    }
}

/// Records what happened, in order, from any thread.
#[derive(Clone, Debug)]
pub struct EventLog<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> EventLog<T> {
    pub fn new() -> Self {
        Self(Arc::default())
    }

    pub fn note(&self, what: T) {
        self.0.lock().unwrap().push(what);
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Returns all records since the last call.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// A minimal executor: polls on this thread, and parks it in between.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    }
}
