//! Detects whether a key has been written since a load of it began, for loads that do not block a thread.
//! Knows nothing of waiting callers.

pub(crate) mod any;
pub(crate) mod brought;
pub(crate) mod facts;
mod fill;
pub(crate) mod same;
mod store;

use std::any::Any;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::commit::inputs::Inputs;
use crate::entry_times::EntryTimes;
use crate::event::WatchCallback;
use crate::query::{Query, ShownKey};
use crate::shard::erased::AnyPair;
use crate::shard::pairs::ValueHandle;
use crate::table::handle::AnyTableRef;
use crate::typed::Pair;
use any::AnyWatch;
use facts::{AnswerFacts, AnyStoreOutcome};

/// Detects whether a key, present or absent, has been written, removed, invalidated or cleared since the
/// watch began.
///
/// For callers that do not load with [`Cache::get_or_insert_with`](crate::Cache::get_or_insert_with): a value
/// that is passed to [`store`](Self::store) never replaces a newer one. Eviction, expiry and `touch` do not
/// count. While a table has watches, each write to it looks for those of its key.
pub struct Watch<Q: Query> {
    any: AnyWatch,
    query: PhantomData<fn() -> Q>,
}

/// The outcome of storing a loaded value.
#[derive(Debug)]
pub enum StoreOutcome<V: ?Sized> {
    /// It is committed.
    Written(Arc<V>),
    /// The query has the option `eq`, and the current value is equal: it is kept, with renewed times.
    Kept(Arc<V>),
    /// Something newer happened to the key: it is not stored.
    Overtaken(Arc<V>),
    /// An input has changed meanwhile: the value is stored and marked as invalidated, or it equals the
    /// current value, which is marked.
    Marked(Arc<V>),
}

impl<V: ?Sized> StoreOutcome<V> {
    /// Returns the value to answer with.
    #[must_use]
    pub fn into_value(self) -> Arc<V> {
        match self {
            Self::Written(value) | Self::Kept(value) | Self::Overtaken(value) | Self::Marked(value) => value,
        }
    }
}

impl AnyWatch {
    /// Stores as [`Watch::store_built`] does, for a key and a value of the query, together with the entries that the
    /// load brings along. Each of these is skipped if its key was written, removed, marked or cleared since the watch
    /// began, or if a later load of the key runs. They are stored even if the watch was overtaken.
    pub fn store<Q: Query>(&self, key: Q, value: Arc<Q::Value>, facts: AnswerFacts<'_>) -> AnyStoreOutcome {
        self.store_pair(&mut Pair::<Q>::new(key, value), facts)
    }

    fn store_pair(&self, pair: &mut dyn AnyPair, facts: AnswerFacts<'_>) -> AnyStoreOutcome {
        let table = self.table_ref.table();
        let key = self.watcher.key();
        let equal = match facts.is_unchanged {
            true => table.identical(key, pair, self.table_ref.access.has_value),
            false => table.equal(key, pair, self.table_ref.access.is_same),
        };
        self.store_line(pair, equal, facts)
    }
}

impl<Q: Query> Watch<Q> {
    /// Creates a watch that runs `callback` after each change of the key, until the watch is dropped.
    pub(crate) fn new(table_ref: AnyTableRef, key: Q, callback: Option<WatchCallback>) -> Self {
        Self { any: AnyWatch::new(table_ref, key, callback), query: PhantomData }
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &Q {
        let key = (self.any.watcher.key() as &dyn Any).downcast_ref();
        // It was created from one.
        key.expect("a watch has a key of its query")
    }

    /// Returns whether the key has changed since the watch began.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.any.is_overtaken()
    }

    /// Returns whether the key was changed by anything other than a mark: it was written, removed or cleared,
    /// or the watch was [retired](Self::retire). A value loaded while a key is only marked is still newer
    /// than the current one.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.any.is_replaced()
    }

    /// Ends the watch for stores: after this returns, nothing more is stored through it. Waits for a store in
    /// progress.
    pub fn retire(&self) {
        self.any.retire();
    }

    /// Writes a loaded value, unless the watch was overtaken. Is one commit; like
    /// [`Cache::insert`](crate::Cache::insert) it does not call the `before_commit` hooks. The write
    /// overtakes all watches of the key, this one included.
    ///
    /// With `#[query(eq)]`, a value equal to the current one is not written: the current one is kept, with
    /// renewed times.
    pub fn store(&self, value: impl Into<Arc<Q::Value>>, times: EntryTimes) -> StoreOutcome<Q::Value> {
        self.store_built(value, times, &Inputs::default())
    }

    /// Stores as [`store`](Self::store) does, for a value that was built from others. If one of these was
    /// written, removed or marked since it was read, the value is stored as invalidated. The check and the
    /// store are one step. The value is also stored as invalidated if there are too many inputs to compare.
    #[doc(hidden)]
    pub fn store_built(
        &self,
        value: impl Into<Arc<Q::Value>>,
        times: EntryTimes,
        inputs: &Inputs,
    ) -> StoreOutcome<Q::Value> {
        let value = value.into();
        let kept = |handle: ValueHandle| Arc::clone(handle.value::<Q>().unwrap_or(&value));
        let facts = AnswerFacts { times, inputs, is_unchanged: false, brought: &mut [] };
        match self.any.store(self.key().clone(), Arc::clone(&value), facts) {
            AnyStoreOutcome::Written => StoreOutcome::Written(value),
            AnyStoreOutcome::Kept(equal) => StoreOutcome::Kept(kept(equal)),
            AnyStoreOutcome::Overtaken => StoreOutcome::Overtaken(value),
            AnyStoreOutcome::Marked(None) => StoreOutcome::Marked(value),
            AnyStoreOutcome::Marked(Some(equal)) => StoreOutcome::Marked(kept(equal)),
        }
    }
}

impl<Q: Query> Debug for Watch<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("key", &ShownKey(self.key()))
            .field("is_overtaken", &self.is_overtaken())
            .finish_non_exhaustive()
    }
}
