//! The options of a table. Plain data.

use std::time::Duration;

/// The options of one table: its bound, its times, its history.
///
/// The derive writes them as [`Query::OPTIONS`](crate::Query::OPTIONS); the builder of a cache may change them
/// (`builder.table::<GetPost>(|t| t.capacity(500))`). The last bound given wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct TableOptions {
    pub(crate) bound: Option<Bound>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) tti: Option<Duration>,
    pub(crate) fresh: Option<Duration>,
    pub(crate) history: u32,
}

/// How a table bounds the memory it keeps alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// Maximum number of resident entries, chosen by the default policy.
    Capacity(u64),
    /// Maximum number of resident entries, in exact least-recently-used order.
    Lru(u64),
    /// Maximum total weight of the resident entries.
    Weight(u64),
}

impl TableOptions {
    /// Creates the options of a table that keeps nothing alive by itself.
    pub const fn new() -> Self {
        Self { bound: None, ttl: None, tti: None, fresh: None, history: 0 }
    }

    /// Keeps at most `entries` resident, by the default (scan resistant) policy.
    pub const fn capacity(mut self, entries: u64) -> Self {
        self.bound = Some(Bound::Capacity(entries));
        self
    }

    /// Keeps at most `entries` resident, in exact least-recently-used order.
    pub const fn lru(mut self, entries: u64) -> Self {
        self.bound = Some(Bound::Lru(entries));
        self
    }

    /// Keeps entries with a total weight of at most `weight` resident. [`Query::weigh`](crate::Query::weigh)
    /// gives the weight of an entry.
    pub const fn max_weight(mut self, weight: u64) -> Self {
        self.bound = Some(Bound::Weight(weight));
        self
    }

    /// Removes the bound. Without a bound and without times the table keeps nothing alive by itself.
    pub const fn unbounded(mut self) -> Self {
        self.bound = None;
        self
    }

    /// Keeps an entry resident for `time` after the write that made it, unless the bound evicts it earlier.
    /// The entry never expires early. It may expire late by the lag of the cache's [`Clock`](crate::Clock),
    /// usually 4 ms on Linux.
    pub const fn ttl(mut self, time: Duration) -> Self {
        self.ttl = Some(time);
        self
    }

    /// Keeps an entry resident for `time` after its last use, as precisely as [`ttl`](Self::ttl). Each use
    /// reads the precise clock, which takes about 20 ns.
    pub const fn tti(mut self, time: Duration) -> Self {
        self.tti = Some(time);
        self
    }

    /// Removes the time to live and the time to idle.
    pub const fn without_times(mut self) -> Self {
        self.ttl = None;
        self.tti = None;
        self
    }

    /// Makes an entry count as fresh for `time` after its `as_of`, as precisely as [`ttl`](Self::ttl).
    /// Removes nothing.
    pub const fn fresh(mut self, time: Duration) -> Self {
        self.fresh = Some(time);
        self
    }

    /// The time to live and the freshness time, for crates that describe queries.
    #[doc(hidden)]
    #[must_use]
    pub const fn times(self) -> [Option<Duration>; 2] {
        [self.ttl, self.fresh]
    }

    /// Keeps the `values` previous values of each resident entry.
    pub const fn history(mut self, values: u32) -> Self {
        self.history = values;
        self
    }
}

impl Default for TableOptions {
    fn default() -> Self {
        Self::new()
    }
}
