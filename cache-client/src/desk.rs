//! What a client keeps for one query: its flights, its errors, what is observed, how long its loads take. Found by type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_core::{Query, Tag, has_tag};
use foldhash::fast::RandomState;
use parking_lot::RwLock;

use crate::batch::gathering::Gathering;
use crate::board::Flights;
use crate::concurrency::ConcurrencyLimit;
use crate::failures::Failures;
use crate::layer::stack::Stacks;
use crate::observer::post::{Posts, Reload};

/// Everything about the loads of one query.
pub(crate) struct Desk<Q: Query, E> {
    pub(crate) flights: Flights<Q, E>,
    pub(crate) failures: Failures<Q, E>,
    pub(crate) posts: Posts<Q, E>,
    pub(crate) stacks: Stacks<Q>,
    /// Keys that are about to be loaded together.
    pub(crate) gathering: Arc<Gathering<Q, E>>,
    /// Of the loads that run at once, if the options say one.
    limit: OnceLock<Option<Arc<ConcurrencyLimit>>>,
    /// Nanoseconds, a running mean.
    load_time: AtomicU64,
}

impl<Q: Query, E> Desk<Q, E> {
    fn new() -> Self {
        Self {
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

/// A desk of a query that the caller does not know.
trait AnyDesk: Any + Send + Sync {
    /// Has the observed keys with a tag, or all, loaded again if they are marked or missing.
    fn reload(&self, tag: Option<&Tag>) -> Vec<Reload>;
}

impl<Q: Query, E: Send + Sync + 'static> AnyDesk for Desk<Q, E> {
    fn reload(&self, tag: Option<&Tag>) -> Vec<Reload> {
        match tag {
            Some(_) if Q::TAGS.is_empty() && Q::TAGS_OF.is_none() => Vec::new(),
            Some(tag) => self.posts.reload_where(|key| has_tag(key, tag)),
            None => self.posts.reload_where(|_| true),
        }
    }
}

/// The desks of a client, each made at the first load of its query.
#[derive(Default)]
pub(crate) struct Desks(RwLock<HashMap<TypeId, Arc<dyn AnyDesk>, RandomState>>);

impl Desks {
    /// The desk of a query, if it was ever loaded.
    pub(crate) fn existing<Q: Query, E: Send + Sync + 'static>(&self) -> Option<Arc<Desk<Q, E>>> {
        let desk = Arc::clone(self.0.read().get(&TypeId::of::<Desk<Q, E>>())?);
        (desk as Arc<dyn Any + Send + Sync>).downcast().ok()
    }

    /// Has the observed keys with a tag, or all, of all queries loaded again if they are marked or missing.
    pub(crate) fn reload(&self, tag: Option<&Tag>) -> Vec<Reload> {
        let desks: Vec<_> = self.0.read().values().cloned().collect();
        desks.iter().flat_map(|desk| desk.reload(tag)).collect()
    }

    pub(crate) fn of<Q: Query, E: Send + Sync + 'static>(&self) -> Arc<Desk<Q, E>> {
        if let Some(desk) = self.existing() {
            return desk;
        }
        let made = Arc::new(Desk::<Q, E>::new());
        let mut desks = self.0.write();
        let desk = desks.entry(TypeId::of::<Desk<Q, E>>()).or_insert_with(|| Arc::clone(&made) as _);
        (Arc::clone(desk) as Arc<dyn Any + Send + Sync>).downcast().unwrap_or(made)
    }
}
