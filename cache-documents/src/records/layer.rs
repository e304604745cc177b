//! Optimistic changes of records: layers over the answers that show them.

use std::sync::Arc;

use cache_client::LayerEdit;

use super::index::RecordIndex;
use super::merge::without_links_to;
use super::owner::{AnyOwner, FrameChange, LayeredRecords};
use super::state::Documents;
use crate::frame::{Beside, Changed, Frame};
use crate::record::{RecordRef, Renames};
use crate::resource::Resource;
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
            changed.insert(name, Some(Arc::new(record)));
        }
        LayeredRecords { changed, added: None }
    };
    add(layer, &name, Arc::new(changes));
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
    add(layer, &name, Arc::new(changes));
}

/// Shows records in the answers that show another one now.
pub(crate) fn show<A: Resources, R: Resource>(layer: &mut LayerEdit<A>, beside: &R::Key, records: Frame) {
    let name = RecordRef::of(beside);
    let shown = ShownName::<A>::new(layer, &name);
    let changes = move |frame: &Frame| {
        // Those that have got ids meanwhile, so that none is shown twice.
        let saved =
            records.records().filter_map(|(name, _)| Some((name.clone(), shown.index.renamed(&name)?)));
        let records = records.renamed(&saved.collect::<Renames>()).unwrap_or_else(|| records.clone());
        let beside = Beside { name: shown.in_frame::<R>(frame), records };
        LayeredRecords { added: Some(beside), ..LayeredRecords::default() }
    };
    add(layer, &name, Arc::new(changes));
}

fn add<A: Resources>(layer: &mut LayerEdit<A>, name: &RecordRef, changes: FrameChange) {
    let documents = layer.client().extension::<Documents<A>>();
    let mut owners: Vec<Arc<dyn AnyOwner<A>>> = Vec::new();
    let renamed = documents.index.renamed(name);
    for owner in documents.index.owners(renamed.as_ref().unwrap_or(name)) {
        if owners.iter().all(|other| other.key() != owner.key()) {
            owners.push(owner);
        }
    }
    owners.iter().for_each(|owner| owner.layer(layer, Arc::clone(&changes)));
}
