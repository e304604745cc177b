//! What a table is told to keep. Plain data; its readers decide.

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
    /// At most so many resident entries, chosen by the default policy.
    Capacity(u64),
    /// At most so many resident entries, in exact least-recently-used order.
    Lru(u64),
    /// Resident entries weigh at most so much together.
    Weight(u64),
}

impl TableOptions {
    /// Options of a table that keeps nothing alive by itself.
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

    /// Keeps entries of at most `weight` together resident; [`Query::weigh`](crate::Query::weigh) tells the
    /// weight of one.
    pub const fn max_weight(mut self, weight: u64) -> Self {
        self.bound = Some(Bound::Weight(weight));
        self
    }

    /// Removes the bound. Without a bound and without times the table keeps nothing alive by itself.
    pub const fn unbounded(mut self) -> Self {
        self.bound = None;
        self
    }

    /// Keeps an entry resident for `time` after the write that made it, unless the bound pushes it out before. Never for
    /// less; for longer by as much as the cache's [`Clock`](crate::Clock) lags behind, 4 ms as a rule on Linux.
    pub const fn ttl(mut self, time: Duration) -> Self {
        self.ttl = Some(time);
        self
    }

    /// Keeps an entry resident for `time` after its last use, as exactly as [`ttl`](Self::ttl). Each use reads the clock
    /// precisely, which takes some 20 ns.
    pub const fn tti(mut self, time: Duration) -> Self {
        self.tti = Some(time);
        self
    }

    /// Removes both times of retention.
    pub const fn without_times(mut self) -> Self {
        self.ttl = None;
        self.tti = None;
        self
    }

    /// An entry counts as fresh for `time` after its `as_of`, as exactly as [`ttl`](Self::ttl). Removes nothing.
    pub const fn fresh(mut self, time: Duration) -> Self {
        self.fresh = Some(time);
        self
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
