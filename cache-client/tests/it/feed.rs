//! A feed of slices, each with the cursors of the previous and the next one.

use std::collections::HashSet;

use cache_client::{App, Client, Context, Fetch, TokioClock};
use cache_core::{Cache, Query, registry};
use parking_lot::Mutex;

use crate::scripted::SECOND;

/// Each load takes a second.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Slice, capacity = 1_000, fresh = "10s", tags("feed"))]
pub struct GetSlice(pub i64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    pub at: i64,
    /// The number of slices that were loaded before this one.
    pub load: usize,
    pub before: Option<i64>,
    pub behind: Option<i64>,
    pub total: Option<u64>,
}

registry! {
    pub struct FeedRegistry {
        crate::feed::GetSlice,
    }
}

#[derive(Debug)]
pub struct Feed {
    pub shape: Mutex<Shape>,
    /// Slices whose loads fail.
    pub failing: Mutex<HashSet<i64>>,
    loads: Mutex<Vec<i64>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub first: i64,
    pub last: i64,
    /// The distance from one slice to the next.
    pub step: i64,
    pub total: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
#[error("the slice cannot be loaded")]
pub struct SliceError;

impl App for Feed {
    type Registry = FeedRegistry;
}

impl Feed {
    /// Takes the slices that were loaded since the last call.
    pub fn loads(&self) -> Vec<i64> {
        std::mem::take(&mut self.loads.lock())
    }
}

impl Fetch<Feed> for GetSlice {
    type Error = SliceError;

    async fn fetch(&self, cx: &Context<Feed>) -> Result<Slice, SliceError> {
        let feed = cx.app();
        let load = {
            let mut loads = feed.loads.lock();
            loads.push(self.0);
            loads.len() - 1
        };
        crate::scripted::takes(SECOND).await;
        if feed.failing.lock().contains(&self.0) {
            return Err(SliceError);
        }
        let Shape { first, last, step, total } = *feed.shape.lock();
        let neighbour = |at: i64| (first..=last).contains(&at).then_some(at);
        let (before, behind) = (neighbour(self.0 - step), neighbour(self.0 + step));
        Ok(Slice { at: self.0, load, before, behind, total })
    }
}

/// A client of a feed with the slices from `first` to `last`.
pub fn feed_client(first: i64, last: i64) -> Client<Feed> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    let shape = Mutex::new(Shape { first, last, step: 1, total: None });
    let (failing, loads) = (Mutex::default(), Mutex::default());
    Client::builder(cache, Feed { shape, failing, loads }).build()
}
