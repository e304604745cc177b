//! Models of what the query client hands over between threads, each run under many schedules of a model checker:
//! callers join and leave a flight while it ends and its key is written; another caller takes over the work of a
//! stopped runtime; limits and batches decide which loads run together; a key is read while its layer is confirmed; a
//! caller passes a provider write that is stuck; observers arrive while the task of their key is replaced; a copy of a
//! shared query is read while it is marked, and until when copies are fresh is extended; an answer is given that is not
//! stored, while another is.
//!
//! The code that runs is the client's own flights, wait graph, batches, channels and layers, over the store of this
//! package and shuttle's locks. Threads that take the same steps in the same order stand in for tokio's tasks.
//!
//! Each check runs `CACHE_MODEL_SCHEDULES` random schedules (default 300). A long run takes 20,000.
#![allow(clippy::unwrap_used, dead_code, missing_debug_implementations, missing_docs, reason = "tests")]

extern crate cache_model as cache_core;

#[path = "../../../cache-client/src/shared/bound.rs"]
mod bound;
#[path = "../../../cache-client/src/concurrency.rs"]
mod concurrency;
#[path = "../../../cache-client/src/runtime/endable.rs"]
mod endable;
#[path = "../../../cache-client/src/erased.rs"]
#[allow(unreachable_pub, reason = "the client's own file, of which these checks use a part")]
mod erased;
#[path = "../../../cache-client/src/error.rs"]
mod error;
#[path = "../../../cache-client/src/flight"]
mod flight {
    #[allow(unreachable_pub, reason = "the client's own file, of which these checks use a part")]
    pub(crate) mod outcome;
    pub(crate) mod registry;
    pub(crate) mod state;
    pub(crate) mod wait_graph;
    pub(crate) mod waiter;
    mod wakers;
}
#[path = "../../../cache-client/src/notes.rs"]
#[allow(unreachable_pub, reason = "the client's own file, of which these checks use a part")]
mod notes;
#[path = "../../../cache-client/src/mutate/scope.rs"]
mod scope;
#[path = "../../src/sync.rs"]
#[allow(unreachable_pub, unused_imports, reason = "the store's own file, of which these checks use a part")]
mod sync;
#[path = "../../../cache-client/src/token.rs"]
mod token;
#[path = "../../../cache-client/src/provider/write_queues.rs"]
mod write_queues;

mod arrivals;
mod batch;
mod endings;
mod flights;
mod layer;
mod layers;
mod observer;
mod observer_tasks;
mod provider;
mod runtime;
mod scopes;
mod shared_bound;
mod slots;
mod unstored;

use std::sync::Arc;

use cache_model::{Cache, Query, registry};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 8)]
pub struct Get(pub u64);

registry! {
    pub struct Registry { crate::Get }
}

type Store = Cache<Registry>;

/// A value of the query.
fn number(value: &erased::AnyValue) -> u64 {
    *value.downcast_ref().unwrap()
}

#[track_caller]
fn check(scenario: impl Fn() + Send + Sync + 'static) {
    let schedules = std::env::var("CACHE_MODEL_SCHEDULES").map_or(300, |count| count.parse().unwrap());
    let scenario = Arc::new(scenario);
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.silence_warnings = true;
    let run = Arc::clone(&scenario);
    Runner::new(RandomScheduler::new(schedules), config.clone()).run(move || run());
    Runner::new(PctScheduler::new(3, schedules), config).run(move || scenario());
}
