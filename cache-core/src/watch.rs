//! Whether a key has been written since a load of it began, for loads that keep no thread. Knows nothing of waiting
//! callers.

pub(crate) mod any;
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
use crate::table::handle::UsedTableRef;
use crate::typed::Pair;
use any::{AnyStoreOutcome, AnyWatch};
use store::IsSame;

/// Tells whether a key has been written, removed, invalidated or cleared since the watch began, present or absent.
///
/// For who loads values by other means than [`Cache::get_or_insert_with`](crate::Cache::get_or_insert_with): what
/// [`store`](Self::store) is given never takes the place of something newer. Eviction, expiry and `touch` are no
/// writes. While a table has watches, a write to it looks for those of its key.
pub struct Watch<Q: Query> {
    any: AnyWatch,
    query: PhantomData<fn() -> Q>,
}

/// What became of a value that was loaded.
#[derive(Debug)]
pub enum StoreOutcome<V: ?Sized> {
    /// It is committed.
    Written(Arc<V>),
    /// The query says `eq`, and the value that was there equals it: that one is kept, its times renewed.
    Kept(Arc<V>),
    /// Something newer happened to the key: it is not stored.
    Overtaken(Arc<V>),
    /// What it was built from has changed meanwhile: it is stored and marked, or is equal to the value that was there, which
    /// is marked.
    Marked(Arc<V>),
}

impl<V: ?Sized> StoreOutcome<V> {
    /// The value that is to be answered with.
    #[must_use]
    pub fn into_value(self) -> Arc<V> {
        match self {
            Self::Written(value) | Self::Kept(value) | Self::Overtaken(value) | Self::Marked(value) => value,
        }
    }
}

impl AnyWatch {
    /// As [`Watch::store_built`], for a key and a value of the query.
    pub fn store<Q: Query>(
        &self,
        key: Q,
        value: Arc<Q::Value>,
        times: &EntryTimes,
        inputs: &Inputs,
    ) -> AnyStoreOutcome {
        let is_same = const {
            match Q::COMPARES {
                true => Some(is_same::<Q> as IsSame),
                false => None,
            }
        };
        self.store_pair(&mut Pair::<Q>::new(key, value), is_same, times, inputs)
    }

    fn store_pair(
        &self,
        pair: &mut dyn AnyPair,
        is_same: Option<IsSame>,
        times: &EntryTimes,
        inputs: &Inputs,
    ) -> AnyStoreOutcome {
        self.table_ref.table().store_watched(&self.watcher, pair, is_same, times, inputs)
    }
}

/// Whether the value of a pair is the same answer as one that is there.
fn is_same<Q: Query>(pair: &dyn AnyPair, present: &dyn AnyPair) -> bool {
    match (Pair::<Q>::value_of(pair), Pair::<Q>::value_of(present)) {
        (Some(value), Some(present)) => Q::same_value(present, value),
        _ => false,
    }
}

impl<Q: Query> Watch<Q> {
    /// One that runs `callback` for whatever happens to the key, from the first time to its end.
    pub(crate) fn new(table_ref: UsedTableRef, key: Q, callback: Option<WatchCallback>) -> Self {
        Self { any: AnyWatch::new(table_ref, key, callback), query: PhantomData }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Q {
        let key = (self.any.watcher.key() as &dyn Any).downcast_ref();
        // It was made of one.
        key.expect("a watch has a key of its query")
    }

    /// Whether something newer has happened to the key.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.any.is_overtaken()
    }

    /// Whether more has happened to the key than marks: it has been written, removed or cleared, or the watch was
    /// [retired](Self::retire). What is loaded while a key is only marked is still newer than what was there before.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.any.is_replaced()
    }

    /// Ends the right to store: when this returns, nothing more is stored through this watch. Waits for a store that is
    /// under way.
    pub fn retire(&self) {
        self.any.retire();
    }

    /// Writes a loaded value, unless the watch was overtaken. Is one commit; like
    /// [`Cache::insert`](crate::Cache::insert) it does not ask the `before_commit` hooks. What it writes overtakes all
    /// watches of the key, this one included.
    ///
    /// With `#[query(eq)]`, a value equal to the present one is not written: the present one is kept, and dated anew.
    pub fn store(&self, value: impl Into<Arc<Q::Value>>, times: EntryTimes) -> StoreOutcome<Q::Value> {
        self.store_built(value, times, &Inputs::default())
    }

    /// [`store`](Self::store) for a value that was built from others: if one of these has been written, removed or marked
    /// since it was read, the value is stored as one that must be loaded again. That is found out in one step with the store.
    /// It is also stored so if there are too many to be compared.
    #[doc(hidden)]
    pub fn store_built(
        &self,
        value: impl Into<Arc<Q::Value>>,
        times: EntryTimes,
        inputs: &Inputs,
    ) -> StoreOutcome<Q::Value> {
        let value = value.into();
        let kept = |handle: ValueHandle| Arc::clone(handle.value::<Q>().unwrap_or(&value));
        match self.any.store(self.key().clone(), Arc::clone(&value), &times, inputs) {
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
