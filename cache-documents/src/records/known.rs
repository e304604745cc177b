//! What the cache knows when a document is read.

use std::any::TypeId;
use std::cmp::Reverse;

use cache_client::Client;

use super::state::Documents;
use crate::id::Id;
use crate::jsonapi::response::{Known, Shown};
use crate::record::RecordRef;
use crate::resources::Resources;

/// What the cache of a client knows.
pub(crate) struct KnownOf<'c, A: Resources> {
    client: &'c Client<A>,
    documents: &'c Documents<A>,
}

/// So many answers that show a record are compared, to take the one with the most records.
const COMPARED: usize = 4;

impl<'c, A: Resources> KnownOf<'c, A> {
    pub(crate) fn new(client: &'c Client<A>, documents: &'c Documents<A>) -> Self {
        Self { client, documents }
    }
}

impl<A: Resources> Known for KnownOf<'_, A> {
    fn id_of(&self, local: &RecordRef) -> Option<Id> {
        self.documents.index.renamed(local).map(|name| name.id)
    }

    fn shown_with(&self, resource: TypeId, id: &str) -> Option<Shown> {
        let mut owners = self.documents.index.sized_owners(resource, id, COMPARED);
        owners.sort_unstable_by_key(|(records, _)| Reverse(*records));
        owners.iter().find_map(|(_, owner)| owner.shown(self.client))
    }

    fn is_shown(&self, resource: TypeId, id: &str) -> bool {
        self.documents.index.is_shown(resource, id)
    }
}
