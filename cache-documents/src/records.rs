//! One record of each thing: how responses, patches and deletions change records, and the answers that show them.

pub(crate) mod change;
pub(crate) mod index;
pub(crate) mod known;
pub(crate) mod lane;
pub(crate) mod layer;
pub(crate) mod merge;
mod merging;
pub(crate) mod order;
pub(crate) mod owner;
pub(crate) mod plan;
mod rename;
pub(crate) mod state;
pub(crate) mod store;
