//! A hit allocates nothing. This is a separate test binary with a single test, since the allocator counts for the whole
//! process.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::alloc::System;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Query, registry};
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait};

#[global_allocator]
static ALLOCATOR: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A key that owns memory, so that a copy of it is counted.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 100, fresh = "1h")]
pub struct GetByName(String);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 100, ttl = "1h")]
pub struct GetTimed(String);

registry! {
    pub struct Names { crate::GetByName, crate::GetTimed }
}

struct Nobody;

impl App for Nobody {
    type Registry = Names;
}

impl Fetch<Nobody> for GetByName {
    type Error = std::convert::Infallible;

    async fn fetch(&self, _: &Context<Nobody>) -> Result<u64, Self::Error> {
        Ok(0)
    }
}

impl Fetch<Nobody> for GetTimed {
    type Error = std::convert::Infallible;

    async fn fetch(&self, _: &Context<Nobody>) -> Result<u64, Self::Error> {
        Ok(0)
    }
}

/// The output of a future that is ready on its first poll.
#[track_caller]
fn ready_output<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a hit is not pending"),
    }
}

#[test]
fn a_hit_allocates_nothing() {
    let hour = Duration::from_secs(3_600);
    let cache = Cache::<Names>::new();
    let (named, timed) = (GetByName("seven".into()), GetTimed("eight".into()));
    cache.insert(named.clone(), 7);
    cache.insert(timed.clone(), 8);
    let plain = Client::builder(cache.clone(), Nobody).build();
    let set = Client::builder(cache, Nobody).query::<GetByName>(|options| options.fresh(hour)).build();
    let tree = plain.request("tree");
    ready_output(tree.query(&named)).unwrap();
    let hits = || {
        assert_eq!(*ready_output(plain.query(&named)).unwrap(), 7);
        assert_eq!(*ready_output(plain.query(&timed)).unwrap(), 8);
        assert_eq!(*ready_output(set.query(&named)).unwrap(), 7);
        assert_eq!(*ready_output(set.query_with(&named, |options| options.fresh(hour))).unwrap(), 7);
        assert_eq!(*ready_output(tree.query(&named)).unwrap(), 7);
        black_box(plain.cached(&named));
    };
    hits();
    // The test harness may allocate in some rounds. A hit that allocates does so in each round.
    let least = (0..100).map(|_| {
        ALLOCATOR.reset_peak_memory();
        let before = ALLOCATOR.get_peak_memory();
        hits();
        ALLOCATOR.get_peak_memory() - before
    });
    assert_eq!(least.min(), Some(0));
}
