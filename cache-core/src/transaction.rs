//! Transactions: a set of changes that become visible all at once.

mod backoff;
mod conditional;
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
use crate::registry::{HasTable, Holds, Registry};
use crate::tag::Tag;
use crate::typed::Pairs;
pub use backoff::Backoff;
pub(crate) use draft::DraftParts;
use draft::{ATTEMPTS_WITH_HOOKS, Draft, MarkedTables, yield_now};
pub use read_set::ReadSet;
pub use receipt::Receipt;

/// A value that can merge with a newer one of its type.
pub trait Merge: Clone {
    /// Merges `newer` into this value. Must give the same result each time: it runs again when another commit
    /// has changed the value meanwhile.
    fn merge(&mut self, newer: &Self);
}

/// A set of changes to a cache that a commit applies together. Dropping it rolls it back.
///
/// Its writes become visible at [`commit`](Self::commit), all at once. The commit compares the keys that it
/// read or merged with the present entries, so transactions are serialisable for reads and writes of single
/// keys. `set` and `remove` alone never conflict. A merge that this transaction itself replaces counts as a
/// read: the new value may have been made from the merged one, and cannot be made again.
pub struct Transaction<R: Registry> {
    cache: Cache<R>,
    draft: Draft,
}

impl<R: Registry> Transaction<R> {
    pub(crate) fn new(cache: Cache<R>) -> Self {
        Self { cache, draft: Draft::default() }
    }

    /// Sets a label that says what the transaction is for.
    ///
    /// The label is kept in the history of the entries, and in the commit log while that is on.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, history = 1)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let mut tx = cache.begin();
    /// tx.label("import").set(GetName { id: 7 }, "Seven".to_owned());
    /// tx.commit()?;
    /// cache.insert(GetName { id: 7 }, "VII".to_owned());
    /// assert_eq!(cache.history(&GetName { id: 7 })[0].label.as_deref(), Some("import"));
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    pub fn label(&mut self, label: impl Into<Arc<str>>) -> &mut Self {
        self.draft.label = Some(label.into());
        self
    }

