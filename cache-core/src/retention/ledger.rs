//! What the shards of one table keep resident together, against the bound of the table.

use crate::sync::atomic::{AtomicU64, Ordering};

/// The sum of the weights of all counted residents of a table.
///
/// Shards add to it under their own locks; the order between shards does not matter, since each of them looks at
/// the sum again after it has added.
#[derive(Debug)]
pub(crate) struct Ledger {
    used: AtomicU64,
    limit: u64,
}

impl Ledger {
    pub(crate) fn new(limit: u64) -> Self {
        Self { used: AtomicU64::new(0), limit }
    }

    #[inline]
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.used() > self.limit
    }

    /// Whether the bound would be passed if `balance` were booked.
    #[inline]
    pub(crate) fn is_over_with(&self, balance: i64) -> bool {
        self.used().saturating_add_signed(balance) > self.limit
    }

    /// Books what came in less what left.
    #[inline]
    pub(crate) fn book(&self, balance: i64) {
        // Two's complement: adding a negative number modulo 2^64 subtracts it.
        if balance != 0 {
            self.used.fetch_add(balance.cast_unsigned(), Ordering::Relaxed);
        }
    }
}
