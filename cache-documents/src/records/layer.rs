//! Optimistic changes of records: layers over the answers that show them.

use std::sync::Arc;

use cache_client::LayerEdit;

use super::index::RecordIndex;
use super::merge::without_links_to;
use super::owner::{AnyOwner, FrameChange, LayeredRecords};
use super::state::Documents;
use crate::frame::{Beside, Changed, Frame};
use crate::record::RecordRef;
use crate::resource::{AnyRecord, Resource, relinked};
use crate::resources::Resources;

/// Changes a record in the answers that show it now.
pub(crate) fn patch<A: Resources, R: Resource>(
    layer: &mut LayerEdit<A>,
    key: &R::Key,
    change: impl Fn(&mut R) + Send + Sync + 'static,
) {
    let name = RecordRef::of(key);
    let shown = ShownName::<A>::new(layer, &name);
    let changes = move |frame: &Frame| {
        let (mut changed, name) = (Changed::default(), shown.in_frame::<R>(frame));
        if let Some(record) = frame.get::<R>(&name.id) {
            let mut record = (**record).clone();
            change(&mut record);
            let linked = shown.linked(&record);
            changed.insert(name, Some(linked.unwrap_or_else(|| Arc::new(record))));
        }
        LayeredRecords { changed, added: None }
    };
    let owners = owners(layer, &name);
    add(layer, &owners, Arc::new(changes));
}

/// The name by which documents show a record, which may get another one while a layer is there.
struct ShownName<A: Resources> {
    name: RecordRef,
    index: Arc<RecordIndex<A>>,
}

impl<A: Resources> ShownName<A> {
    fn new(layer: &LayerEdit<A>, name: &RecordRef) -> Self {
        let documents = layer.client().extension::<Documents<A>>();
        Self { name: name.clone(), index: Arc::clone(&documents.index) }
    }

    fn in_frame<R: Resource>(&self, frame: &Frame) -> RecordRef {
        let has_it = self.name.id.lid().is_none() || frame.get::<R>(&self.name.id).is_some();
        let renamed = if has_it { None } else { self.index.renamed(&self.name) };
        renamed.unwrap_or_else(|| self.name.clone())
    }

    /// Returns a record with links to ids in place of those to local names that have become ids; `None` if it has none.
    fn linked(&self, record: &dyn AnyRecord) -> Option<Arc<dyn AnyRecord>> {
        let ids = |name: &RecordRef| self.index.renamed_in_layers(name).map(|name| name.id);
        relinked(record, &ids).map(|(next, _)| next)
    }
}

/// Takes a record out of the answers that show it now.
pub(crate) fn delete<A: Resources, R: Resource>(layer: &mut LayerEdit<A>, key: &R::Key) {
    let name = RecordRef::of(key);
    let shown = ShownName::<A>::new(layer, &name);
    let changes = move |frame: &Frame| {
        let deleted = shown.in_frame::<R>(frame);
        let naming = frame.records().filter_map(|(other, record)| {
            let next = without_links_to(&*record, &deleted).map(|(next, _)| next);
            next.filter(|_| other != deleted).map(|next| (other, Some(next)))
        });
        let mut changed: Changed = naming.collect();
        changed.insert(deleted.clone(), None);
        LayeredRecords { changed, added: None }
    };
    let owners = owners(layer, &name);
    add(layer, &owners, Arc::new(changes));
}

/// Shows records in the answers that show another one now.
pub(crate) fn show<A: Resources, R: Resource>(layer: &mut LayerEdit<A>, beside: &R::Key, records: Frame) {
    let name = RecordRef::of(beside);
    let shown = ShownName::<A>::new(layer, &name);
    let owners = owners(layer, &name);
    let answers = owners.iter().map(|owner| owner.key().clone());
    let entered = shown.index.enter_layer(records.records().map(|(name, _)| name), answers);
    let changes = move |frame: &Frame| {
        // Under the ids that they have got meanwhile, so that none is shown twice.
        let records = records.renamed(&entered.renames()).unwrap_or_else(|| records.clone());
        let linked =
            records.records().filter_map(|(name, record)| Some((name, Some(shown.linked(&*record)?))));
        let linked: Changed = linked.collect();
        let names: Vec<_> = linked.keys().cloned().collect();
        let records = records.with(&linked, &names).unwrap_or(records);
        let beside = Beside { name: shown.in_frame::<R>(frame), records };
        LayeredRecords { added: Some(beside), ..LayeredRecords::default() }
    };
    add(layer, &owners, Arc::new(changes));
}

/// The answers that show a record now, each once.
fn owners<A: Resources>(layer: &LayerEdit<A>, name: &RecordRef) -> Vec<Arc<dyn AnyOwner<A>>> {
    let documents = layer.client().extension::<Documents<A>>();
    let mut owners: Vec<Arc<dyn AnyOwner<A>>> = Vec::new();
    let renamed = documents.index.renamed(name);
    for owner in documents.index.owners(renamed.as_ref().unwrap_or(name)) {
        if owners.iter().all(|other| other.key() != owner.key()) {
            owners.push(owner);
        }
    }
    owners
}

fn add<A: Resources>(layer: &mut LayerEdit<A>, owners: &[Arc<dyn AnyOwner<A>>], changes: FrameChange) {
    owners.iter().for_each(|owner| owner.layer(layer, Arc::clone(&changes)));
}
