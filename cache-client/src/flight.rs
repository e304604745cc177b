//! One load of one key, shared by its callers. The task that runs it is in `load`.

pub(crate) mod backoff;
pub(crate) mod errors;
pub(crate) mod outcome;
pub(crate) mod registry;
pub(crate) mod state;
pub(crate) mod wait_graph;
pub(crate) mod waiter;
mod wakers;