    /// Sets a value for the `before_commit` hooks, which they read with
    /// [`Proposal::context`](crate::Proposal::context).
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use cache_core::{Cache, CommitError, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # struct User { may_write: bool }
    /// let cache = Cache::<CacheRegistry>::builder()
    ///     .before_commit(|proposal| match proposal.context::<User>() {
    ///         Some(User { may_write: true }) => Ok(()),
    ///         _ => Err("not allowed".into()),
    ///     })
    ///     .build()?;
    /// let mut tx = cache.begin();
    /// tx.context(Arc::new(User { may_write: false })).set(GetName { id: 7 }, "Seven".to_owned());
    /// assert!(matches!(tx.commit(), Err(CommitError::Refused(_))));
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    pub fn context(&mut self, context: Arc<dyn Any + Send + Sync>) -> &mut Self {
        self.draft.context = Some(context);
        self
    }

    /// Returns this transaction's own write of a key, or else the committed value. `None` if there is
    /// neither, or if this transaction removes the key.
    ///
    /// [`commit`](Self::commit) validates a committed value that was read, and also the absence of one. It
    /// does not validate the result of a merge of this transaction: the merge runs again if its base has
    /// changed, so the committed value may differ from the returned one. To write something else that depends
    /// on it, read the key before the merge.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, CommitError, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let mut tx = cache.begin();
    /// assert!(tx.get(&GetName { id: 7 }).is_none());
    /// tx.set(GetName { id: 7 }, "Seven".to_owned());
    /// assert_eq!(*tx.get(&GetName { id: 7 }).unwrap(), "Seven");
    ///
    /// // Another commit makes the first answer wrong.
    /// cache.insert(GetName { id: 7 }, "VII".to_owned());
    /// assert!(matches!(tx.commit(), Err(CommitError::Conflict { .. })));
    /// ```
    pub fn get<L: Lookup>(&mut self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: HasTable<L::Query>,
    {
        self.writes_mut::<L::Query>().get(lookup)
    }

    /// Returns the committed value, whatever this transaction has written. This read is not validated.
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
    /// let mut tx = cache.begin();
    /// tx.set(GetName { id: 7 }, "VII".to_owned());
    /// assert_eq!(*tx.get(&GetName { id: 7 }).unwrap(), "VII");
    /// assert_eq!(*tx.committed(&GetName { id: 7 }).unwrap(), "Seven");
    /// ```
    #[must_use]
    pub fn committed<L: Lookup>(&self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: HasTable<L::Query>,
    {
        self.cache.get(lookup)
    }

    /// Returns this transaction's own writes, in the order in which their keys were first written.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, ChangeKind, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let mut tx = cache.begin();
    /// tx.set(GetName { id: 7 }, "Seven".to_owned());
    /// tx.remove(&GetName { id: 8 });
    /// let kinds: Vec<_> = tx.writes().iter().map(|change| change.kind()).collect();
    /// assert_eq!(kinds, [ChangeKind::Set, ChangeKind::Removed]);
    /// ```
    #[must_use]
    pub fn writes(&self) -> Vec<Change> {
        self.draft.writes()
    }

    /// Replaces the whole value of a key, and returns the `Arc` that will be committed.
    ///
    /// By itself it never conflicts: the last commit wins.
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
    /// let mut tx = cache.begin();
    /// let set = tx.set(GetName { id: 7 }, "Seven".to_owned());
    /// tx.commit()?;
    /// assert!(Arc::ptr_eq(&cache.get(&GetName { id: 7 }).unwrap(), &set));
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    #[inline]
    pub fn set<Q: Query>(&mut self, query: Q, value: impl Into<Arc<Q::Value>>) -> Arc<Q::Value>
    where
        R: Holds<Q>,
    {
        self.set_value(query, value.into(), None)
    }

    /// Replaces the whole value of a key, as [`set`](Self::set) does, with its own times in place of those of
    /// the table.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # use cache_core::{Cache, EntryTimes, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let mut tx = cache.begin();
    /// let times = EntryTimes::new().ttl(Duration::from_secs(60));
    /// tx.set_timed(GetName { id: 7 }, "Seven".to_owned(), times);
    /// tx.commit()?;
    /// let entry = cache.get_entry(&GetName { id: 7 }).unwrap();
    /// assert!(entry.remaining() <= Some(Duration::from_secs(60)));
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
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

    #[inline]
    fn set_value<Q: Query>(
        &mut self,
        query: Q,
        value: Arc<Q::Value>,
        times: Option<Box<EntryTimes>>,
    ) -> Arc<Q::Value>
    where
        R: HasTable<Q>,
    {
        let line = self.writes_mut::<Q>().set(query, Arc::clone(&value), times);
        self.draft.note(self.cache.table::<Q>().index(), line);
        value
    }

    /// Computes the new value from the current one: this transaction's own, or else the committed one; `None`
    /// if there is neither.
    ///
    /// `merge` must be pure: if another commit changes the committed value meanwhile, `merge` runs again on
    /// the new value instead of causing a conflict.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = u64, capacity = 100)]
    /// # struct CountVisits;
    /// # registry! { struct CacheRegistry { CountVisits } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let mut tx = cache.begin();
    /// tx.merge_with(CountVisits, |visits| visits.copied().unwrap_or(0) + 1);
    ///
    /// // Another commit comes first; the merge adds to its value.
    /// cache.insert(CountVisits, 41);
    /// tx.commit()?;
    /// assert_eq!(*cache.get(&CountVisits).unwrap(), 42);
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
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

    /// Merges `value` into the current value with its [`Merge`] implementation. Without a current value,
    /// writes `value`.
    ///
    /// Like [`merge_with`](Self::merge_with), it runs again if another commit changes the current value
    /// meanwhile.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Merge, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Tags, capacity = 100)]
    /// # struct GetTags { post: u64 }
    /// # registry! { struct CacheRegistry { GetTags } }
    /// # #[derive(Clone, Debug, PartialEq)]
    /// # struct Tags(Vec<&'static str>);
    /// # let cache = Cache::<CacheRegistry>::new();
    /// impl Merge for Tags {
    ///     fn merge(&mut self, newer: &Self) {
    ///         self.0.extend(&newer.0);
    ///     }
    /// }
    /// cache.insert(GetTags { post: 7 }, Tags(vec!["rust"]));
    /// let mut tx = cache.begin();
    /// tx.merge(GetTags { post: 7 }, Tags(vec!["cache"]));
    /// tx.commit()?;
    /// assert_eq!(*cache.get(&GetTags { post: 7 }).unwrap(), Tags(vec!["rust", "cache"]));
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
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

    /// Computes the new value from the current one immediately, calling `update` exactly once. Returns the
    /// value that will be committed.
    ///
    /// `update` gets this transaction's own value, or else the committed one; `None` if there is neither. If
    /// the committed value changes before the commit, the commit fails with a conflict.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, CommitError, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = u64, capacity = 100)]
    /// # struct CountVisits;
    /// # registry! { struct CacheRegistry { CountVisits } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let mut tx = cache.begin();
    /// let visits = tx.update_once(CountVisits, |visits| visits.map_or(1, |visits| visits + 1));
    /// assert_eq!(*visits, 1);
    ///
    /// cache.insert(CountVisits, 41);
    /// assert!(matches!(tx.commit(), Err(CommitError::Conflict { .. })));
    /// ```
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

    /// Changes a part of an existing value immediately, calling `update` at most once. Returns whether there
    /// was a value.
    ///
    /// `update` gets this transaction's own value, or else the committed one. Without either, nothing is
    /// written.
    ///
    /// The entry does not become younger: it keeps its age, its own times and its mark, since the rest of its value is
    /// as old as before. It is also marked if it was evicted before the commit.
    ///
    /// If there is no value, a running load of the key does not know of the change. The commit overtakes that
    /// load, as a write would: its callers get its answer, which is not stored, and the next read loads. If a
    /// value is written to the key before the commit, the commit fails with a conflict, as it does if the
    /// current value changes.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Vec<&'static str>, capacity = 100)]
    /// # struct GetTitles;
    /// # registry! { struct CacheRegistry { GetTitles } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let mut tx = cache.begin();
    /// let add = |titles: &Arc<Vec<&'static str>>| [&titles[..], &["Two"]].concat();
    /// assert!(!tx.update(&GetTitles, add), "the list has not been loaded");
    ///
    /// cache.insert(GetTitles, vec!["One"]);
    /// let mut tx = cache.begin();
    /// assert!(tx.update(&GetTitles, add));
    /// tx.commit()?;
    /// assert_eq!(*cache.get(&GetTitles).unwrap(), ["One", "Two"]);
    /// # Ok::<(), cache_core::CommitError>(())
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

    /// Removes an entry at the commit. Returns whether there is something to remove. Never conflicts.
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
    /// let mut tx = cache.begin();
    /// assert!(tx.remove(&GetName { id: 7 }));
    /// assert!(tx.get(&GetName { id: 7 }).is_none());
    /// assert!(cache.contains(&GetName { id: 7 }), "until the commit");
    /// tx.commit()?;
    /// assert!(!cache.contains(&GetName { id: 7 }));
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    pub fn remove<L: Lookup>(&mut self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        self.remove_entry(lookup)
    }

    fn remove_entry<L: Lookup>(&mut self, lookup: &L) -> bool
    where
        R: HasTable<L::Query>,
    {
        let (was_there, line) = self.writes_mut::<L::Query>().remove(lookup);
        self.draft.note(self.cache.table::<L::Query>().index(), line);
        was_there
    }

    /// Renews the times of an entry and clears its mark at the commit. Returns whether there is an entry.
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
    /// let mut tx = cache.begin();
    /// assert!(tx.touch(&GetName { id: 7 }));
    /// tx.commit()?;
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_some());
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    pub fn touch<L: Lookup>(&mut self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        let (is_there, line) = self.writes_mut::<L::Query>().touch(lookup);
        self.draft.note(self.cache.table::<L::Query>().index(), line);
        is_there
    }

    /// Marks an entry as invalidated at the commit: its value must be loaded again. Returns whether there is
    /// an entry.
    ///
    /// An entry that is written before the commit is marked too. Loads of the key that began before the commit are not
    /// stored as fresh.
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
    /// let mut tx = cache.begin();
    /// tx.set(GetName { id: 8 }, "Eight".to_owned());
    /// assert!(tx.invalidate(&GetName { id: 7 }));
    /// tx.commit()?;
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    /// assert!(cache.get_fresh(&GetName { id: 8 }).is_some());
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    pub fn invalidate<L: Lookup>(&mut self, lookup: &L) -> bool
    where
        R: Holds<L::Query>,
    {
        let (is_there, line) = self.writes_mut::<L::Query>().invalidate(lookup);
        self.draft.note(self.cache.table::<L::Query>().index(), line);
        is_there
    }

    /// Marks at the commit all entries of a query whose keys `matches` accepts, except those that this
    /// transaction writes or touches.
    ///
    /// It marks the entries that are present when the commit begins. Loads of such keys that began before the
    /// commit are not stored as fresh.
    ///
    /// The commit visits all entries of the table and calls `matches` without locks; with `before_commit`
    /// hooks it does so before and after them. So the hooks get the keys, although [`writes`](Self::writes)
    /// does not list them.
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
    /// let mut tx = cache.begin();
    /// tx.invalidate_where(|key: &GetName| key.id >= 7);
    /// tx.commit()?;
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    /// assert!(cache.get_fresh(&GetName { id: 6 }).is_some());
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    pub fn invalidate_where<Q: Query>(&mut self, matches: impl Fn(&Q) -> bool + Send + 'static)
    where
        R: Holds<Q>,
    {
        self.writes_mut::<Q>().invalidate_where(matches);
    }

    /// Marks all entries of a query that are present at the time of the commit, except those that this
    /// transaction writes or touches.
    ///
    /// They are not among its [`writes`](Self::writes). The commit locks the whole table.
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
    /// let mut tx = cache.begin();
    /// tx.invalidate_query::<GetName>();
    /// tx.set(GetName { id: 8 }, "Eight".to_owned());
    /// tx.commit()?;
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    /// assert!(cache.get_fresh(&GetName { id: 8 }).is_some());
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    pub fn invalidate_query<Q: Query>(&mut self)
    where
        R: Holds<Q>,
    {
        self.writes_mut::<Q>().set.mark_all();
    }

    /// Marks all entries with a tag that are present at the time of the commit, except those that this
    /// transaction writes or touches.
    ///
    /// They are not among its [`writes`](Self::writes). Loads of such keys that began before the commit are not stored
    /// as fresh.
    ///
    /// With a tag of a query (`#[query(tags("posts"))]`) the commit locks its whole table. Entries with a tag of their
    /// own ([`#[query(tags_of = path)]`](crate::Query::TAGS_OF)) are listed when the commit begins, and only they are
    /// locked.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Freshness, Query, Tag, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, tags_of = GetView::tags)]
    /// # struct GetView { article: u64, viewer: u64 }
    /// # registry! { struct CacheRegistry { GetView } }
    /// # impl GetView {
    /// #     fn tags(&self) -> [Tag; 1] {
    /// #         [Tag::new("article", self.article)]
    /// #     }
    /// # }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let view = GetView { article: 7, viewer: 1 };
    /// cache.insert(view.clone(), "as it was".to_owned());
    ///
    /// let mut tx = cache.begin();
    /// tx.invalidate_tag(Tag::new("article", 7));
    /// tx.commit()?;
    /// assert_eq!(cache.get_entry(&view).unwrap().freshness(), Freshness::Invalidated);
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    pub fn invalidate_tag(&mut self, tag: impl Into<Tag>) {
        self.draft.invalidate_tag(tag.into());
    }

    /// Marks all entries of all queries, as [`invalidate_query`](Self::invalidate_query) does for one. The commit locks
    /// all tables.
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
    /// let mut tx = cache.begin();
    /// tx.invalidate_all();
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_some(), "until the commit");
    /// tx.commit()?;
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    pub fn invalidate_all(&mut self) {
        self.draft.marked = MarkedTables::All;
    }

    /// Sets `flag` together with the changes of the commit: a reader that sees one of them finds the flag
    /// set, and a reader that finds the flag set sees all of them.
    #[doc(hidden)]
    pub fn committed_flag(&mut self, flag: Arc<AtomicBool>) {
        self.draft.committed_flag = Some(flag);
    }

    /// Makes all changes visible at once, and returns a receipt that keeps the written values alive.
    ///
    /// An empty transaction changes nothing and has no revision. One that only reads is validated: everything
    /// it read was present at one moment.
    ///
    /// # Errors
    /// - [`CommitError::Conflict`]: another commit wrote a key that was read here. A key that still has the
    ///   entry that was read never conflicts. A key without an entry may conflict even without a write of it,
    ///   if an entry with another key has left the same table since the read.
    /// - [`CommitError::Refused`]: a `before_commit` hook refused the commit.
    /// - [`CommitError::AsyncHook`]: the cache has a hook that only [`commit_async`](Self::commit_async) can call.
    /// - [`CommitError::InsideHook`]: called from a `before_commit` hook of the same cache.
    ///
    /// On an error, nothing is applied.
    ///
    /// # Panics
    /// If a merge function, a weigher, a hook or a predicate of [`invalidate_where`](Self::invalidate_where) panics;
    /// nothing is applied then.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let mut tx = cache.begin();
    /// tx.set(GetName { id: 7 }, "Seven".to_owned());
    /// tx.set(GetName { id: 8 }, "Eight".to_owned());
    /// let receipt = tx.commit()?;
    /// assert_eq!(receipt.revision(), cache.revision());
    /// assert_eq!(**receipt.get(&GetName { id: 7 }).unwrap(), "Seven");
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    #[inline]
    pub fn commit(mut self) -> Result<Receipt<R>, CommitError> {
        let Self { cache, draft } = &mut self;
        let revision = draft.commit(cache.shared(), &|| cache.tables())?;
        Ok(Receipt::new(revision, self.draft.parts))
    }

    /// Makes all changes visible at once, as [`commit`](Self::commit) does, for caches with async hooks. Runs on any
    /// executor.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), except `AsyncHook`.
    ///
    /// # Cancellation
    /// Dropping the future before it is done rolls the transaction back.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) { return output }
    /// #     }
    /// # }
    /// let cache = Cache::<CacheRegistry>::builder().before_commit_async(|_| async { Ok(()) }).build()?;
    /// let mut tx = cache.begin();
    /// tx.set(GetName { id: 7 }, "Seven".to_owned());
    /// block_on(tx.commit_async())?;
    /// assert!(cache.contains(&GetName { id: 7 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn commit_async(self) -> Result<Receipt<R>, CommitError> {
        self.commit_in_attempts(ATTEMPTS_WITH_HOOKS).await
    }

    /// Commits as [`commit_async`](Self::commit_async) does, for callers that can wait before the next
    /// attempt: with hooks, the first conflict is an error, even that of a merge.
    #[doc(hidden)]
    pub async fn commit_once_async(self) -> Result<Receipt<R>, CommitError> {
        self.commit_in_attempts(1).await
    }

    async fn commit_in_attempts(mut self, attempts: usize) -> Result<Receipt<R>, CommitError> {
        let Self { cache, draft } = &mut self;
        let revision = draft.commit_async(cache.shared(), &|| cache.tables(), attempts).await?;
        Ok(Receipt::new(revision, self.draft.parts))
    }

    /// Returns this transaction's write set for the table of `Q`. Creates it at first use.
    fn writes_mut<Q: Query>(&mut self) -> Writes<'_, Q>
    where
        R: HasTable<Q>,
    {
        let Self { cache, draft } = self;
        let table = cache.table::<Q>();
        let set = match draft.parts.find(table.index()) {
            Some(at) => draft.parts.at(at),
            None => {
                // A commit locks the shards of the table, even if it only reads.
                table.ensure_shards();
                let (query, pairs) = (TypeId::of::<Q>(), Pairs::<Q>::boxed);
                draft.parts.add(WriteSet::of(query, table.index(), cache.erased_ref::<Q>(), pairs))
            }
        };
        Writes { table, set }
    }
}

impl<R: Registry> Cache<R> {
    /// Starts a transaction.
    ///
    /// Costs one reference count; pins and copies nothing. Dropping the transaction rolls it back.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let mut tx = cache.begin();
    /// tx.set(GetName { id: 7 }, "Seven".to_owned());
    /// tx.set(GetName { id: 8 }, "Eight".to_owned());
    /// assert!(cache.is_empty(), "nothing is visible yet");
    ///
    /// tx.commit()?;
    /// assert_eq!(cache.len(), 2);
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    #[must_use]
    pub fn begin(&self) -> Transaction<R> {
        Transaction::new(self.clone())
    }

