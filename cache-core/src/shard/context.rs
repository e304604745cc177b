//! What a table passes to an operation on one of its shards.

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
    /// Whether listeners need the keys of displaced entries.
    pub(crate) has_listeners: bool,
    pub(crate) now: Moment,
    /// Revision of the commit that is being installed, 0 without one. Entries that it wrote are evicted last.
    pub(crate) revision: u64,
}
