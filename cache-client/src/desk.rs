//! What a client keeps for one query: its flights, its errors, what is observed, how long its loads take. Found by the place
//! of its table.

use std::any::TypeId;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_core::Tag;
use cache_core::client_support::AnyKey;

use crate::batch::gathering::Gathering;
use crate::board::Flights;
use crate::concurrency::ConcurrencyLimit;
use crate::failures::Failures;
use crate::layer::stack::Stacks;
use crate::observer::post::{Posts, Reload};

/// Everything about the loads of one query.
pub(crate) struct Desk {
    query: TypeId,
    pub(crate) flights: Flights,
    pub(crate) failures: Failures,
    pub(crate) posts: Posts,
    pub(crate) stacks: Stacks,
    /// Keys that are about to be loaded together.
    pub(crate) gathering: Arc<Gathering>,
    /// Of the loads that run at once, if the options say one.
    limit: OnceLock<Option<Arc<ConcurrencyLimit>>>,
    /// Nanoseconds, a running mean.
    load_time: AtomicU64,
}

impl Desk {
    fn new(query: TypeId) -> Self {
        Self {
            query,
            flights: Flights::default(),
            failures: Failures::default(),
            posts: Posts::default(),
            stacks: Stacks::default(),
            gathering: Arc::default(),
            limit: OnceLock::new(),
            load_time: AtomicU64::new(0),
        }
    }

    /// The limit of the loads that run at once; `most` is asked by the first call.
    pub(crate) fn limit(&self, most: impl FnOnce() -> Option<u32>) -> Option<Arc<ConcurrencyLimit>> {
        self.limit.get_or_init(|| most().map(ConcurrencyLimit::new)).clone()
    }

    pub(crate) fn load_time(&self) -> Duration {
        Duration::from_nanos(self.load_time.load(Ordering::Relaxed))
    }

    /// Counts a load into the mean; the last few weigh most.
    pub(crate) fn note_load_time(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let old = self.load_time.load(Ordering::Relaxed);
        let mean = if old == 0 { time } else { old - old / 4 + time / 4 };
        self.load_time.store(mean, Ordering::Relaxed);
    }
}

/// The desks of a client, by the places of the tables. Each is made at the first load of its query.
pub(crate) struct Desks(Box<[OnceLock<Arc<Desk>>]>);

impl Desks {
    /// None yet, for so many tables.
    pub(crate) fn new(tables: usize) -> Self {
        Self((0..tables).map(|_| OnceLock::new()).collect())
    }

    /// The desk of a table, if its query was ever loaded.
    pub(crate) fn existing(&self, table: usize) -> Option<&Arc<Desk>> {
        self.0[table].get()
    }

    /// The same for a query whose table the caller does not know.
    pub(crate) fn existing_of(&self, query: TypeId) -> Option<&Arc<Desk>> {
        self.made().find(|desk| desk.query == query)
    }

    /// The desk of a table, which is that of this query.
    pub(crate) fn of(&self, table: usize, query: TypeId) -> &Arc<Desk> {
        self.0[table].get_or_init(|| Arc::new(Desk::new(query)))
    }

    /// Has the observed keys with a tag, or all, of all queries loaded again if they are marked or missing.
    pub(crate) fn reload(&self, tag: Option<&Tag>) -> Vec<Reload> {
        let is_meant = |key: &dyn AnyKey| tag.is_none_or(|tag| key.has_tag(tag));
        self.made().flat_map(|desk| desk.posts.reload_where(&is_meant)).collect()
    }

    fn made(&self) -> impl Iterator<Item = &Arc<Desk>> {
        self.0.iter().filter_map(OnceLock::get)
    }
}
