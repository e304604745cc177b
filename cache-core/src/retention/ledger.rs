//! The weight that the shards of one table keep resident together, against the bound of the table.

use crate::sync::atomic::{AtomicI64, Ordering};

/// How much weight the counted residents of a table leave of its bound.
///
/// Shards take from it under their own locks. The order between shards does not matter, since each shard
/// checks the remaining room again after it has taken some.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Negative while the table is over its bound.
    room: AtomicI64,
}

impl Ledger {
    pub(crate) fn new(limit: u64) -> Self {
        // No weight that can be counted reaches this maximum.
        Self { room: AtomicI64::new(i64::try_from(limit).unwrap_or(i64::MAX)) }
    }

    /// Returns the booked weight of a table with this bound.
    pub(crate) fn booked(&self, limit: u64) -> u64 {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        u64::try_from(limit.saturating_sub(self.room.load(Ordering::Relaxed))).unwrap_or(0)
    }

    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.is_over_with(0)
    }

    /// Returns whether booking `balance` would exceed the bound.
    #[inline]
    pub(crate) fn is_over_with(&self, balance: i64) -> bool {
        self.room.load(Ordering::Relaxed) < balance
    }

    /// Books the weight that came in minus the weight that left.
    #[inline]
    pub(crate) fn book(&self, balance: i64) {
        if balance != 0 {
            self.room.fetch_sub(balance, Ordering::Relaxed);
        }
    }
}
