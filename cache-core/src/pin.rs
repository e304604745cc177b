//! Keeping whatever is current under one key.

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::query::Query;
use crate::table::Use;
use crate::table::entry::Entry;
use crate::transaction::write_set::Home;

/// A claim on a key: whatever is committed under it stays resident, over capacity and time, until the last claim is
/// dropped. It follows replacements, removals and `clear`.
pub struct Pinned<Q: Query> {
    home: Arc<dyn Home<Q>>,
    key: Q,
}

impl<Q: Query> Pinned<Q> {
    pub(crate) fn new(home: Arc<dyn Home<Q>>, key: Q) -> Self {
        home.table().pin(&key);
        Self { home, key }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Q {
        &self.key
    }

    /// The value that is committed now.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Q::Value>> {
        self.home.table().get(&self.key)
    }

    /// The present value with its state.
    #[must_use]
    pub fn entry(&self) -> Option<Entry<Q>> {
        self.home.table().entry(&self.key, Use::Counted)
    }
}

impl<Q: Query> Clone for Pinned<Q> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.home), self.key.clone())
    }
}

impl<Q: Query> Drop for Pinned<Q> {
    fn drop(&mut self) {
        self.home.table().unpin(&self.key);
    }
}

impl<Q: Query> Debug for Pinned<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pinned").field(&self.key).finish()
    }
}
