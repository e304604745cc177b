//! The public face: a cheap handle to one cache.

pub(crate) mod builder;
mod client_support;
pub(crate) mod dynamic;
pub(crate) mod restore;
pub(crate) mod save;

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::{Arc, Weak};

use crate::clock::{Moment, Revision};
use crate::commit::bulk::Clearing;
use crate::commit::{Commit, CommitKind, dynamic};
use crate::commit_log::CommitLog;
use crate::entry_times::EntryTimes;
use crate::erased::ErasedTable;
use crate::inspect::Inspection;
use crate::pin::{AnyPin, Pinned};
use crate::query::{Lookup, Query};
use crate::registry::{Holds, Registry};
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

impl<Q: Query, R: Holds<Q>> TableRef<Q> for CacheInner<R> {
    fn table(&self) -> &Table<Q> {
        self.registry.table()
    }
}

/// The table of a query in a cache that is known to have this registry.
fn table_in<Q: Query, R: Holds<Q>>(cache: &(dyn Any + Send + Sync)) -> &Table<Q> {
    let inner: &CacheInner<R> =
        cache.downcast_ref().expect("a handle is made of the cache with its registry");
    inner.registry.table()
}

/// The same, its query forgotten.
fn any_table_in<Q: Query, R: Holds<Q>>(cache: &(dyn Any + Send + Sync)) -> &dyn ErasedTable {
    table_in::<Q, R>(cache).erased()
}

impl<R: Registry> Cache<R> {
    #[inline(never)]
    pub(crate) fn from_parts(registry: R, shared: Arc<Shared>) -> Self {
        Self(Arc::new(CacheInner { registry, shared }))
    }

    // Reading

    /// The value of a key, if it is readable: resident, or held by any part of the program.
    ///
    /// The same allocation on every call until the entry is replaced. Counts as a use. Costs one shared lock of one
    /// shard and a reference count; allocates nothing. A resident found past its deadline is let go of first.
    #[inline]
    #[must_use]
    pub fn get<L: Lookup>(&self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().get(lookup)
    }

    /// [`get`](Self::get) that counts neither as a use nor as a hit or miss.
    #[must_use]
    pub fn peek<L: Lookup>(&self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().peek(lookup)
    }

    /// Whether a key has a readable value. Counts neither as a use nor as a hit or miss.
    ///
    /// Costs one shared lock of one shard. The value may be gone when this returns: to use it, call [`get`](Self::get).
    ///
    /// # Examples
    #[cfg_attr(feature = "derive", doc = "```")]
    #[cfg_attr(not(feature = "derive"), doc = "```ignore")]
    /// use cache_core::{Cache, Query, registry};
    ///
    /// #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// #[query(value = String, capacity = 100)]
    /// pub struct GetName { pub id: u64 }
    ///
    /// registry! {
    ///     pub struct CacheRegistry { crate::GetName }
    /// }
    ///
    /// # fn main() {
    /// let cache = Cache::<CacheRegistry>::new();
    /// assert!(!cache.contains(&GetName { id: 7 }));
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert!(cache.contains(&GetName { id: 7 }));
    /// # }
    /// ```
    #[must_use]
    pub fn contains<L: Lookup>(&self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().contains(lookup)
    }

    /// The value of a key if it is fresh: within its freshness time, not invalidated, not expired.
    #[must_use]
    pub fn get_fresh<L: Lookup>(&self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: Holds<L::Query>,
    {
        let entry = self.get_entry(lookup)?;
        let is_fresh = entry.freshness() == Freshness::Fresh && !entry.is_expired();
        is_fresh.then(|| entry.into_value())
    }

    /// Value and state of an entry. Counts as a use.
    #[must_use]
    pub fn get_entry<L: Lookup>(&self, lookup: &L) -> Option<Entry<L::Query>>
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().entry(lookup, Use::Counted)
    }