    /// Runs `work` in a transaction and commits it. If another commit got in between, it runs `work` again, at most 64
    /// times.
    ///
    /// A `work` that only reads gets a consistent view of everything it has read.
    ///
    /// Before each further attempt it blocks for a random time. The limit of that time is 4 µs, or the
    /// duration of an attempt if that is longer; it doubles with each attempt, up to 256 times as long and at
    /// most 30 s.
    ///
    /// # Errors
    /// The error that `work` returned, in which case nothing is committed, or the error of the last commit.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, CommitError, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = u64, capacity = 100)]
    /// # struct CountVisits;
    /// # registry! { struct CacheRegistry { CountVisits } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(CountVisits, 41);
    /// let visits = cache.transact(|tx| {
    ///     let visits = tx.get(&CountVisits).map_or(0, |visits| *visits) + 1;
    ///     tx.set(CountVisits, visits);
    ///     Ok::<_, CommitError>(visits)
    /// })?;
    /// assert_eq!(visits, 42);
    /// assert_eq!(*cache.get(&CountVisits).unwrap(), 42);
    /// # Ok::<(), CommitError>(())
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

    /// Runs `work` in a transaction, as [`transact`](Self::transact) does, for caches with async hooks.
    ///
    /// Runs on any executor. Between attempts it does not wait, but yields to other tasks.
    ///
    /// # Errors
    /// As [`transact`](Self::transact).
    ///
    /// # Cancellation
    /// Dropping the future before it is done commits nothing.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, CommitError, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = u64, capacity = 100)]
    /// # struct CountVisits;
    /// # registry! { struct CacheRegistry { CountVisits } }
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) { return output }
    /// #     }
    /// # }
    /// let cache = Cache::<CacheRegistry>::builder().before_commit_async(|_| async { Ok(()) }).build()?;
    /// let visits = block_on(cache.transact_async(|tx| {
    ///     let visits = tx.get(&CountVisits).map_or(0, |visits| *visits) + 1;
    ///     tx.set(CountVisits, visits);
    ///     Ok::<_, CommitError>(visits)
    /// }))?;
    /// assert_eq!(visits, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

/// Maximum number of attempts of [`Cache::transact`].
pub const TRANSACT_ATTEMPTS: usize = 64;

impl<R: Registry> Debug for Transaction<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("label", &self.draft.label)
            .field("writes", &self.writes())
            .finish()
    }
}
