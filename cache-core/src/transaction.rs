//! Transactions: a set of changes that become visible all at once.

mod backoff;
mod draft;
mod read_set;
mod receipt;

use std::any::{Any, TypeId};
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::cache::Cache;
use crate::commit::typed_writes::Writes;
use crate::commit::write_set::WriteSet;
use crate::entry_times::EntryTimes;
use crate::error::CommitError;
use crate::event::Change;
use crate::query::{Lookup, Query};
use crate::registry::{Holds, Registry};
use crate::tag::Tag;
use crate::typed::Pairs;
pub use backoff::Backoff;
pub(crate) use draft::DraftParts;
use draft::{ATTEMPTS_WITH_HOOKS, Draft, MarkedTables, yield_now};
pub use read_set::ReadSet;
pub use receipt::Receipt;

/// A value that can take in a newer one of its kind.
pub trait Merge: Clone {
    /// Takes in what `newer` says. Must give the same result each time: it runs again when another commit has
    /// changed the value meanwhile.
    fn merge(&mut self, newer: &Self);
}

/// A set of changes on its way into a cache. Dropping it is rollback.
///
/// Nobody else sees its writes before [`commit`](Self::commit), and then all of them at once. Keys that it reads or
/// merges are compared with what is there at commit, so that transactions are serialisable for reads and writes of
/// single keys; `set` and `remove` alone never conflict. A merge that this transaction itself replaces counts as a
/// read: what replaced it may have been made from it, and cannot be made again.
pub struct Transaction<R: Registry> {
    cache: Cache<R>,
    draft: Draft,
}

impl<R: Registry> Transaction<R> {
    pub(crate) fn new(cache: Cache<R>) -> Self {
        Self { cache, draft: Draft::default() }
    }

    /// Says what the transaction is for. Kept in the history, and in the log of commits while that is on.
    pub fn label(&mut self, label: impl Into<Arc<str>>) -> &mut Self {
        self.draft.label = Some(label.into());
        self
    }

    /// Gives the `before_commit` hooks something to look at.
    pub fn context(&mut self, context: Arc<dyn Any + Send + Sync>) -> &mut Self {
        self.draft.context = Some(context);
        self
    }

