//! The public state of one entry.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::clock::{Moment, Nanos, Revision};
use crate::query::{Query, ShownKey};
use crate::retention::Rules;
use crate::shard::{Membership, View};

/// One entry at the moment of the read: key, value and state.
pub struct Entry<Q: Query> {
    key: Q,
    value: Arc<Q::Value>,
    state: EntryState,
}

/// The state of an entry at the moment of the read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EntryState {
    /// Revision of the commit that wrote the value.
    pub revision: Revision,
    /// Time since the answer was true: since the write, or since its `as_of`.
    pub age: Duration,
    /// Whether the answer is fresh.
    pub freshness: Freshness,
    /// How long the answer is fresh, from when it was true; `None` is forever.
    #[serde(skip)]
    pub fresh_for: Option<Duration>,
    /// Whether `fresh_for` is the entry's own time, not that of its table.
    #[doc(hidden)]
    #[serde(skip)]
    pub has_own_fresh: bool,
    #[serde(skip)]
    swr: Option<Nanos>,
    #[serde(skip)]
    stale_if_error: Option<Nanos>,
    /// When the answer was true.
    #[doc(hidden)]
    #[serde(skip)]
    pub as_of: Moment,
    /// Time until the cache releases the value; `None` if no deadline is set. Zero once it is past.
    pub remaining: Option<Duration>,
    /// What keeps the value alive.
    pub residency: Residency,
    /// Whether the entry is past its time to live or to idle.
    pub is_expired: bool,
    /// The weight of the entry against the table's bound.
    pub weight: u32,
}

/// Whether an answer is fresh. Says nothing about how long it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Freshness {
    /// Within the freshness time, or without one.
    Fresh,
    /// Past the freshness time; still readable.
    Stale,
    /// Invalidated: must be loaded again; still readable.
    Invalidated,
}

/// What keeps a value alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Residency {
    /// The table's own bound or times.
    Resident,
    /// A pin on its key.
    Pinned,
    /// The program alone: the entry is removed when the last `Arc` is dropped.
    Survivor,
}

impl<Q: Query> Entry<Q> {
    pub(crate) fn new(key: Q, value: Arc<Q::Value>, state: EntryState) -> Self {
        Self { key, value, state }
    }
}

impl EntryState {
    pub(crate) fn of(view: &View<'_>, rules: &Rules, now: Moment) -> Self {
        let View { state, record, .. } = view;
        let own = view.own();
        let deadline = view.deadline(rules);
        let age = now.since(record.as_of);
        Self {
            revision: Revision(record.revision),
            age,
            freshness: match view.fresh_for(rules) {
                _ if state.is_invalidated => Freshness::Invalidated,
                Some(fresh) if age >= fresh => Freshness::Stale,
                _ => Freshness::Fresh,
            },
            fresh_for: view.fresh_for(rules),
            as_of: record.as_of,
            has_own_fresh: own.fresh.is_some(),
            swr: own.swr,
            stale_if_error: own.stale_if_error,
            // A recent write may be ahead of the reader's clock.
            remaining: (deadline != Moment::NEVER).then(|| deadline.since(now.max(record.as_of))),
            residency: match state.membership {
                Membership::Pinned => Residency::Pinned,
                _ if view.is_resident() => Residency::Resident,
                _ => Residency::Survivor,
            },
            is_expired: deadline.is_over(now),
            weight: record.weight,
        }
    }

    /// Returns how long after it has become stale the entry may be served while it is loaded again, if that was
    /// [given with the entry](crate::EntryTimes::swr). Zero: never.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # use cache_core::{Cache, EntryTimes, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "30s")]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let times = EntryTimes::new().swr(Duration::from_secs(10));
    /// cache.insert_timed(GetName { id: 7 }, "Seven".to_owned(), times);
    /// let state = cache.get_entry(&GetName { id: 7 }).unwrap().state();
    /// assert_eq!(state.swr(), Some(Duration::from_secs(10)));
    /// assert_eq!(state.stale_if_error(), None);
    /// ```
    #[must_use]
    pub fn swr(&self) -> Option<Duration> {
        self.swr.map(Duration::from)
    }

    /// Returns how long after it has become stale the entry may be served if its load fails, if that was
    /// [given with the entry](crate::EntryTimes::stale_if_error). Zero: never.
    #[must_use]
    pub fn stale_if_error(&self) -> Option<Duration> {
        self.stale_if_error.map(Duration::from)
    }
}

impl<Q: Query> Entry<Q> {
    /// Returns the key.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let entries = cache.entries::<GetName>();
    /// assert_eq!(entries[0].key(), &GetName { id: 7 });
    /// ```
    #[must_use]
    pub fn key(&self) -> &Q {
        &self.key
    }

    /// Returns the value.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let entry = cache.get_entry(&GetName { id: 7 }).unwrap();
    /// assert_eq!(**entry.value(), "Seven");
    /// ```
    #[must_use]
    pub fn value(&self) -> &Arc<Q::Value> {
        &self.value
    }

