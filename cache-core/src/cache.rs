//! The public handle of a cache.

pub(crate) mod builder;
mod client_support;
pub(crate) mod dynamic;
pub(crate) mod restore;
pub(crate) mod save;

use std::any::Any;
use std::fmt::{self, Debug};
use std::ops::ControlFlow;
use std::sync::{Arc, Weak};

use crate::clock::{Moment, Revision};
use crate::commit::bulk::ClearPart;
use crate::commit::{Commit, CommitKind, dynamic};
use crate::commit_log::CommitLog;
use crate::entry_times::EntryTimes;
use crate::erased::ErasedTable;
use crate::inspect::counts::TableCounts;
use crate::inspect::scan::{Scan, ScanCursor, ScanRequest};
use crate::inspect::{EntryReport, EntryView, Inspection};
use crate::pin::{AnyPin, Pinned};
use crate::query::{Lookup, Query};
use crate::registry::{HasTable, Holds, Registry};
use crate::shard::state::HistoryEntry;
use crate::shared::Shared;
use crate::table::entry::{Entry, Freshness};
use crate::table::flights::JoinOutcome;
use crate::table::handle::ErasedTableRef;
use crate::table::{Table, TableRef, Use};
use crate::tag::Tag;
use crate::typed::Pair;
use crate::watch::Watch;

/// A typed query cache with one table for each query of the registry `R`.
///
/// Cheap to clone; all clones are one cache. All methods may be called from any thread.
pub struct Cache<R: Registry>(Arc<CacheInner<R>>);

pub(crate) struct CacheInner<R> {
    pub(crate) registry: R,
    pub(crate) shared: Arc<Shared>,
}

impl<Q: Query, R: HasTable<Q>> TableRef<Q> for CacheInner<R> {
    fn table(&self) -> &Table<Q> {
        self.registry.table()
    }
}

/// Returns the table of a query in a cache that is known to have this registry.
fn table_in<Q: Query, R: HasTable<Q>>(cache: &(dyn Any + Send + Sync)) -> &Table<Q> {
    let inner: &CacheInner<R> = cache.downcast_ref().expect("a handle refers to a cache of its own registry");
    inner.registry.table()
}

/// Returns the same table, with its query erased.
fn any_table_in<Q: Query, R: HasTable<Q>>(cache: &(dyn Any + Send + Sync)) -> &dyn ErasedTable {
    table_in::<Q, R>(cache).erased()
}

impl<R: Registry> Cache<R> {
    #[inline(never)]
    pub(crate) fn from_parts(registry: R, shared: Arc<Shared>) -> Self {
        Self(Arc::new(CacheInner { registry, shared }))
    }

    // Reading

