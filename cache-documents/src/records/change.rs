//! Changes of records by hand.

use std::sync::Arc;

use super::lane::LaneGuard;
use super::merge::{differing, without_links_to};
use super::order::WrittenRecord;
use super::plan::Plan;
use super::state::Documents;
use crate::frame::Frame;
use crate::record::RecordRef;
use crate::resource::{AnyRecord, Resource, relinked, typed};
use crate::resources::Resources;
use cache_client::AnswerStore;

/// Changes a record, and makes the answers that show it follow. Returns whether there is one.
///
/// A record that is not there is remembered while loads run that may bring it.
pub(crate) fn patch<A: Resources, R: Resource>(
    store: &mut AnswerStore<'_, A>,
    key: &R::Key,
    change: &dyn Fn(&mut R),
) -> bool {
    let documents = store.client().extension::<Documents<A>>();
    let (lane, name, present, next) = loop {
        let (name, present) = known(&documents, store, RecordRef::of(key));
        let mut next =
            present.clone().and_then(typed).map_or_else(R::absent, |record: Arc<R>| (*record).clone());
        // Foreign code, so it runs before the lane is entered.
        change(&mut next);
        let lane = documents.lane.enter();
        let (now_named, now) = known(&documents, store, RecordRef::of(key));
        if now_named == name && is_same(present.as_ref(), now.as_ref()) {
            break (lane, name, present, next);
        }
    };
    let was_there = present.is_some();
    let plan = store.plan::<Plan<A>>();
    let next: Arc<dyn AnyRecord> = match relinked(&next, &|name| plan.id_of(&documents, name)) {
        Some((next, _)) => next,
        None => Arc::new(next),
    };
    let parts = differing(present.as_deref().unwrap_or(&R::absent()), &*next);
    if parts.is_empty() || !was_there && !documents.order.has_loads() {
        return was_there;
    }
    let written = WrittenRecord { name, record: Some(next), parts };
    write((&documents, store), lane, present, written);
    was_there
}

/// Removes a record from all lists, makes links to it null, and marks the answers that are about it. Returns whether
/// there is one.
pub(crate) fn delete<A: Resources, R: Resource>(store: &mut AnswerStore<'_, A>, key: &R::Key) -> bool {
    let documents = store.client().extension::<Documents<A>>();
    let lane = documents.lane.enter();
    let (name, present) = known(&documents, store, RecordRef::of(key));
    let was_there = present.is_some();
    let written = WrittenRecord { name, record: None, parts: Default::default() };
    write((&documents, store), lane, present, written);
    was_there
}

/// Makes the answers that show a record show those of an answer too, which the commit has written.
pub(crate) fn show<A: Resources, R: Resource>(
    store: &mut AnswerStore<'_, A>,
    beside: &R::Key,
    records: &Frame,
) {
    let documents = store.client().extension::<Documents<A>>();
    let lane = documents.lane.enter();
    let mut plan = std::mem::take(store.plan::<Plan<A>>());
    plan.show(&documents, store, (RecordRef::of(beside), records.clone()));
    let number = documents.order.next();
    plan.seal(&documents, store, lane, (number, Vec::new()));
    *store.plan() = plan;
}

/// The record that the commit leaves, and its name.
fn known<A: Resources>(
    documents: &Documents<A>,
    store: &mut AnswerStore<'_, A>,
    name: RecordRef,
) -> (RecordRef, Option<Arc<dyn AnyRecord>>) {
    let cache = store.client().cache();
    let plan = store.plan::<Plan<A>>();
    let name = plan.shown_name(documents, name);
    let record = plan.known(documents, cache, &name);
    (name, record)
}

fn is_same(one: Option<&Arc<dyn AnyRecord>>, other: Option<&Arc<dyn AnyRecord>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other)),
        (None, None) => true,
        _ => false,
    }
}

/// Writes or deletes a record, and all that follows from it.
fn write<A: Resources>(
    (documents, store): (&Documents<A>, &mut AnswerStore<'_, A>),
    lane: LaneGuard,
    present: Option<Arc<dyn AnyRecord>>,
    written: WrittenRecord,
) {
    let mut plan = std::mem::take(store.plan::<Plan<A>>());
    plan.keep(present.map(|record| record as _));
    let mut all = Vec::new();
    if written.record.is_none() {
        all = unlinked(documents, &plan, store, &written.name);
    }
    all.push(written);
    for WrittenRecord { name, record, .. } in &all {
        plan.set(documents, store, name, record.clone());
    }
    let names: Vec<_> = all.iter().map(|written| written.name.clone()).collect();
    plan.follow(documents, store, &names, None);
    let number = documents.order.next();
    plan.seal(documents, store, lane, (number, all));
    *store.plan() = plan;
}

/// The records that name a deleted one, without these links. Visits all records.
fn unlinked<A: Resources>(
    documents: &Documents<A>,
    plan: &Plan<A>,
    store: &AnswerStore<'_, A>,
    deleted: &RecordRef,
) -> Vec<WrittenRecord> {
    let mut all = Vec::new();
    for name in plan.all_names(documents) {
        let present = plan.known(documents, store.client().cache(), &name);
        let Some(present) = present.filter(|_| name != *deleted) else { continue };
        if let Some((next, parts)) = without_links_to(&*present, deleted) {
            all.push(WrittenRecord { name, record: Some(next), parts });
        }
    }
    all
}
