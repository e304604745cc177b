//! What a client keeps for one query: its flights, its errors, its observed keys, how long its loads take. Found by the
//! index of its table.

mod running;

use std::any::TypeId;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_core::Tag;
use cache_core::client_support::{AnyKey, Fingerprint};

use crate::batch::queue::BatchQueue;
use crate::concurrency::ConcurrencyLimit;
use crate::flight::errors::LoadErrors;
use crate::flight::registry::FlightRegistry;
use crate::layer::stack::LayerStacks;
use crate::observer::registry::{ObservedKeys, Reload};
use crate::plan::Plan;
use crate::shared::protocol::Shape;
use running::{FetchWatch, RunningLoads};

/// The state of one query.
pub(crate) struct QueryState {
    query: TypeId,
    pub(crate) flights: FlightRegistry,
    /// Flights that read the provider, and never load.
    pub(crate) lookups: FlightRegistry,
    pub(crate) errors: LoadErrors,
    pub(crate) observed: ObservedKeys,
    pub(crate) stacks: LayerStacks,
    /// Keys that are about to be loaded together.
    pub(crate) batch_queue: Arc<BatchQueue>,
    pub(crate) running: RunningLoads,
    /// How this build encodes values for other machines, once they were asked.
    pub(crate) shape: OnceLock<(Shape, Fingerprint)>,
    /// The limit of concurrent loads, if the options set one.
    limit: OnceLock<Option<Arc<ConcurrencyLimit>>>,
    /// Nanoseconds, a running mean.
    load_time: AtomicU64,
}

impl QueryState {
    fn new(query: TypeId) -> Self {
        Self {
            query,
            flights: FlightRegistry::default(),
            lookups: FlightRegistry::default(),
            errors: LoadErrors::default(),
            observed: ObservedKeys::default(),
            stacks: LayerStacks::default(),
            batch_queue: Arc::default(),
            running: RunningLoads::default(),
            shape: OnceLock::new(),
            limit: OnceLock::new(),
            load_time: AtomicU64::new(0),
        }
    }

    /// The limit of concurrent loads. The first call sets it to the result of `max`.
    pub(crate) fn limit(&self, max: impl FnOnce() -> Option<u32>) -> Option<Arc<ConcurrencyLimit>> {
        self.limit.get_or_init(|| max().map(ConcurrencyLimit::new)).clone()
    }

    /// The flights of calls with this plan.
    pub(crate) fn flights_of(&self, plan: &Plan) -> &FlightRegistry {
        if plan.never_loads() { &self.lookups } else { &self.flights }
    }

    pub(crate) fn load_time(&self) -> Duration {
        Duration::from_nanos(self.load_time.load(Ordering::Relaxed))
    }

    /// Adds a load to the mean. The last few count most.
    pub(crate) fn note_load_time(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let old = self.load_time.load(Ordering::Relaxed);
        let mean = if old == 0 { time } else { old - old / 4 + time / 4 };
        self.load_time.store(mean, Ordering::Relaxed);
    }
}

/// The state of each query of a client, by the index of its table. Created at the first load of the query.
pub(crate) struct QueryStates {
    by_table: Box<[OnceLock<Arc<QueryState>>]>,
    fetching: FetchWatch,
}

impl QueryStates {
    /// Empty, for this many tables.
    pub(crate) fn new(tables: usize) -> Self {
        Self { by_table: (0..tables).map(|_| OnceLock::new()).collect(), fetching: FetchWatch::default() }
    }

    /// The state of a query, by its table, if it was ever loaded.
    pub(crate) fn existing(&self, table: usize) -> Option<&Arc<QueryState>> {
        self.by_table[table].get()
    }

    /// The same by the type of a query whose table is unknown.
    pub(crate) fn existing_of(&self, query: TypeId) -> Option<&Arc<QueryState>> {
        self.existing_states().find(|query_state| query_state.query == query)
    }

    /// The state of a query, by its table.
    pub(crate) fn of(&self, table: usize, query: TypeId) -> &Arc<QueryState> {
        self.by_table[table].get_or_init(|| Arc::new(QueryState::new(query)))
    }

    /// Loads the observed keys with a tag, or all, again if they are marked or missing.
    pub(crate) fn reload(&self, tag: Option<&Tag>) -> Vec<Reload> {
        let is_selected = |key: &dyn AnyKey| tag.is_none_or(|tag| key.has_tag(tag));
        self.existing_states()
            .flat_map(|query_state| query_state.observed.reload_where(&is_selected))
            .collect()
    }

    pub(crate) fn existing_states(&self) -> impl Iterator<Item = &Arc<QueryState>> {
        self.by_table.iter().filter_map(OnceLock::get)
    }
}