    /// [`get_entry`](Self::get_entry) that counts neither as a use nor as a hit or miss.
    #[must_use]
    pub fn peek_entry<L: Lookup>(&self, lookup: &L) -> Option<Entry<L::Query>>
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().entry(lookup, Use::Uncounted)
    }

    /// The values that a resident entry had before, oldest first; at most as many as its table's `history` says.
    #[must_use]
    pub fn history<L: Lookup>(&self, lookup: &L) -> Vec<HistoryEntry<<L::Query as Query>::Value>>
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().history(lookup)
    }

    /// All readable entries of one query, in no particular order, each once.
    ///
    /// Shards are read one after the other: what is committed meanwhile may or may not be there. Allocates for all
    /// entries.
    #[must_use]
    pub fn entries<Q: Query>(&self) -> Vec<Entry<Q>>
    where
        R: Holds<Q>,
    {
        self.table::<Q>().entries()
    }

    /// The keys of [`entries`](Self::entries).
    #[must_use]
    pub fn keys<Q: Query>(&self) -> Vec<Q>
    where
        R: Holds<Q>,
    {
        self.table::<Q>().keys()
    }

    /// The values of [`entries`](Self::entries).
    #[must_use]
    pub fn values<Q: Query>(&self) -> Vec<Arc<Q::Value>>
    where
        R: Holds<Q>,
    {
        self.table::<Q>().values()
    }

    /// Readable entries of all tables. Visits every survivor of every table.
    #[must_use]
    pub fn len(&self) -> usize {
        let mut len = 0;
        self.visit(&mut |table| len += table.live());
        len
    }

    /// Whether no entry is readable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Readable entries of one query. Visits every survivor of its table.
    #[must_use]
    pub fn count<Q: Query>(&self) -> usize
    where
        R: Holds<Q>,
    {
        self.table::<Q>().erased().live()
    }

    /// Revision of the last commit; `None` before the first.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        Some(self.shared().revision()).filter(|&revision| revision > 0).map(Revision)
    }

    /// The present moment of the cache's clock, as precisely as it can tell.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.shared().precise_now()
    }

    // Writing

    /// Writes one value, visible at once. Returns its `Arc`.
    ///
    /// As cheap as in a plain cache: it is no transaction, so it does not ask the `before_commit` hooks; it has a
    /// revision, and listeners hear of it.
    pub fn insert<Q: Query>(&self, query: Q, value: impl Into<Arc<Q::Value>>) -> Arc<Q::Value>
    where
        R: Holds<Q>,
    {
        self.table::<Q>().insert(query, value.into(), &EntryTimes::new())
    }

    /// [`insert`](Self::insert) with times of its own.
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

    /// The value of a key, computed by `load` if there is none.
    ///
    /// One caller computes, the others with the same key wait for it, whatever thread they are on. No lock is held
    /// meanwhile. If `load` panics, one of those who waited computes in its place. Asking for the same key inside
    /// `load` computes at once; two loads that ask for each other's key on two threads wait for ever.
    ///
    /// A change of the key during the load is newer than what is loaded. A value that was written meanwhile is what all
    /// get. After a removal, a `clear` or an invalidation, of the key or of all that it is one of, those who waited get
    /// the loaded value, and it is not stored; a caller that comes later loads anew.
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

    /// [`get_or_insert_with`](Self::get_or_insert_with) with a `load` that may fail. A failure is not remembered:
    /// one of those who waited tries in its place.
    ///
    /// # Errors
    /// What `load` returned.
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

    /// Removes an entry. Returns whether it was readable. Is a commit.
    pub fn remove<L: Lookup>(&self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().remove(lookup)
    }

    /// Renews the times of an entry and clears its mark, without replacing its value. Returns whether there is one.
    /// Is no commit: no revision, no conflict.
    pub fn touch<L: Lookup>(&self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().touch(lookup)
    }

    /// Marks an entry as one that must be loaded again; `get` still returns it, `get_fresh` does not. The next write
    /// clears the mark. Returns whether there is one. Overtakes the loads and watches of the key, whether there is one
    /// or not: what they load is not stored.
    pub fn invalidate<L: Lookup>(&self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        self.table::<L::Query>().invalidate(lookup)
    }

    /// Marks all entries of one query whose keys `matches`, and overtakes the loads and watches of such keys. Returns
    /// how many entries were marked. Visits all entries of the table, one shard at a time: what is written meanwhile may
    /// be marked.
    pub fn invalidate_where<Q: Query>(&self, matches: impl Fn(&Q) -> bool) -> usize
    where
        R: Holds<Q>,
    {
        self.table::<Q>().invalidate_where(&matches)
    }

    /// Marks all entries with a tag, and overtakes the loads and watches of such keys, whether there is an entry or not.
    /// Returns how many entries were marked.
    ///
    /// - A tag of a query (`#[query(tags("posts"))]`) is one of all its entries: this visits all entries of its table.
    /// - A tag of single entries ([`#[query(tags_of = path)]`](crate::Query::TAGS_OF)) is found in the index of its table: this
    ///   visits the entries that have it, and looks at each load and watch of the table.
    ///
    /// One entry is marked after the other. What is written meanwhile may be marked.
    /// [`Transaction::invalidate_tag`](crate::Transaction::invalidate_tag) marks all at once.
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

    /// Marks all entries of all tables, and overtakes all loads and watches. Returns how many entries were marked.
    /// Visits all entries.
    pub fn invalidate_all(&self) -> usize {
        self.invalidate_tables(|_| true)
    }

    fn invalidate_tables(&self, is_meant: impl Fn(&'static [&'static str]) -> bool) -> usize {
        let mut marked = 0;
        self.visit(&mut |table| {
            if is_meant(table.head().tags) {
                // Before the look whether it is used: it may become so.
                table.head().dirty_marks.mark_all();
                marked += table.used().map_or(0, |table| table.invalidate_where(&|_| true));
            }
        });
        marked
    }

    /// Watches a key, from now on, for writes and invalidations; it need not be there.
    #[must_use]
    pub fn watch<Q: Query>(&self, query: &Q) -> Watch<Q>
    where
        R: Holds<Q>,
    {
        Watch::new(self.used_ref::<Q>(), query.clone(), None)
    }

    /// [`watch`](Self::watch) that calls `changed` whenever something has happened to the key: a write, a removal, a
    /// `clear`, an invalidation, and also a `touch`, which overtakes no watch. Again and again, until the watch is dropped.
    ///
    /// It is called without locks, by the thread that changed the key or another that changes something at the same
    /// time; a read of the key in it, or after it, sees the change. Several changes may come as one call, and a call may
    /// come without a change, also shortly after the watch is dropped. It has to be quick: the writer waits for it.
    /// What it changes itself is told after it has returned, so that a chain of changes may be as long as it likes.
    /// A panic in it is counted with those of the listeners. A change of another key does not call it.
    #[must_use]
    pub fn watch_with<Q: Query>(&self, query: &Q, changed: impl Fn() + Send + Sync + 'static) -> Watch<Q>
    where
        R: Holds<Q>,
    {
        Watch::new(self.used_ref::<Q>(), query.clone(), Some(Arc::new(changed)))
    }

    /// Writes a value, unless the query says `eq` and the present value equals it: then the present one is kept, and
    /// touched. Returns the one that is kept.
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

    /// Keeps whatever is committed under a key resident, over capacity and time, until the last pin of it is dropped.
    /// The key need not be there.
    #[must_use]
    pub fn pin<Q: Query>(&self, query: &Q) -> Pinned<Q>
    where
        R: Holds<Q>,
    {
        Pinned::new(self.table_ref(), AnyPin::new(self.used_ref::<Q>(), query), query.clone())
    }

    /// Empties all tables, survivors and history included. Is one commit. Pins keep their claim on their keys.
    pub fn clear(&self) {
        let mut parts = Vec::new();
        self.visit(&mut |table| parts.push(Clearing::new(table)));
        // The parts of a clear read nothing, so nothing can have overtaken them.
        if let Ok(revision) =
            Commit::new(self.shared(), CommitKind::Write).alone().run(&mut dynamic(&mut parts))
        {
            self.shared().log.note(revision, None, || vec!["*"]);
            self.shared().events.drain();
        }
    }

    /// Lets go of everything that has expired and removes all dead keys, now. Returns how many keys went.
    ///
    /// Writes do the same bit by bit, each for its own shard. A table that is idle keeps what it has: a value past its
    /// deadline until its key is read, and the memory of a dead value, which its key's weak handle holds on to, until a
    /// write visits it. A program that may be idle for long calls this from a timer, as
    /// [`reap_every`](Self::reap_every) does. Visits every survivor, one shard at a time.
    pub fn reap(&self) -> usize {
        let mut reaped = 0;
        self.visit(&mut |table| reaped += table.reap());
        reaped
    }

    // Inspection

    /// What is in the cache now: tables with their counters, and the recent commits if they are logged.
    #[must_use]
    pub fn inspect(&self) -> Inspection {
        self.report(false)
    }

    /// [`inspect`](Self::inspect) with all entries, keys as text. Allocates for all of them.
    #[must_use]
    pub fn inspect_entries(&self) -> Inspection {
        self.report(true)
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

    /// The log of recent commits, to be switched on and off.
    #[must_use]
    pub fn commit_log(&self) -> CommitLog<'_> {
        CommitLog::new(&self.shared().log)
    }

    // Inside

    pub(crate) fn from_inner(inner: Arc<CacheInner<R>>) -> Self {
        Self(inner)
    }

    pub(crate) fn downgrade(&self) -> Weak<CacheInner<R>> {
        Arc::downgrade(&self.0)
    }

    pub(crate) fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'a dyn ErasedTable)) {
        self.0.registry.visit(&mut |table| visitor(table.0));
    }

    /// All tables, in order of their listing.
    pub(crate) fn tables(&self) -> Vec<&dyn ErasedTable> {
        let mut tables = Vec::new();
        self.visit(&mut |table| tables.push(table));
        tables
    }

    #[inline]
    pub(crate) fn table<Q: Query>(&self) -> &Table<Q>
    where
        R: Holds<Q>,
    {
        self.0.registry.table()
    }

    /// The cache, its registry forgotten.
    #[inline(never)]
    fn any(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(&self.0) as Arc<dyn Any + Send + Sync>
    }

    /// A handle of the table of a query, its query forgotten.
    pub(crate) fn erased_ref<Q: Query>(&self) -> ErasedTableRef
    where
        R: Holds<Q>,
    {
        ErasedTableRef { cache: self.any(), table: any_table_in::<Q, R> }
    }

    pub(crate) fn table_ref<Q: Query>(&self) -> Arc<dyn TableRef<Q>>
    where
        R: Holds<Q>,
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
