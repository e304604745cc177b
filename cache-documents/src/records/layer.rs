//! Optimistic changes of records: layers over the answers that show them.

use std::sync::Arc;

use cache_client::LayerEdit;

use super::merge::without_links_to;
use super::owner::{AnyOwner, FrameChange};
use super::state::Documents;
use crate::frame::{Changed, Frame};
use crate::record::RecordRef;
use crate::resource::Resource;
use crate::resources::Resources;

/// Changes a record in the answers that show it now.
pub(crate) fn patch<A: Resources, R: Resource>(
    layer: &mut LayerEdit<A>,
    key: &R::Key,
    change: impl Fn(&mut R) + Send + Sync + 'static,
) {
    let name = RecordRef::of(key);
    let of = name.clone();
    let changes = move |frame: &Frame| {
        let mut changed = Changed::default();
        if let Some(record) = frame.get::<R>(&of.id) {
            let mut record = (**record).clone();
            change(&mut record);
            changed.insert(of.clone(), Some(Arc::new(record)));
        }
        changed
    };
    add(layer, &name, Arc::new(changes));
}

/// Takes a record out of the answers that show it now.
pub(crate) fn delete<A: Resources, R: Resource>(layer: &mut LayerEdit<A>, key: &R::Key) {
    let name = RecordRef::of(key);
    let deleted = name.clone();
    let changes = move |frame: &Frame| {
        let naming = frame.records().filter_map(|(other, record)| {
            let next = without_links_to(&*record, &deleted).map(|(next, _)| next);
            next.filter(|_| other != deleted).map(|next| (other, Some(next)))
        });
        let mut changed: Changed = naming.collect();
        changed.insert(deleted.clone(), None);
        changed
    };
    add(layer, &name, Arc::new(changes));
}

fn add<A: Resources>(layer: &mut LayerEdit<A>, name: &RecordRef, changes: FrameChange) {
    let documents = layer.client().extension::<Documents<A>>();
    let mut owners: Vec<Arc<dyn AnyOwner<A>>> = Vec::new();
    for owner in documents.index.owners(name) {
        if owners.iter().all(|other| other.key() != owner.key()) {
            owners.push(owner);
        }
    }
    owners.iter().for_each(|owner| owner.layer(layer, Arc::clone(&changes)));
}
