//! What a client keeps for documents.

use std::sync::Arc;

use super::index::RecordIndex;
use super::lane::Lane;
use super::order::IssueOrder;
use crate::resources::{ResourceList, Resources};

/// What a client keeps for documents.
pub(crate) struct Documents<A: Resources> {
    pub(crate) lane: Lane,
    pub(crate) order: Arc<IssueOrder>,
    pub(crate) index: Arc<RecordIndex<A>>,
    pub(crate) list: ResourceList<A>,
}

impl<A: Resources> Default for Documents<A> {
    fn default() -> Self {
        Self {
            lane: Lane::default(),
            order: Arc::default(),
            index: Arc::default(),
            list: ResourceList::of_app(),
        }
    }
}
