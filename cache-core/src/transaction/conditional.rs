//! Lines of a transaction that are skipped if something newer has happened to their key: answers of loads, what these
//! bring along, values that follow from a change, and copies. For clients and crates that build on them.

use std::sync::Arc;

use super::{Draft, Receipt, Transaction};
use crate::clock::Revision;
use crate::commit::conditional::{Condition, ConditionalWrite, LineOutcome};
use crate::commit::inputs::Inputs;
use crate::commit::write_set::WriteSet;
use crate::entry_times::EntryTimes;
use crate::error::CommitError;
use crate::query::Query;
use crate::registry::{HasTable, Registry};
use crate::shard::erased::AnyPair;
use crate::shard::key::AnyKey;
use crate::shard::pairs::ValueHandle;
use crate::table::handle::AnyTableRef;
use crate::typed::Pair;
use crate::watch::any::AnyWatch;
use crate::watch::brought::BroughtEntries;
use crate::watch::facts::AnyStoreOutcome;

impl Draft {
    /// Returns the write set of a table. Creates it at first use.
    fn set_of(&mut self, table_ref: &AnyTableRef) -> &mut WriteSet {
        let (index, access) = (table_ref.table().head().index, table_ref.access);
        match self.parts.find(index) {
            Some(at) => self.parts.at(at),
            None => self.parts.add(WriteSet::of((access.query)(), index, table_ref.erased(), access.pairs)),
        }
    }

    fn set_if(&mut self, table_ref: &AnyTableRef, pair: &mut dyn AnyPair, write: ConditionalWrite) {
        self.set_of(table_ref).set_if(pair, write);
    }

    fn set_watched(&mut self, watch: &AnyWatch, value: &ValueHandle, times: EntryTimes, inputs: &Inputs) {
        let (table_ref, key) = (&watch.table_ref, watch.watcher.key());
        let (table, access) = (table_ref.table(), table_ref.access);
        let mut pairs = (access.pairs)(1);
        pairs.add_key(key);
        let pair = pairs.pair_mut(0);
        pair.set_value(&*value.0);
        let equal = table.identical(key, pair, access.has_value);
        let equal = equal.or_else(|| table.equal(key, pair, access.is_same));
        let seen = equal.map(|(equal, seen)| {
            // Equal as well, if it has to be written after all.
            pair.set_value(&*equal);
            seen
        });
        let condition = Condition::Watched(Arc::clone(&watch.watcher));
        let write = ConditionalWrite::new(condition, times, seen).built_from(inputs.remember(table_ref));
        self.set_if(table_ref, pair, write);
        let mut is_compared = inputs.are_few();
        for inputs in inputs.by_table().filter(|_| inputs.are_few()) {
            // The inputs of one answer are compared. Those of several would be too many to keep apart.
            is_compared &= !self.set_of(inputs.table_ref()).set_inputs(inputs);
        }
        if !is_compared {
            self.parts.0.iter_mut().for_each(|part| part.mark_answers());
        }
    }

    fn fill_watched(&mut self, watch: &AnyWatch, value: &ValueHandle, times: EntryTimes) {
        let condition = Condition::Vacant(Some(Arc::clone(&watch.watcher)));
        let write = ConditionalWrite::new(condition, times, None);
        self.set_erased(&watch.table_ref, (watch.watcher.key(), value), write);
    }

    fn set_erased(
        &mut self,
        table_ref: &AnyTableRef,
        (key, value): (&dyn AnyKey, &ValueHandle),
        write: ConditionalWrite,
    ) {
        let mut pairs = (table_ref.access.pairs)(1);
        pairs.add_key(key);
        let pair = pairs.pair_mut(0);
        pair.set_value(&*value.0);
        self.set_if(table_ref, pair, write);
    }

    fn bring(&mut self, watch: &AnyWatch, entries: &BroughtEntries) {
        let table_ref = &entries.table_ref;
        // Copies: the transaction may have to run again.
        let mut copies = (table_ref.access.pairs)(entries.len());
        copies.copy_all(&*entries.pairs);
        for number in 0..entries.len() {
            let pair = copies.pair_mut(number);
            let Some(key) = pair.key() else { continue };
            let equal = table_ref.table().equal(key, pair, table_ref.access.is_same);
            let condition = Condition::UnchangedSince(watch.watcher.start());
            let write =
                ConditionalWrite::new(condition, *entries.times.of(number), equal.map(|(_, seen)| seen));
            self.set_if(table_ref, pair, write);
        }
    }
}