    /// Returns the value of a key if it is readable: resident in the cache, or held by any part of the program.
    ///
    /// Every call returns the same allocation until the entry is replaced. Counts as a use. Costs one shared lock of
    /// one shard and one reference count; allocates nothing. A resident that is past its deadline is first removed from
    /// the residents.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// assert!(cache.get(&GetName { id: 7 }).is_none());
    ///
    /// let written = cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let read = cache.get(&GetName { id: 7 }).unwrap();
    /// assert_eq!(*read, "Seven");
    /// assert!(Arc::ptr_eq(&read, &written));
    /// ```
    #[inline]
    #[must_use]
    pub fn get<L: Lookup>(&self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: HasTable<L::Query>,
    {
        self.table::<L::Query>().get(lookup)
    }

    /// Returns the value of a key, as [`get`](Self::get) does, without counting as a use, a hit or a miss.
    ///
    /// For monitoring and debugging: it does not change what the cache evicts next, nor the counters.
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
    /// assert_eq!(*cache.peek(&GetName { id: 7 }).unwrap(), "Seven");
    /// assert_eq!(cache.inspect().hits(), 0);
    /// ```
    #[must_use]
    pub fn peek<L: Lookup>(&self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: HasTable<L::Query>,
    {
        self.table::<L::Query>().peek(lookup)
    }

    /// Returns whether a key has a readable value. Counts neither as a use nor as a hit or miss.
    ///
    /// Costs one shared lock of one shard. The value may be gone when this returns: to use it, call [`get`](Self::get).
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// assert!(!cache.contains(&GetName { id: 7 }));
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert!(cache.contains(&GetName { id: 7 }));
    /// ```
    #[must_use]
    pub fn contains<L: Lookup>(&self, lookup: &L) -> bool
    where
        R: HasTable<L::Query>,
    {
        self.table::<L::Query>().contains(lookup)
    }

    /// Returns the value of a key if it is fresh: within its freshness time, not invalidated, not expired.
    ///
    /// `None` does not mean that there is no value: [`get`](Self::get) also returns a stale or invalidated
    /// one. Counts as a use.
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
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_some());
    ///
    /// cache.invalidate(&GetName { id: 7 });
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    /// assert!(cache.get(&GetName { id: 7 }).is_some());
    /// ```
    #[must_use]
    pub fn get_fresh<L: Lookup>(&self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: HasTable<L::Query>,
    {
        let entry = self.get_entry(lookup)?;
        let is_fresh = entry.freshness() == Freshness::Fresh && !entry.is_expired();
        is_fresh.then(|| entry.into_value())
    }

    /// Returns the value of a key together with its state: age, freshness, residency, revision. Counts as a use.
    ///
    /// The state is that of the moment of the call.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Freshness, Query, Residency, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    ///
    /// let entry = cache.get_entry(&GetName { id: 7 }).unwrap();
    /// assert_eq!(**entry.value(), "Seven");
    /// assert_eq!(entry.freshness(), Freshness::Fresh);
    /// assert_eq!(entry.residency(), Residency::Resident);
    /// ```
    #[must_use]
    pub fn get_entry<L: Lookup>(&self, lookup: &L) -> Option<Entry<L::Query>>
    where
        R: HasTable<L::Query>,
    {
        self.table::<L::Query>().entry(lookup, Use::Counted)
    }

    /// Returns value and state of a key, as [`get_entry`](Self::get_entry) does, without counting as a use, a hit or a
    /// miss.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use cache_core::{Cache, ManualClock, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, tti = "60s")]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let clock = Arc::new(ManualClock::new());
    /// let cache = Cache::<CacheRegistry>::builder().clock(Arc::clone(&clock)).build()?;
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    ///
    /// // A peek does not renew the idle time.
    /// clock.advance(Duration::from_secs(45));
    /// let entry = cache.peek_entry(&GetName { id: 7 }).unwrap();
    /// assert_eq!(entry.remaining(), Some(Duration::from_secs(15)));
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    #[must_use]
    pub fn peek_entry<L: Lookup>(&self, lookup: &L) -> Option<Entry<L::Query>>
    where
        R: HasTable<L::Query>,
    {
        self.table::<L::Query>().entry(lookup, Use::Uncounted)
    }

    /// Returns the previous values of a resident entry, oldest first.
    ///
    /// There are at most as many as the table's option `history` allows, and none without that option. Empty
    /// if the key has no resident entry.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, history = 2)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// for name in ["One", "Two", "Three", "Four"] {
    ///     cache.insert(GetName { id: 7 }, name.to_owned());
    /// }
    /// let before: Vec<_> = cache.history(&GetName { id: 7 }).into_iter().map(|past| past.value).collect();
    /// assert_eq!(before.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["Two", "Three"]);
    /// ```
    #[must_use]
    pub fn history<L: Lookup>(&self, lookup: &L) -> Vec<HistoryEntry<<L::Query as Query>::Value>>
    where
        R: HasTable<L::Query>,
    {
        self.table::<L::Query>().history(lookup)
    }

    /// Returns all readable entries of one query, each once, in no particular order.
    ///
    /// Reads one shard after another: entries committed meanwhile may or may not be included. Allocates for
    /// all entries.
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
    /// cache.insert(GetName { id: 8 }, "Eight".to_owned());
    ///
    /// let mut entries = cache.entries::<GetName>();
    /// entries.sort_by_key(|entry| entry.key().id);
    /// assert_eq!(entries.len(), 2);
    /// assert_eq!(**entries[0].value(), "Seven");
    /// ```
    #[must_use]
    pub fn entries<Q: Query>(&self) -> Vec<Entry<Q>>
    where
        R: HasTable<Q>,
    {
        self.table::<Q>().entries()
    }

    /// Returns the keys of all readable entries of one query, in no particular order.
    ///
    /// Consistency and costs are those of [`entries`](Self::entries).
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
    /// assert_eq!(cache.keys::<GetName>(), [GetName { id: 7 }]);
    /// ```
    #[must_use]
    pub fn keys<Q: Query>(&self) -> Vec<Q>
    where
        R: HasTable<Q>,
    {
        self.table::<Q>().keys()
    }

    /// Returns the values of all readable entries of one query, in no particular order.
    ///
    /// Consistency and costs are those of [`entries`](Self::entries).
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = u64, capacity = 100)]
    /// # struct CountVisits { page: u64 }
    /// # registry! { struct CacheRegistry { CountVisits } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(CountVisits { page: 1 }, 30);
    /// cache.insert(CountVisits { page: 2 }, 12);
    /// assert_eq!(cache.values::<CountVisits>().iter().map(|visits| **visits).sum::<u64>(), 42);
    /// ```
    #[must_use]
    pub fn values<Q: Query>(&self) -> Vec<Arc<Q::Value>>
    where
        R: HasTable<Q>,
    {
        self.table::<Q>().values()
    }

