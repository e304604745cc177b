//! Whether a key has been written since a load of it began, for loads that keep no thread. Knows nothing of who waits.

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::commit::inputs::Inputs;
use crate::commit::typed_writes::TableRef;
use crate::event::Bell;
use crate::query::{Query, ShownKey};
use crate::table::Times;
use crate::table::watchers::{AnyWatcher, Watcher};

/// Tells whether a key has been written, removed, invalidated or cleared since the watch began, present or absent.
///
/// For who loads values by other means than [`Cache::get_or_insert_with`](crate::Cache::get_or_insert_with): what
/// [`store`](Self::store) is given never takes the place of something newer. Eviction, expiry and `touch` are no
/// writes. While a table has watches, a write to it looks for those of its key.
pub struct Watch<Q: Query> {
    home: Arc<dyn TableRef<Q>>,
    watcher: Arc<Watcher<Q>>,
}

/// What became of a value that was loaded.
#[derive(Debug)]
pub enum Stored<V: ?Sized> {
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

impl<V: ?Sized> Stored<V> {
    /// The value that is to be answered with.
    #[must_use]
    pub fn into_value(self) -> Arc<V> {
        match self {
            Self::Written(value) | Self::Kept(value) | Self::Overtaken(value) | Self::Marked(value) => value,
        }
    }
}

impl<Q: Query> Watch<Q> {
    pub(crate) fn new(home: Arc<dyn TableRef<Q>>, key: Q) -> Self {
        let watcher = home.table().watch(key, None);
        Self { home, watcher }
    }

    /// One that rings `bell` for whatever happens to the key, from the first time to its end.
    pub(crate) fn with_bell(home: Arc<dyn TableRef<Q>>, key: Q, bell: Bell) -> Self {
        let watcher = home.table().watch(key, Some(bell));
        Self { home, watcher }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Q {
        self.watcher.key()
    }

    /// Whether something newer has happened to the key.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.watcher.is_overtaken()
    }

    /// Whether more has happened to the key than marks: it has been written, removed or cleared, or the watch was
    /// [retired](Self::retire). What is loaded while a key is only marked is still newer than what was there before.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.watcher.is_replaced()
    }

    /// Ends the right to store: when this returns, nothing more is stored through this watch. Waits for a store that is
    /// under way.
    pub fn retire(&self) {
        self.watcher.overtake();
        self.home.table().made_table().pass(self.watcher.hash());
    }

    /// Writes a loaded value, unless the watch was overtaken. Is one commit; like
    /// [`Cache::insert`](crate::Cache::insert) it does not ask the `before_commit` hooks. What it writes overtakes all
    /// watches of the key, this one included.
    ///
    /// With `#[query(eq)]`, a value equal to the present one is not written: the present one is kept, and dated anew.
    pub fn store(&self, value: impl Into<Arc<Q::Value>>, times: Times) -> Stored<Q::Value> {
        self.home.table().store_watched(&self.watcher, value.into(), times)
    }

    /// [`store`](Self::store) for a value that was built from others: if one of these has been written, removed or marked
    /// since it was read, the value is stored as one that must be loaded again. That is found out in one step with the store.
    /// It is also stored so if there are too many to be compared.
    #[doc(hidden)]
    pub fn store_built(
        &self,
        value: impl Into<Arc<Q::Value>>,
        times: Times,
        inputs: &Inputs,
    ) -> Stored<Q::Value> {
        self.home.table().store_built(&self.watcher, value.into(), times, inputs)
    }
}

impl<Q: Query> Drop for Watch<Q> {
    fn drop(&mut self) {
        let watcher: Arc<AnyWatcher> = self.watcher.clone();
        self.home.table().head().watchers.remove(&watcher);
    }
}

impl<Q: Query> Debug for Watch<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("key", &ShownKey(self.watcher.key()))
            .field("is_overtaken", &self.is_overtaken())
            .finish_non_exhaustive()
    }
}