impl<R: Registry> Transaction<R> {
    /// Writes the answer of a load at the commit, unless the key of `watch` has changed since the watch began. If one of
    /// the `inputs` has changed, or if there are too many, the entry is marked.
    ///
    /// Like the lines of [`bring`](Self::bring), [`follow`](Self::follow) and [`fill`](Self::fill), it is not among the
    /// [`writes`](Self::writes), and no hook runs for it. A write of the same key without a condition takes precedence.
    #[doc(hidden)]
    pub fn set_watched(&mut self, watch: &AnyWatch, value: &ValueHandle, times: EntryTimes, inputs: &Inputs) {
        self.draft.set_watched(watch, value, times, inputs);
    }

    /// Writes a copy from elsewhere at the commit, if its key has no entry and has not changed since the watch began.
    /// Running loads stay current.
    #[doc(hidden)]
    pub fn fill_watched(&mut self, watch: &AnyWatch, value: &ValueHandle, times: EntryTimes) {
        self.draft.fill_watched(watch, value, times);
    }

    /// Makes the commit a conflict if the [answer](Self::set_watched) or the [copy](Self::fill_watched) that was written
    /// through this watch is skipped. For answers without which the rest must not be committed.
    #[doc(hidden)]
    pub fn require(&mut self, watch: &AnyWatch) {
        self.draft.set_of(&watch.table_ref).require(watch.watcher.key());
    }

    /// Runs no hooks for the writes of this transaction, as for those of a load.
    #[doc(hidden)]
    pub fn skip_hooks(&mut self) {
        self.draft.skips_hooks = true;
    }

    /// Tells the listeners of the changed tables nothing: the caller does what they would do.
    #[doc(hidden)]
    pub fn skip_change_listeners(&mut self) {
        self.draft.skips_change_listeners = true;
    }

    /// Calls `guard` at each attempt to commit, after the hooks and before any lock is taken. What it returns is kept until
    /// the changes are installed, and is called then, before displaced values are dropped. It is dropped if they are not
    /// installed. An error ends the commit.
    #[doc(hidden)]
    pub fn guard_with(
        &mut self,
        guard: impl FnMut() -> Result<Box<dyn FnOnce()>, CommitError> + Send + 'static,
    ) {
        self.draft.guard = Some(Box::new(guard));
    }

    /// Works as [`follow`](Self::follow), with types erased.
    #[doc(hidden)]
    pub fn follow_any(
        &mut self,
        table_ref: &AnyTableRef,
        key: &dyn AnyKey,
        value: &ValueHandle,
        seen: Revision,
    ) {
        let condition = Condition::Following(seen.get());
        self.draft.set_erased(
            table_ref,
            (key, value),
            ConditionalWrite::new(condition, EntryTimes::new(), None),
        );
    }

    /// Marks the entry of a key, as [`invalidate`](Self::invalidate) does.
    #[doc(hidden)]
    pub fn invalidate_any(&mut self, table_ref: &AnyTableRef, key: &dyn AnyKey) {
        let head = table_ref.table().head();
        let (index, hash) = (head.index, head.hash_of(key));
        let set = self.draft.set_of(table_ref);
        let (_, line) = set.mark(hash, &|other| key.equals(other), &|| key.to_box(), true);
        self.draft.note(index, line);
    }

    /// Writes the entries that the load of `watch` brings along. Skips those whose keys have changed since the watch
    /// began, or that later loads load.
    #[doc(hidden)]
    pub fn bring(&mut self, watch: &AnyWatch, entries: &BroughtEntries) {
        self.draft.bring(watch, entries);
    }

    /// Replaces the value of an entry if the entry still has this revision when the transaction commits. Otherwise the
    /// write is skipped. The entry keeps its times, its mark and its place in the order. Observers see the new value.
    /// Running loads of the key stay current: their answers are stored.
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
    /// let seen = cache.get_entry(&GetName { id: 7 }).unwrap().revision();
    /// let mut tx = cache.begin();
    /// tx.follow(GetName { id: 7 }, "VII".to_owned(), seen);
    /// tx.follow(GetName { id: 8 }, "VIII".to_owned(), seen);
    /// tx.commit()?;
    /// assert_eq!(*cache.get(&GetName { id: 7 }).unwrap(), "VII");
    /// assert!(!cache.contains(&GetName { id: 8 }));
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    #[doc(hidden)]
    pub fn follow<Q: Query>(&mut self, query: Q, value: impl Into<Arc<Q::Value>>, seen: Revision)
    where
        R: HasTable<Q>,
    {
        self.set_if(query, value.into(), Condition::Following(seen.get()), EntryTimes::new());
    }

