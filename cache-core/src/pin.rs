//! Pins: they keep the current value of a key resident.

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::query::{Query, ShownKey};
use crate::shard::PinClaim;
use crate::shard::key::AnyKey;
use crate::table::entry::Entry;
use crate::table::handle::AnyTableRef;
use crate::table::{TableRef, Use};

/// A claim on a key: the committed value stays resident, beyond capacity and times, until the last claim is
/// dropped. It follows replacements, removals and `clear`.
///
/// Dropping it calls neither `Hash` nor `Eq` of the key. The claim is released even if the cache's clock
/// panics.
pub struct Pinned<Q: Query> {
    table_ref: Arc<dyn TableRef<Q>>,
    key: Q,
    claim: AnyPin,
}

/// A claim on a key of some query.
#[doc(hidden)]
#[derive(Debug)]
pub struct AnyPin {
    table_ref: AnyTableRef,
    /// `None` before the table knows of the claim.
    claim: Option<PinClaim>,
}

impl AnyPin {
    /// Claims a key of this table.
    #[must_use]
    pub fn new(table_ref: AnyTableRef, key: &dyn AnyKey) -> Self {
        let mut pin = Self { table_ref, claim: None };
        let Self { table_ref, claim } = &mut pin;
        // If anything panics in `pin`, the drop releases the claim.
        table_ref.table().pin(key, claim);
        pin
    }
}

impl Drop for AnyPin {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.table_ref.table().unpin(claim);
        }
    }
}

impl<Q: Query> Pinned<Q> {
    pub(crate) fn new(table_ref: Arc<dyn TableRef<Q>>, claim: AnyPin, key: Q) -> Self {
        Self { table_ref, key, claim }
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &Q {
        &self.key
    }

    /// Returns the committed value.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Q::Value>> {
        self.table_ref.table().get(&self.key)
    }

    /// Returns the committed value with its state.
    #[must_use]
    pub fn get_entry(&self) -> Option<Entry<Q>> {
        self.table_ref.table().entry(&self.key, Use::Counted)
    }
}

impl<Q: Query> Clone for Pinned<Q> {
    fn clone(&self) -> Self {
        let claim = AnyPin::new(self.claim.table_ref.clone(), &self.key);
        Self::new(Arc::clone(&self.table_ref), claim, self.key.clone())
    }
}

impl<Q: Query> Debug for Pinned<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pinned").field(&ShownKey(&self.key)).finish()
    }
}
