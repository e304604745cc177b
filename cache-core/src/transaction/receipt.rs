//! What a commit leaves its caller with.

use std::any::TypeId;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use super::DraftParts;
use crate::clock::Revision;
use crate::query::{Lookup, Query};
use crate::registry::{Holds, Registry};

/// Proof of a commit. Keeps the values that it wrote alive, so that those of tables that keep nothing live until
/// the receipt is dropped.
pub struct Receipt<R: Registry> {
    revision: Option<Revision>,
    parts: DraftParts,
    _registry: PhantomData<fn(R)>,
}

impl<R: Registry> Receipt<R> {
    pub(super) fn new(revision: u64, parts: DraftParts) -> Self {
        Self { revision: (revision > 0).then_some(Revision(revision)), parts, _registry: PhantomData }
    }

    /// Revision of the commit; `None` if it wrote nothing.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.revision
    }

    /// The value that was written under a key; `None` if none was, or if the key was removed.
    #[must_use]
    pub fn get<L: Lookup>(&self, lookup: &L) -> Option<&Arc<<L::Query as Query>::Value>>
    where
        R: Holds<L::Query>,
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