    /// Returns the value and drops the rest.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let name = cache.get_entry(&GetName { id: 7 }).unwrap().into_value();
    /// assert_eq!(*name, "Seven");
    /// ```
    #[must_use]
    pub fn into_value(self) -> Arc<Q::Value> {
        self.value
    }

    /// Returns key and value.
    ///
    /// # Examples
    /// ```
    /// # use std::collections::HashMap;
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let names: HashMap<_, _> = cache.entries::<GetName>().into_iter().map(|entry| entry.into_parts()).collect();
    /// assert_eq!(*names[&GetName { id: 7 }], "Seven");
    /// ```
    #[must_use]
    pub fn into_parts(self) -> (Q, Arc<Q::Value>) {
        (self.key, self.value)
    }

    /// Returns the state of the entry: everything except key and value.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "30s")]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let state = cache.get_entry(&GetName { id: 7 }).unwrap().state();
    /// assert_eq!(state.fresh_for, Some(Duration::from_secs(30)));
    /// assert_eq!(state.weight, 1);
    /// ```
    #[must_use]
    pub fn state(&self) -> EntryState {
        self.state
    }

    /// Returns the revision of the commit that wrote the value.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let first = cache.get_entry(&GetName { id: 7 }).unwrap();
    /// cache.insert(GetName { id: 7 }, "VII".to_owned());
    /// let second = cache.get_entry(&GetName { id: 7 }).unwrap();
    /// assert!(second.revision() > first.revision());
    /// ```
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.state.revision
    }

    /// Returns the time since the answer was true: since the write, or since the moment that
    /// [`EntryTimes::as_of`](crate::EntryTimes::as_of) named.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use cache_core::{Cache, ManualClock, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let clock = Arc::new(ManualClock::new());
    /// let cache = Cache::<CacheRegistry>::builder().clock(Arc::clone(&clock)).build()?;
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// clock.advance(Duration::from_secs(5));
    /// assert_eq!(cache.get_entry(&GetName { id: 7 }).unwrap().age(), Duration::from_secs(5));
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    #[must_use]
    pub fn age(&self) -> Duration {
        self.state.age
    }

    /// Returns whether the answer is fresh, stale or invalidated.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use cache_core::{Cache, Freshness, ManualClock, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "30s")]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let clock = Arc::new(ManualClock::new());
    /// let cache = Cache::<CacheRegistry>::builder().clock(Arc::clone(&clock)).build()?;
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert_eq!(cache.get_entry(&GetName { id: 7 }).unwrap().freshness(), Freshness::Fresh);
    /// clock.advance(Duration::from_secs(30));
    /// assert_eq!(cache.get_entry(&GetName { id: 7 }).unwrap().freshness(), Freshness::Stale);
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.state.freshness
    }

    /// Returns the time until the cache no longer keeps the value; `None` without a deadline, zero once it is past.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use cache_core::{Cache, ManualClock, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, ttl = "60s")]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let clock = Arc::new(ManualClock::new());
    /// let cache = Cache::<CacheRegistry>::builder().clock(Arc::clone(&clock)).build()?;
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// clock.advance(Duration::from_secs(45));
    /// let entry = cache.get_entry(&GetName { id: 7 }).unwrap();
    /// assert_eq!(entry.remaining(), Some(Duration::from_secs(15)));
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.state.remaining
    }

    /// Returns what keeps the value alive: the table, a pin, or the program alone.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Residency, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// // A table without bound and times keeps nothing by itself.
    /// let cache = Cache::<CacheRegistry>::new();
    /// let held = cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert_eq!(cache.get_entry(&GetName { id: 7 }).unwrap().residency(), Residency::Survivor);
    /// drop(held);
    /// assert!(cache.get_entry(&GetName { id: 7 }).is_none());
    /// ```
    #[must_use]
    pub fn residency(&self) -> Residency {
        self.state.residency
    }

    /// Returns whether the entry is past its time to live or to idle.
    ///
    /// If so, the value is readable only because some part of the program holds it.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use cache_core::{Cache, ManualClock, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, ttl = "60s")]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let clock = Arc::new(ManualClock::new());
    /// let cache = Cache::<CacheRegistry>::builder().clock(Arc::clone(&clock)).build()?;
    /// let held = cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// clock.advance(Duration::from_secs(60));
    /// assert!(cache.get_entry(&GetName { id: 7 }).unwrap().is_expired());
    /// drop(held);
    /// assert!(cache.get_entry(&GetName { id: 7 }).is_none());
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.state.is_expired
    }
}

impl<Q: Query> Debug for Entry<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &ShownKey(&self.key))
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl<Q: Query> Clone for Entry<Q> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), value: Arc::clone(&self.value), state: self.state }
    }
}