    /// Returns the number of readable entries of all tables.
    ///
    /// Visits every survivor of every table.
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
    /// cache.insert(GetName { id: 8 }, "Eight".to_owned());
    /// assert_eq!(cache.len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        let mut len = 0;
        self.visit(&mut |table| len += table.live());
        len
    }

    /// Returns whether no entry of any table is readable.
    ///
    /// Costs as much as [`len`](Self::len).
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// assert!(cache.is_empty());
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert!(!cache.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of readable entries of one query.
    ///
    /// Visits every survivor of its table.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// for id in 0..10 {
    ///     cache.insert(GetName { id }, format!("name {id}"));
    /// }
    /// assert_eq!(cache.count::<GetName>(), 10);
    /// ```
    #[must_use]
    pub fn count<Q: Query>(&self) -> usize
    where
        R: HasTable<Q>,
    {
        self.table::<Q>().erased().live()
    }

    /// Returns the revision of the last commit; `None` before the first.
    ///
    /// Each write has a higher revision than those before it. Two equal answers mean that nothing was written in
    /// between.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// assert_eq!(cache.revision(), None);
    ///
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let entry = cache.get_entry(&GetName { id: 7 }).unwrap();
    /// assert_eq!(cache.revision(), Some(entry.revision()));
    /// ```
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        Some(self.shared().revision()).filter(|&revision| revision > 0).map(Revision)
    }

    /// Returns the current moment of the cache's clock, as precisely as the clock can.
    ///
    /// Read it before a value is requested, and pass it to [`EntryTimes::as_of`]: the age of the entry then includes
    /// the time that the request took.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use cache_core::{Cache, EntryTimes, ManualClock, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let clock = Arc::new(ManualClock::new());
    /// # let cache = Cache::<CacheRegistry>::builder().clock(Arc::clone(&clock)).build()?;
    /// # let request_name = || { clock.advance(Duration::from_secs(2)); "Seven".to_owned() };
    /// let requested_at = cache.now();
    /// let name = request_name(); // takes two seconds
    /// cache.insert_timed(GetName { id: 7 }, name, EntryTimes::new().as_of(requested_at));
    ///
    /// let entry = cache.get_entry(&GetName { id: 7 }).unwrap();
    /// assert_eq!(entry.age(), Duration::from_secs(2));
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    #[must_use]
    pub fn now(&self) -> Moment {
        self.shared().precise_now()
    }

    // Writing

    /// Writes one value, visible at once, and returns its `Arc`.
    ///
    /// Costs as much as a write to a plain cache. It is a commit, with a revision and events for the
    /// listeners, but not a transaction: it does not call the `before_commit` hooks. A reader that holds the
    /// previous value keeps it.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let old = cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// cache.insert(GetName { id: 7 }, "VII".to_owned());
    /// assert_eq!(*cache.get(&GetName { id: 7 }).unwrap(), "VII");
    /// assert_eq!(*old, "Seven");
    /// ```
    pub fn insert<Q: Query>(&self, query: Q, value: impl Into<Arc<Q::Value>>) -> Arc<Q::Value>
    where
        R: Holds<Q>,
    {
        self.table::<Q>().insert(query, value.into(), &EntryTimes::new())
    }

    /// Writes one value, as [`insert`](Self::insert) does, with its own times in place of those of the table.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use cache_core::{Cache, EntryTimes, ManualClock, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let clock = Arc::new(ManualClock::new());
    /// let cache = Cache::<CacheRegistry>::builder().clock(Arc::clone(&clock)).build()?;
    /// let times = EntryTimes::new().ttl(Duration::from_secs(60));
    /// cache.insert_timed(GetName { id: 7 }, "Seven".to_owned(), times);
    /// assert!(cache.contains(&GetName { id: 7 }));
    ///
    /// clock.advance(Duration::from_secs(60));
    /// assert!(!cache.contains(&GetName { id: 7 }));
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    pub fn insert_timed<Q: Query>(
        &self,
        query: Q,
        value: impl Into<Arc<Q::Value>>,
        times: EntryTimes,
    ) -> Arc<Q::Value>
    where
        R: Holds<Q>,
    {
        self.table::<Q>().insert(query, value.into(), &times)
    }

    /// Returns the value of a key. If there is none, computes it with `load` and stores it.
    ///
    /// Callers with the same key share one computation: one of them runs `load`, and the others block until
    /// it is done. No lock is held meanwhile. If `load` panics, one of the waiting callers runs its own. A
    /// call with the same key inside `load` computes at once. Two loads on two threads that request each
    /// other's key deadlock.
    ///
    /// A change of the key during the load is newer than the loaded value. If a value is written meanwhile,
    /// all callers get that one. After a removal, a `clear` or an invalidation of the key, or of a set that
    /// contains it, the waiting callers get the loaded value, and it is not stored; later callers load again.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let mut loads = 0;
    /// for _ in 0..3 {
    ///     let name = cache.get_or_insert_with(&GetName { id: 7 }, || {
    ///         loads += 1;
    ///         "Seven".to_owned()
    ///     });
    ///     assert_eq!(*name, "Seven");
    /// }
    /// assert_eq!(loads, 1);
    /// ```
    pub fn get_or_insert_with<L: Lookup, T: Into<Arc<<L::Query as Query>::Value>>>(
        &self,
        lookup: &L,
        load: impl FnOnce() -> T,
    ) -> Arc<<L::Query as Query>::Value>
    where
        R: Holds<L::Query>,
    {
        let result: Result<_, std::convert::Infallible> = self.get_or_try_insert_with(lookup, || Ok(load()));
        match result {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// Returns the value of a key. If there is none, computes it with a `load` that may fail.
    ///
    /// Works as [`get_or_insert_with`](Self::get_or_insert_with). A failure is not stored: one of the waiting callers
    /// runs its own `load`.
    ///
    /// # Errors
    /// The error that `load` returned.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let key = GetName { id: 7 };
    /// assert!(cache.get_or_try_insert_with(&key, || String::from_utf8(vec![0xff])).is_err());
    /// assert!(!cache.contains(&key));
    ///
    /// let name = cache.get_or_try_insert_with(&key, || String::from_utf8(b"Seven".to_vec()))?;
    /// assert_eq!(*name, "Seven");
    /// # Ok::<(), std::string::FromUtf8Error>(())
    /// ```
    pub fn get_or_try_insert_with<L: Lookup, T: Into<Arc<<L::Query as Query>::Value>>, E>(
        &self,
        lookup: &L,
        load: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<<L::Query as Query>::Value>, E>
    where
        R: Holds<L::Query>,
    {
        let table = self.table::<L::Query>();
        loop {
            if let Some(value) = table.get(lookup) {
                return Ok(value);
            }
            let key = lookup.to_key();
            match table.join_load(&key) {
                // Another load has landed since the miss.
                JoinOutcome::Present(value) => {
                    if let Some(value) = Pair::<L::Query>::value_of(&*value) {
                        return Ok(Arc::clone(value));
                    }
                }
                JoinOutcome::Owner(guard) => {
                    let value = table.store_loaded(key, guard.load(), load()?.into());
                    guard.land::<L::Query>(&value);
                    return Ok(value);
                }
                JoinOutcome::Nested(running) => return Ok(table.store_loaded(key, &running, load()?.into())),
                JoinOutcome::Waiter(running) => {
                    if let Some(value) = running.wait::<L::Query>() {
                        return Ok(value);
                    }
                }
            }
        }
    }

    /// Removes an entry and returns whether it was readable. Is a commit.
    ///
    /// After that, the key is absent for all readers, even while parts of the program hold the value.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let held = cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert!(cache.remove(&GetName { id: 7 }));
    /// assert!(!cache.contains(&GetName { id: 7 }));
    /// assert_eq!(*held, "Seven");
    /// assert!(!cache.remove(&GetName { id: 7 }));
    /// ```
    pub fn remove<L: Lookup>(&self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().remove(lookup)
    }

    /// Renews the times of an entry and clears its mark, without replacing its value. Returns whether there is an
    /// entry.
    ///
    /// For a value that turns out to be up to date, as after an HTTP 304 response. Is not a commit: it has no
    /// revision and causes no conflict.
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
    /// cache.invalidate(&GetName { id: 7 });
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    ///
    /// // The server has answered "304 Not Modified".
    /// assert!(cache.touch(&GetName { id: 7 }));
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_some());
    /// ```
    pub fn touch<L: Lookup>(&self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().touch(lookup)
    }

    /// Marks an entry as invalidated: its value must be loaded again. Returns whether there is an entry.
    ///
    /// [`get`](Self::get) still returns the value, [`get_fresh`](Self::get_fresh) does not. The next write clears the
    /// mark. Loads and watches of the key that began before are overtaken, whether there is an entry or not: what they
    /// load is not stored.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Freshness, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// assert!(!cache.invalidate(&GetName { id: 7 }));
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert!(cache.invalidate(&GetName { id: 7 }));
    ///
    /// let entry = cache.get_entry(&GetName { id: 7 }).unwrap();
    /// assert_eq!(entry.freshness(), Freshness::Invalidated);
    /// ```
    pub fn invalidate<L: Lookup>(&self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().invalidate(lookup)
    }

    /// Marks all entries of one query whose keys `matches` accepts, and returns how many it marked.
    ///
    /// Loads and watches of such keys that began before are overtaken. Visits all entries of the table, one
    /// shard at a time: entries written meanwhile may be marked too.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// for id in 0..10 {
    ///     cache.insert(GetName { id }, format!("name {id}"));
    /// }
    /// assert_eq!(cache.invalidate_where(|key: &GetName| key.id >= 7), 3);
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    /// assert!(cache.get_fresh(&GetName { id: 6 }).is_some());
    /// ```
    pub fn invalidate_where<Q: Query>(&self, matches: impl Fn(&Q) -> bool) -> usize
    where
        R: Holds<Q>,
    {
        self.table::<Q>().invalidate_where(&matches)
    }

    /// Marks all entries with a tag, and returns how many it marked.
    ///
    /// Loads and watches of keys with the tag that began before are overtaken, whether there is an entry or not.
    ///
    /// - A tag of a query (`#[query(tags("posts"))]`) applies to all its entries: this visits all entries of
    ///   its table.
    /// - A tag of individual entries ([`#[query(tags_of = path)]`](crate::Query::TAGS_OF)) is looked up in
    ///   the index of its table: this visits the entries that have it, and all loads and watches of the
    ///   table.
    ///
    /// Marks one entry after another. Entries written meanwhile may be marked too.
    /// [`Transaction::invalidate_tag`](crate::Transaction::invalidate_tag) marks all at once.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, tags("users"))]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert_eq!(cache.invalidate_tag("users"), 1);
    /// assert_eq!(cache.invalidate_tag("posts"), 0);
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    /// ```
    pub fn invalidate_tag(&self, tag: impl Into<Tag>) -> usize {
        let tag = tag.into();
        let mut marked = self.invalidate_tables(|tags| tag.is_among(tags));
        self.visit(&mut |table| {
            let head = table.head();
            if head.has_entry_tags && !tag.is_among(head.tags) {
                head.note_tag(&tag);
                marked += table.used().map_or(0, |table| table.invalidate_by_tag(&tag));
            }
        });
        marked
    }

    /// Marks all entries of all tables, and returns how many it marked.
    ///
    /// All loads and watches that began before are overtaken. Visits all entries.
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
    /// cache.insert(GetName { id: 8 }, "Eight".to_owned());
    /// assert_eq!(cache.invalidate_all(), 2);
    /// assert_eq!(cache.len(), 2, "marked entries stay readable");
    /// ```
    pub fn invalidate_all(&self) -> usize {
        self.invalidate_tables(|_| true)
    }

    fn invalidate_tables(&self, is_meant: impl Fn(&'static [&'static str]) -> bool) -> usize {
        let mut marked = 0;
        self.visit(&mut |table| {
            if is_meant(table.head().tags) {
                // Before the check whether the table is used: it may become used.
                table.head().note_change_of_all();
                marked += table.used().map_or(0, |table| table.invalidate_where(&|_| true));
            }
        });
        marked
    }

    /// Watches a key for writes and invalidations from now on. The key need not be present.
    ///
    /// For values that are not loaded by [`get_or_insert_with`](Self::get_or_insert_with): a value that is
    /// passed to [`Watch::store`] never replaces a newer one.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, EntryTimes, Query, StoreOutcome, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let watch = cache.watch(&GetName { id: 7 });
    /// let loaded = "Seven".to_owned(); // from a slow server
    ///
    /// // Another part of the program writes the key meanwhile.
    /// cache.insert(GetName { id: 7 }, "VII".to_owned());
    /// assert!(matches!(watch.store(loaded, EntryTimes::new()), StoreOutcome::Overtaken(_)));
    /// assert_eq!(*cache.get(&GetName { id: 7 }).unwrap(), "VII");
    /// ```
    #[must_use]
    pub fn watch<Q: Query>(&self, query: &Q) -> Watch<Q>
    where
        R: HasTable<Q>,
    {
        Watch::new(self.any_table_ref::<Q>(), query.clone(), None)
    }

    /// Watches a key, as [`watch`](Self::watch) does, and calls `changed` after each change of it until the watch is
    /// dropped.
    ///
    /// A change is a write, a removal, a `clear`, an invalidation, or a `touch`, which overtakes no watch. A change of
    /// another key does not call it.
    ///
    /// `changed` runs without locks, on the thread that changed the key or on another that changes something
    /// at the same time. A read of the key in it, or after it, sees the change. Several changes may cause one
    /// call, and a call may come without a change, also shortly after the watch is dropped. `changed` must be
    /// quick, since the writer waits for it. Its own changes are reported after it has returned, so a chain
    /// of changes may have any length. A panic in it is counted with those of the listeners.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::mpsc;
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let (sender, changes) = mpsc::channel();
    /// let watch = cache.watch_with(&GetName { id: 7 }, move || _ = sender.send(()));
    /// assert!(changes.try_recv().is_err());
    ///
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert!(changes.try_recv().is_ok());
    /// assert!(watch.is_overtaken());
    /// ```
    #[must_use]
    pub fn watch_with<Q: Query>(&self, query: &Q, changed: impl Fn() + Send + Sync + 'static) -> Watch<Q>
    where
        R: HasTable<Q>,
    {
        Watch::new(self.any_table_ref::<Q>(), query.clone(), Some(Arc::new(changed)))
    }

    /// Writes a value unless it equals the current one. Returns the value that is then in the cache.
    ///
    /// With the option `eq` an equal value is not written: the current one is kept, and touched. Readers that
    /// compare `Arc`s see no change. Without the option this is [`insert`](Self::insert).
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, eq)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let first = cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let same = cache.refresh(GetName { id: 7 }, "Seven".to_owned());
    /// assert!(Arc::ptr_eq(&first, &same));
    ///
    /// let other = cache.refresh(GetName { id: 7 }, "VII".to_owned());
    /// assert_eq!(*other, "VII");
    /// ```
    pub fn refresh<Q: Query>(&self, query: Q, value: impl Into<Arc<Q::Value>>) -> Arc<Q::Value>
    where
        R: Holds<Q>,
    {
        let value = value.into();
        let (present, seen) = self.table::<Q>().read_versioned(&query, Use::Uncounted);
        match present {
            Some(present)
                if Q::same_value(&present, &value) && self.table::<Q>().touch_unchanged(&query, seen) =>
            {
                present
            }
            _ => self.insert(query, value),
        }
    }

    /// Keeps the committed value of a key resident, beyond capacity and times, until the last pin of the key
    /// is dropped.
    ///
    /// The key need not be present. A pin follows replacements, removals and `clear`.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 1)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let pinned = cache.pin(&GetName { id: 0 });
    /// for id in 0..10 {
    ///     cache.insert(GetName { id }, format!("name {id}"));
    /// }
    /// assert_eq!(*pinned.get().unwrap(), "name 0");
    /// ```
    #[must_use]
    pub fn pin<Q: Query>(&self, query: &Q) -> Pinned<Q>
    where
        R: HasTable<Q>,
    {
        Pinned::new(self.table_ref(), AnyPin::new(self.any_table_ref::<Q>(), query), query.clone())
    }

    /// Empties all tables, survivors and history included. Is one commit.
    ///
    /// Pins keep their claim on their keys, and keep later values resident.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let held = cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// cache.clear();
    /// assert!(cache.is_empty());
    /// assert_eq!(*held, "Seven");
    /// ```
    pub fn clear(&self) {
        let mut parts = Vec::new();
        self.visit(&mut |table| parts.push(ClearPart::new(table)));
        self.shared().note_reset();
        // The parts of a clear read nothing, so nothing can overtake them.
        if let Ok(revision) =
            Commit::new(self.shared(), CommitKind::Write).alone().run(&mut dynamic(&mut parts))
        {
            self.shared().log.note(revision, None, || vec!["*"]);
            self.shared().drain();
        }
    }

    /// Removes everything that has expired and all keys whose value is gone. Returns how many keys it removed.
    ///
    /// Writes do the same gradually, each in its own shard. An idle table keeps an expired value until its
    /// key is read. It also keeps the memory of a dead value, which the weak handle of the key keeps
    /// allocated, until a write visits that key. A program that may be idle for long calls this from a timer,
    /// as [`reap_every`](Self::reap_every) does. Visits every survivor, one shard at a time.
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
    /// assert_eq!(cache.reap(), 0);
    ///
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(cache.reap(), 1);
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    pub fn reap(&self) -> usize {
        let mut reaped = 0;
        self.visit(&mut |table| reaped += table.reap());
        reaped
    }

    // Inspection

    /// Reports on the cache: each table with its counters, and the recent commits if they are logged.
    ///
    /// Visits all entries, one shard at a time. Print the report with `{}`, or serialise it for a tool.
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
    /// let _ = (cache.get(&GetName { id: 7 }), cache.get(&GetName { id: 8 }));
    ///
    /// let report = cache.inspect();
    /// let names = &report.tables[0];
    /// assert_eq!((names.name, names.residents), ("get_name", 1));
    /// assert_eq!((names.hits, names.misses), (1, 1));
    /// ```
    #[must_use]
    pub fn inspect(&self) -> Inspection {
        self.report(false)
    }

    /// Reports on the cache, as [`inspect`](Self::inspect) does, with all entries and their keys as text.
    ///
    /// Allocates for all entries.
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
    /// let report = cache.inspect_entries();
    /// assert_eq!(report.tables[0].entries[0].key, "GetName { id: 7 }");
    /// ```
    #[must_use]
    pub fn inspect_entries(&self) -> Inspection {
        self.report(true)
    }

    /// Calls `visit` for each readable entry of all tables: in the order of the registry, and in no order within a
    /// table.
    ///
    /// No lock is held while `visit` runs. Entries that are committed meanwhile may or may not be visited. Does not
    /// count as a use of the entries.
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
    /// cache.for_each(|entry| {
    ///     assert_eq!((entry.table(), format!("{:?}", entry.key())), ("get_name", "GetName { id: 7 }".to_owned()));
    ///     let (key, value) = entry.of::<GetName>().unwrap();
    ///     assert_eq!((key.id, value.as_str()), (7, "Seven"));
    /// });
    /// ```
    pub fn for_each(&self, mut visit: impl FnMut(&EntryView)) {
        self.visit(&mut |table| {
            if let Some(table) = table.used() {
                table.show_entries(&mut visit);
            }
        });
    }

    /// Counts entries, reads and removals of each table, in the order of the registry; the dynamic table is the last.
    ///
    /// Visits no entries: costs one shared lock for each shard, so that it can be called several times a second. See
    /// [`inspect`](Self::inspect) for an exact report. The counts of shards that are written meanwhile are of different
    /// moments.
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
    /// let counts = cache.counts();
    /// assert_eq!((counts[0].name, counts[0].kept, counts[0].weight), ("get_name", 1, 1));
    /// ```
    #[must_use]
    pub fn counts(&self) -> Vec<TableCounts> {
        self.tables().into_iter().map(TableCounts::of).collect()
    }

    /// Calls `visit` with entries of one table, or of all, from `from` on: with the name of the table and a report, which
    /// has the first 512 bytes of the key. Ends after `visits` lines, when `visit` breaks, or at the end. Does not count
    /// as a use of the entries.
    ///
    /// So the cost of a call is bounded, however large the cache is and however few of its entries the caller wants:
    /// `visits` lines, whose keys are copied 64 at a time under the shared lock of one shard. No lock is held while a key
    /// is printed and `visit` runs.
    ///
    /// An entry that is in the cache throughout is visited once, unless its shard is compacted between two calls, after
    /// many removals: then it may be visited twice or not at all. Expired entries are visited until they are removed.
    ///
    /// # Examples
    /// ```
    /// # use std::ops::ControlFlow;
    /// # use cache_core::{Cache, Query, ScanCursor, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// for id in 0..100 {
    ///     cache.insert(GetName { id }, "name".to_owned());
    /// }
    /// let (mut from, mut found) = (ScanCursor::default(), Vec::new());
    /// loop {
    ///     let scan = cache.scan_entries(Some("get_name"), from, 50, |_, entry| {
    ///         found.extend(entry.key.contains("7").then_some(entry.key));
    ///         ControlFlow::Continue(())
    ///     });
    ///     let Some(next) = scan.next else { break };
    ///     from = next;
    /// }
    /// assert_eq!(found.len(), 19);
    /// ```
    pub fn scan_entries(
        &self,
        table: Option<&str>,
        from: ScanCursor,
        visits: usize,
        mut visit: impl FnMut(&'static str, EntryReport) -> ControlFlow<()>,
    ) -> Scan {
        let tables = self.tables();
        let selected = match table {
            None => 0..tables.len(),
            Some(name) => match tables.iter().position(|table| table.name() == name) {
                Some(index) => index..index + 1,
                None => 0..0,
            },
        };
        ScanRequest { tables: &tables, selected, from, visits }.run(&mut visit)
    }

    fn report(&self, with_entries: bool) -> Inspection {
        let mut tables = Vec::new();
        self.visit(&mut |table| tables.push(table.report(with_entries)));
        Inspection {
            revision: self.shared().revision(),
            listener_panics: self.shared().events.panics(),
            tables,
            commits: self.shared().log.recent(),
        }
    }

    /// Returns the log of recent commits. It is off until [`CommitLog::keep`] switches it on.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, CommitError, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.commit_log().keep(10);
    /// cache.transact(|tx| {
    ///     tx.label("import").set(GetName { id: 7 }, "Seven".to_owned());
    ///     Ok::<_, CommitError>(())
    /// })?;
    /// let commits = cache.commit_log().recent();
    /// assert_eq!(commits[0].label.as_deref(), Some("import"));
    /// assert_eq!(commits[0].tables, ["get_name"]);
    /// # Ok::<(), CommitError>(())
    /// ```
    #[must_use]
    pub fn commit_log(&self) -> CommitLog<'_> {
        CommitLog::new(&self.shared().log)
    }

    // Internals

    pub(crate) fn from_inner(inner: Arc<CacheInner<R>>) -> Self {
        Self(inner)
    }

    pub(crate) fn downgrade(&self) -> Weak<CacheInner<R>> {
        Arc::downgrade(&self.0)
    }

    pub(crate) fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'a dyn ErasedTable)) {
        self.0.registry.visit(&mut |table| visitor(table.0));
    }

    /// Returns all tables, in registry order.
    pub(crate) fn tables(&self) -> Vec<&dyn ErasedTable> {
        let mut tables = Vec::new();
        self.visit(&mut |table| tables.push(table));
        tables
    }

    #[inline]
    pub(crate) fn table<Q: Query>(&self) -> &Table<Q>
    where
        R: HasTable<Q>,
    {
        self.0.registry.table()
    }

    /// Erases the registry of the cache.
    #[inline(never)]
    fn any(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(&self.0) as Arc<dyn Any + Send + Sync>
    }

    /// Returns a handle of the table of a query, with its query erased.
    pub(crate) fn erased_ref<Q: Query>(&self) -> ErasedTableRef
    where
        R: HasTable<Q>,
    {
        ErasedTableRef { cache: self.any(), table: any_table_in::<Q, R> }
    }

    pub(crate) fn table_ref<Q: Query>(&self) -> Arc<dyn TableRef<Q>>
    where
        R: HasTable<Q>,
    {
        Arc::clone(&self.0) as Arc<dyn TableRef<Q>>
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }
}

impl<R: Registry> Clone for Cache<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R: Registry> Debug for Cache<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("tables", &self.tables()).finish_non_exhaustive()
    }
}
