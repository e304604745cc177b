//! What an operation on a shard is told by its table.

use crate::clock::Moment;
use crate::retention::Rules;
use crate::retention::ledger::Ledger;
use crate::retention::recency::Recency;

/// What the shards of a table have in common, and the moment of the operation.
#[derive(Debug)]
pub(crate) struct OpContext<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) ledger: &'a Ledger,
    pub(crate) recency: Option<&'a Recency>,
    /// Whether listeners want to know the keys of what is displaced.
    pub(crate) has_listeners: bool,
    pub(crate) now: Moment,
    /// Revision of the commit that is being installed, 0 without one. What it wrote is the last to be evicted.
    pub(crate) revision: u64,
}