    /// Writes a value at the commit if the key has none. Running loads stay current.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, EntryTimes, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let mut tx = cache.begin();
    /// tx.fill(GetName { id: 7 }, "VII".to_owned(), EntryTimes::new());
    /// tx.fill(GetName { id: 8 }, "VIII".to_owned(), EntryTimes::new());
    /// tx.commit()?;
    /// assert_eq!(*cache.get(&GetName { id: 7 }).unwrap(), "Seven");
    /// assert_eq!(*cache.get(&GetName { id: 8 }).unwrap(), "VIII");
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    #[doc(hidden)]
    pub fn fill<Q: Query>(&mut self, query: Q, value: impl Into<Arc<Q::Value>>, times: EntryTimes)
    where
        R: HasTable<Q>,
    {
        self.set_if(query, value.into(), Condition::Vacant(None), times);
    }

    /// Replaces the whole value of a key, as [`set`](Self::set) does, also in a table of records.
    #[doc(hidden)]
    pub fn set_record<Q: Query>(&mut self, query: Q, value: Arc<Q::Value>)
    where
        R: HasTable<Q>,
    {
        self.set_value(query, value, None);
    }

    /// Removes an entry at the commit, as [`remove`](Self::remove) does, also in a table of records.
    #[doc(hidden)]
    pub fn remove_record<Q: Query>(&mut self, query: &Q)
    where
        R: HasTable<Q>,
    {
        self.remove_entry(query);
    }

    fn set_if<Q: Query>(&mut self, query: Q, value: Arc<Q::Value>, condition: Condition, times: EntryTimes)
    where
        R: HasTable<Q>,
    {
        let table_ref = self.cache.any_table_ref::<Q>();
        let write = ConditionalWrite::new(condition, times, None);
        self.draft.set_if(&table_ref, &mut Pair::<Q>::new(query, value), write);
    }
}

impl<R: Registry> Receipt<R> {
    /// Returns what has become of the answer that was [written](Transaction::set_watched) through a watch; `None` if the
    /// transaction wrote its key otherwise, or not at all.
    #[doc(hidden)]
    #[must_use]
    pub fn stored(&self, watch: &AnyWatch) -> Option<AnyStoreOutcome> {
        let (table_ref, key) = (&watch.table_ref, watch.watcher.key());
        let set = self.set_of(table_ref)?;
        let equal = || set.handle(key, table_ref.access.pairs).map(ValueHandle);
        Some(match set.outcome(key)? {
            (LineOutcome::Skipped, _) => AnyStoreOutcome::Overtaken,
            (LineOutcome::Written, false) => AnyStoreOutcome::Written,
            (LineOutcome::Written, true) => AnyStoreOutcome::Marked(None),
            (LineOutcome::Kept, false) => AnyStoreOutcome::Kept(equal()?),
            (LineOutcome::Kept, true) => AnyStoreOutcome::Marked(equal()),
        })
    }

    /// Notes which of the entries that a load [brought](Transaction::bring) were stored.
    #[doc(hidden)]
    pub fn note_brought(&self, entries: &mut BroughtEntries) {
        let is_stored =
            |number: &usize| entries.key(*number).is_some_and(|key| self.is_stored(&entries.table_ref, key));
        let stored: Vec<_> = (0..entries.len()).filter(is_stored).collect();
        entries.note_stored(stored.into_iter());
    }

    /// Returns whether the transaction has written a key under a condition, or renewed an equal entry.
    #[doc(hidden)]
    #[must_use]
    pub fn is_stored(&self, table_ref: &AnyTableRef, key: &dyn AnyKey) -> bool {
        let outcome = self.set_of(table_ref).and_then(|set| set.outcome(key));
        outcome.is_some_and(|(outcome, _)| outcome != LineOutcome::Skipped)
    }

    fn set_of(&self, table_ref: &AnyTableRef) -> Option<&WriteSet> {
        let index = table_ref.table().head().index;
        self.parts.find(index).map(|at| self.parts.get(at))
    }
}
