//! The result of a commit.

use std::any::TypeId;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use super::DraftParts;
use crate::clock::Revision;
use crate::query::{Lookup, Query};
use crate::registry::{HasTable, Registry};

/// Proof of a commit. Keeps the written values alive, so the values of tables that keep nothing live until
/// the receipt is dropped.
pub struct Receipt<R: Registry> {
    revision: Option<Revision>,
    pub(super) parts: DraftParts,
    _registry: PhantomData<fn(R)>,
}

impl<R: Registry> Receipt<R> {
    pub(super) fn new(revision: u64, parts: DraftParts) -> Self {
        Self { revision: (revision > 0).then_some(Revision(revision)), parts, _registry: PhantomData }
    }

    /// Returns the revision of the commit; `None` if it wrote nothing.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// assert_eq!(cache.begin().commit()?.revision(), None);
    ///
    /// let mut tx = cache.begin();
    /// tx.set(GetName { id: 7 }, "Seven".to_owned());
    /// assert_eq!(tx.commit()?.revision(), cache.revision());
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.revision
    }

    /// Returns the value that the commit wrote under a key; `None` if it wrote none or removed the key.
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
    /// let receipt = tx.commit()?;
    /// assert_eq!(receipt.get(&CountVisits).map(|visits| **visits), Some(1));
    /// # Ok::<(), cache_core::CommitError>(())
    /// ```
    #[must_use]
    pub fn get<L: Lookup>(&self, lookup: &L) -> Option<&Arc<<L::Query as Query>::Value>>
    where
        R: HasTable<L::Query>,
    {
        let query = TypeId::of::<L::Query>();
        self.parts.0.iter().find(|set| set.query() == query)?.written(lookup)
    }
}

impl<R: Registry> Debug for Receipt<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("revision", &self.revision).finish_non_exhaustive()
    }
}