    /// This transaction's own write, else what is committed now. `None`: neither, or removed here.
    ///
    /// A committed answer, absence included, is validated by [`commit`](Self::commit). A merge of this transaction
    /// is not: it runs again if its base has changed, so what is committed may differ from what was seen here. To
    /// write something else from it, read the key before it is merged.
    pub fn get<L: Lookup>(&mut self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: Holds<L::Query>,
    {
        self.writes_mut::<L::Query>().get(lookup)
    }

    /// What is committed now, whatever this transaction has written. Not validated.
    #[must_use]
    pub fn committed<L: Lookup>(&self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: Holds<L::Query>,
    {
        self.cache.get(lookup)
    }

    /// This transaction's own writes, in the order in which their keys were first written.
    #[must_use]
    pub fn writes(&self) -> Vec<Change> {
        self.draft.writes()
    }

    /// Replaces the whole value. Returns the `Arc` that will be committed.
    pub fn set<Q: Query>(&mut self, query: Q, value: impl Into<Arc<Q::Value>>) -> Arc<Q::Value>
    where
        R: Holds<Q>,
    {
        self.set_value(query, value.into(), None)
    }

    /// Replaces the whole value, with times of its own.
    pub fn set_timed<Q: Query>(
        &mut self,
        query: Q,
        value: impl Into<Arc<Q::Value>>,
        times: EntryTimes,
    ) -> Arc<Q::Value>
    where
        R: Holds<Q>,
    {
        self.set_value(query, value.into(), times.boxed())
    }

    fn set_value<Q: Query>(
        &mut self,
        query: Q,
        value: Arc<Q::Value>,
        times: Option<Box<EntryTimes>>,
    ) -> Arc<Q::Value>
    where
        R: Holds<Q>,
    {
        let line = self.writes_mut::<Q>().set(query, Arc::clone(&value), times);
        self.draft.note(self.cache.table::<Q>().index(), line);
        value
    }

    /// Makes the new value from the present one (`None` if there is none): this transaction's own, else the
    /// committed one.
    ///
    /// `merge` must be pure: if another commit changes the committed value meanwhile, it runs again on that.
    pub fn merge_with<Q, V>(&mut self, query: Q, merge: impl Fn(Option<&V>) -> V + Send + 'static)
    where
        Q: Query<Value = V>,
        V: Send + Sync + 'static,
        R: Holds<Q>,
    {
        let step = Box::new(move |present: Option<&V>| Arc::new(merge(present)));
        let line = self.writes_mut::<Q>().merge(&query, step);
        self.draft.note(self.cache.table::<Q>().index(), line);
    }

    /// Lets the present value take in `value`, or puts `value` where there is none.
    pub fn merge<Q, V>(&mut self, query: Q, value: V)
    where
        Q: Query<Value = V>,
        V: Merge + Send + Sync + 'static,
        R: Holds<Q>,
    {
        self.merge_with(query, move |present| {
            let Some(present) = present else { return value.clone() };
            let mut merged = present.clone();
            merged.merge(&value);
            merged
        });
    }

    /// Makes the new value from the present one here and now, once. If the committed value changes before the
    /// commit, that fails with a conflict.
    pub fn update_once<Q: Query, T: Into<Arc<Q::Value>>>(
        &mut self,
        query: Q,
        update: impl FnOnce(Option<&Q::Value>) -> T,
    ) -> Arc<Q::Value>
    where
        R: Holds<Q>,
    {
        let (value, line) = self.writes_mut::<Q>().update_once(query, |present| update(present).into());
        self.draft.note(self.cache.table::<Q>().index(), line);
        value
    }

    /// Changes a part of the value that is there, here and now, once: this transaction's own, else the committed one. Does
    /// nothing where nothing is. Returns whether there was something to change.
    ///
    /// The entry gets no younger by that: it keeps its age, its own times and its mark, since the rest of its value is as
    /// old as before. It is marked too if it was evicted before the commit.
    ///
    /// Where nothing is, a load of the key that is running does not know of the change. The commit makes that load out of
    /// date, as a write would: its callers get its answer, which is not stored, and the next read loads. If a value comes
    /// to the key before the commit, that fails with a conflict, as it does if the present value changes.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, CommitError, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Vec<String>, capacity = 1_000, fresh = "30s")]
    /// # pub struct GetTitles;
    /// # registry! { pub struct CacheRegistry { crate::GetTitles } }
    /// # fn main() -> Result<(), CommitError> {
    /// let cache = Cache::<CacheRegistry>::new();
    /// let add = |title: &str| {
    ///     cache.transact(|tx| {
    ///         Ok::<_, CommitError>(tx.update(&GetTitles, |titles| {
    ///             let mut titles = titles.to_vec();
    ///             titles.push(title.to_owned());
    ///             titles
    ///         }))
    ///     })
    /// };
    /// assert!(!add("One")?, "the list has not been loaded");
    /// cache.insert(GetTitles, vec!["One".to_owned()]);
    /// assert!(add("Two")?);
    /// assert_eq!(*cache.get(&GetTitles).unwrap(), ["One", "Two"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn update<L: Lookup, T: Into<Arc<<L::Query as Query>::Value>>>(
        &mut self,
        lookup: &L,
        update: impl FnOnce(&Arc<<L::Query as Query>::Value>) -> T,
    ) -> bool
    where
        R: Holds<L::Query>,
    {
        let (was_there, line) =
            self.writes_mut::<L::Query>().update(lookup, |present| update(present).into());
        self.draft.note(self.cache.table::<L::Query>().index(), line);
        was_there
    }

    /// Removes the entry. Returns whether there was something to remove. Never conflicts.
    pub fn remove<L: Lookup>(&mut self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        let (was_there, line) = self.writes_mut::<L::Query>().remove(lookup);
        self.draft.note(self.cache.table::<L::Query>().index(), line);
        was_there
    }

    /// Renews the times of an entry and clears its mark. Returns whether there is one.
    pub fn touch<L: Lookup>(&mut self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        let (is_there, line) = self.writes_mut::<L::Query>().touch(lookup);
        self.draft.note(self.cache.table::<L::Query>().index(), line);
        is_there
    }

    /// Marks an entry as one that must be loaded again. Returns whether there is one; one that comes before the commit is
    /// marked too, and loads of the key that began before the commit are not stored as fresh.
    pub fn invalidate<L: Lookup>(&mut self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        let (is_there, line) = self.writes_mut::<L::Query>().invalidate(lookup);
        self.draft.note(self.cache.table::<L::Query>().index(), line);
        is_there
    }

    /// Marks all entries of a query that are there when the commit begins and whose keys `matches`, except those that
    /// this transaction writes or touches. Loads of such keys that began before the commit are not stored as fresh.
    ///
    /// They are found by the commit, which visits all entries of the table and calls `matches` without locks; where there
    /// are `before_commit` hooks, before and after these. So the hooks are asked about the keys, while
    /// [`writes`](Self::writes) does not list them yet.
    pub fn invalidate_where<Q: Query>(&mut self, matches: impl Fn(&Q) -> bool + Send + 'static)
    where
        R: Holds<Q>,
    {
        self.writes_mut::<Q>().invalidate_where(matches);
    }

    /// Marks all entries of a query that are there at the time of the commit, except those that this transaction
    /// writes or touches. They are not among its [`writes`](Self::writes). The commit locks the whole table.
    pub fn invalidate_query<Q: Query>(&mut self)
    where
        R: Holds<Q>,
    {
        self.writes_mut::<Q>().set.mark_all();
    }

    /// Marks all entries with a tag that are there at the time of the commit, except those that this transaction writes or
    /// touches. They are not among its [`writes`](Self::writes). Loads of such keys that began before the commit are not
    /// stored as fresh.
    ///
    /// With a tag of a query (`#[query(tags("posts"))]`) the commit locks its whole table. Entries with a tag of their own
    /// ([`#[query(tags_of = path)]`](crate::Query::TAGS_OF)) are listed when the commit begins, and locked alone.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, CommitError, Freshness, Query, Tag, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 1_000)]
    /// # pub struct GetArticle { pub id: u64 }
    /// # registry! { pub struct CacheRegistry { crate::GetArticle, crate::GetView } }
    /// #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// #[query(value = String, capacity = 1_000, tags_of = GetView::tags)]
    /// pub struct GetView { pub article: u64, pub viewer: u64 }
    ///
    /// impl GetView {
    ///     fn tags(&self) -> [Tag; 1] {
    ///         [Tag::new("article", self.article)]
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), CommitError> {
    /// let cache = Cache::<CacheRegistry>::new();
    /// let view = GetView { article: 7, viewer: 1 };
    /// cache.insert(view.clone(), "as it was".to_owned());
    ///
    /// let mut tx = cache.begin();
    /// tx.set(GetArticle { id: 7 }, "changed".to_owned());
    /// tx.invalidate_tag(Tag::new("article", 7));
    /// tx.commit()?;
    /// assert_eq!(cache.get_entry(&view).map(|entry| entry.freshness()), Some(Freshness::Invalidated));
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_tag(&mut self, tag: impl Into<Tag>) {
        self.draft.invalidate_tag(tag.into());
    }

    /// [`invalidate_query`](Self::invalidate_query) for all queries.
    pub fn invalidate_all(&mut self) {
        self.draft.marked = MarkedTables::All;
    }

    /// The commit sets `flag` together with its changes: a reader that sees one of them then finds the flag set, and a
    /// reader that finds the flag set sees all of them.
    #[doc(hidden)]
    pub fn committed_flag(&mut self, flag: Arc<AtomicBool>) {
        self.draft.committed_flag = Some(flag);
    }

    /// Makes all changes visible at once.
    ///
    /// Returns a receipt that keeps the written values alive. An empty transaction changes nothing and has no
    /// revision; one that only reads is checked to have seen one moment.
    ///
    /// # Errors
    /// - [`CommitError::Conflict`]: another commit wrote a key that was read here. A key that still has the entry that was
    ///   read never conflicts. One that has no entry may conflict without a write of its own, if an entry with another key
    ///   has left the same table since it was read.
    /// - [`CommitError::Refused`]: a `before_commit` hook said no.
    /// - [`CommitError::AsyncHook`]: the cache has a hook that only [`commit_async`](Self::commit_async) can ask.
    /// - [`CommitError::InsideHook`]: called from a `before_commit` hook of the same cache.
    ///
    /// Nothing is applied then.
    ///
    /// # Panics
    /// If a merge function, a weigher, a hook or a predicate of [`invalidate_where`](Self::invalidate_where) panics;
    /// nothing is applied then.
    pub fn commit(mut self) -> Result<Receipt<R>, CommitError> {
        let Self { cache, draft } = &mut self;
        let revision = draft.commit(cache.shared(), &|| cache.tables())?;
        Ok(Receipt::new(revision, self.draft.parts))
    }

    /// [`commit`](Self::commit) for caches with async hooks. Runs on any executor.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), `AsyncHook` excepted.
    ///
    /// # Cancellation
    /// Dropping the future before it is done rolls the transaction back.
    pub async fn commit_async(self) -> Result<Receipt<R>, CommitError> {
        self.commit_in_attempts(ATTEMPTS_WITH_HOOKS).await
    }

    /// [`commit_async`](Self::commit_async) where the caller can wait before the next attempt: with hooks the first
    /// conflict is an error, that of a merge too.
    #[doc(hidden)]
    pub async fn commit_once_async(self) -> Result<Receipt<R>, CommitError> {
        self.commit_in_attempts(1).await
    }

    async fn commit_in_attempts(mut self, attempts: usize) -> Result<Receipt<R>, CommitError> {
        let Self { cache, draft } = &mut self;
        let revision = draft.commit_async(cache.shared(), &|| cache.tables(), attempts).await?;
        Ok(Receipt::new(revision, self.draft.parts))
    }

    /// The set of this transaction's lines in the table of `Q`, made at first use.
    fn writes_mut<Q: Query>(&mut self) -> Writes<'_, Q>
    where
        R: Holds<Q>,
    {
        let Self { cache, draft } = self;
        let table = cache.table::<Q>();
        let set = match draft.parts.find(table.index()) {
            Some(at) => draft.parts.at(at),
            None => {
                // A commit locks its shards, also if it only reads.
                table.made_table();
                let (query, pairs) = (TypeId::of::<Q>(), Pairs::<Q>::boxed);
                draft.parts.add(WriteSet::of(query, table.index(), cache.erased_ref::<Q>(), pairs))
            }
        };
        Writes { table, set }
    }
}

impl<R: Registry> Cache<R> {
    /// Starts a transaction. Costs one reference count; pins and copies nothing.
    #[must_use]
    pub fn begin(&self) -> Transaction<R> {
        Transaction::new(self.clone())
    }

    /// Runs `work` in a transaction and commits it, again if another commit got in between, at most
    /// 64 times. `work` that only reads gets a consistent view of all it read.
    ///
    /// Before each further attempt it waits: at most 4 µs, doubling to a millisecond, or as many times what an attempt
    /// takes if that is longer. How much of that is random.
    ///
    /// # Errors
    /// What `work` returned (nothing is committed then), or why the last commit failed.
    ///
    /// ```
    /// # use cache_core::{Cache, CommitError, Registry};
    /// # fn of<R: Registry>(cache: &Cache<R>) -> Result<(), CommitError> {
    /// let answer = cache.transact(|tx| {
    ///     // tx.get(..), tx.set(..)
    ///     # let _ = tx;
    ///     Ok::<_, CommitError>(42)
    /// })?;
    /// # let _ = answer;
    /// # Ok(())
    /// # }
    /// ```
    pub fn transact<T, E: From<CommitError>>(
        &self,
        mut work: impl FnMut(&mut Transaction<R>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (mut attempts, mut backoff) = (1, Backoff::default());
        loop {
            let begun = self.shared().now();
            let mut transaction = self.begin();
            let result = work(&mut transaction)?;
            match transaction.commit() {
                Ok(_) => return Ok(result),
                Err(CommitError::Conflict { .. }) if attempts < TRANSACT_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error.into()),
            }
            backoff.wait(self.shared(), begun);
        }
    }

    /// [`transact`](Self::transact) for caches with async hooks. Runs on any executor, so that it cannot wait between its
    /// attempts: it lets other tasks go on first.
    ///
    /// # Errors
    /// As [`transact`](Self::transact).
    ///
    /// # Cancellation
    /// Dropping the future before it is done commits nothing.
    pub async fn transact_async<T, E: From<CommitError>>(
        &self,
        mut work: impl FnMut(&mut Transaction<R>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut attempts = 1;
        loop {
            let mut transaction = self.begin();
            let result = work(&mut transaction)?;
            match transaction.commit_async().await {
                Ok(_) => return Ok(result),
                Err(CommitError::Conflict { .. }) if attempts < TRANSACT_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error.into()),
            }
            yield_now().await;
        }
    }
}

/// Attempts of [`Cache::transact`].
pub const TRANSACT_ATTEMPTS: usize = 64;

impl<R: Registry> Debug for Transaction<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("label", &self.draft.label)
            .field("writes", &self.writes())
            .finish()
    }
}
