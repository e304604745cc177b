//! Merges the records of an answer into those that are known.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use cache_client::AnswerStore;

use super::merge::{Merged, merge, without_links_to};
use super::order::WrittenRecord;
use super::plan::Plan;
use super::state::Documents;
use crate::field::Parts;
use crate::frame::{Added, AnyRecordList, Frame, FrameBuilder};
use crate::map::{HashMap, HashSet};
use crate::record::RecordRef;
use crate::resource::{AnyRecord, relinked};
use crate::resources::Resources;

/// Where the records of an answer come from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// A request with this number.
    Request(u64),
    /// A copy from elsewhere, older than anything that is known.
    Copy,
}

impl Source {
    /// The number of the request. That of a copy comes before all others.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Request(number) => number,
            Self::Copy => 0,
        }
    }
}

/// What an answer shows.
pub(super) struct Shown {
    pub(super) frame: Frame,
    pub(super) written: Vec<WrittenRecord>,
    /// The records that have changed.
    pub(super) names: Vec<RecordRef>,
}

/// What an answer shows so far.
struct Showing {
    frame: FrameBuilder,
    written: Vec<WrittenRecord>,
    names: Vec<RecordRef>,
    /// The records, if there are local names that have become names of records with ids.
    by_name: HashMap<RecordRef, Added>,
}

pub(super) struct Merging<'d, A: Resources> {
    documents: &'d Documents<A>,
    source: Source,
    /// The records that were deleted after the request.
    deleted: &'d HashSet<RecordRef>,
    /// The local names that the answer gives ids.
    renamed: &'d [(RecordRef, RecordRef)],
    /// Whether there are local names that have become names of records with ids.
    pub(super) has_local_names: bool,
    /// Whether no other request overlaps.
    is_alone: bool,
    /// Whether a record that the cache has in the same allocation need not be merged.
    is_plain: bool,
}

impl<'d, A: Resources> Merging<'d, A> {
    pub(super) fn new(
        documents: &'d Documents<A>,
        plan: &Plan<A>,
        source: Source,
        (deleted, renamed): (&'d HashSet<RecordRef>, &'d [(RecordRef, RecordRef)]),
    ) -> Self {
        let has_local_names = !plan.renames.is_empty() || documents.index.has_renamed();
        let is_alone = documents.order.is_alone(source.number());
        let is_first = plan.changed.is_empty() && deleted.is_empty() && !has_local_names;
        let is_plain = matches!(source, Source::Request(_)) && is_alone && is_first;
        Self { documents, source, deleted, renamed, has_local_names, is_alone, is_plain }
    }

    /// Merges records into those that are known, and writes those that have changed.
    pub(super) fn records(
        &self,
        records: &Frame,
        plan: &mut Plan<A>,
        store: &mut AnswerStore<'_, A>,
    ) -> Shown {
        let types = &self.documents.list.types;
        let mut showing = Showing {
            frame: FrameBuilder::over(records.clone()),
            written: Vec::new(),
            names: Vec::new(),
            by_name: HashMap::default(),
        };
        for list in records.lists() {
            for at in 0..list.ids().as_slice().len() {
                self.record((&**list, at), &mut showing, plan, store);
            }
        }
        let Showing { frame, written, names, .. } = showing;
        Shown { frame: frame.finish(&|resource| types.to_list(resource)), written, names }
    }

    fn record(
        &self,
        (list, at): (&dyn AnyRecordList, usize),
        showing: &mut Showing,
        plan: &mut Plan<A>,
        store: &mut AnswerStore<'_, A>,
    ) {
        let (documents, cache, resource) = (self.documents, store.client().cache(), list.resource());
        let id = &list.ids().as_slice()[at];
        let mut present = if self.is_plain { documents.list.peek(cache, resource, id) } else { None };
        if present.as_ref().is_some_and(|present| list.is_at(at, present)) {
            return showing.frame.keep(resource, at);
        }
        let (mut name, mut newer) = (RecordRef { resource, id: id.clone() }, list.record(at));
        if self.has_local_names {
            (name, newer) = with_ids(documents, plan, (name, newer));
        }
        if self.deleted.contains(&name) {
            return;
        }
        newer = without_links(newer, self.deleted);
        if !self.is_plain {
            present = plan.known(documents, cache, &name);
        }
        plan.keep(present.clone().map(|record| record as _));
        let Merged { record, is_changed, parts } = self.merge(present, &newer, &name);
        if is_changed {
            plan.set(documents, store, &name, Some(Arc::clone(&record)));
            showing.names.push(name.clone());
        }
        if !self.is_alone {
            let (name, record) = (name.clone(), Some(Arc::clone(&record)));
            showing.written.push(WrittenRecord { name, record, parts });
        }
        if self.has_local_names {
            showing.show(name, record);
        } else if list.is_at(at, &record) {
            showing.frame.keep(resource, at);
        } else {
            showing.frame.replace(at, name, record);
        }
    }

    fn merge(
        &self,
        present: Option<Arc<dyn AnyRecord>>,
        newer: &Arc<dyn AnyRecord>,
        name: &RecordRef,
    ) -> Merged {
        match self.source {
            Source::Request(_) if self.is_alone => merge(present, newer, &|_, _| Parts::MAX),
            Source::Request(number) => {
                let order = &self.documents.order;
                let later = order.later_than(number, name);
                let own = self.renamed.iter().filter(|(_, renamed)| renamed == name);
                let own: Vec<_> = own.map(|(local, _)| order.later_than(number, local)).collect();
                let written =
                    |field| own.iter().fold(later.written(field), |all, own| all | own.written(field));
                merge(present, newer, &|field, _| !written(field))
            }
            // Only what is not known.
            Source::Copy => {
                let unknown = |field: u16, record: &dyn AnyRecord| -> Parts {
                    !record.any_field(usize::from(field)).known()
                };
                merge(present, newer, &unknown)
            }
        }
    }
}

impl Showing {
    /// Shows each record once, as the last one of the same name leaves it.
    fn show(&mut self, name: RecordRef, record: Arc<dyn AnyRecord>) {
        match self.by_name.entry(name.clone()) {
            Entry::Vacant(entry) => _ = entry.insert(self.frame.push(name, record)),
            Entry::Occupied(entry) => *self.frame.pushed(*entry.get()) = record,
        }
    }
}

/// Returns a record and its name with ids in place of the local ones that have become ids.
fn with_ids<A: Resources>(
    documents: &Documents<A>,
    plan: &Plan<A>,
    (name, record): (RecordRef, Arc<dyn AnyRecord>),
) -> (RecordRef, Arc<dyn AnyRecord>) {
    let next = relinked(&*record, &|name| plan.id_of(documents, name));
    (plan.shown_name(documents, name), next.map_or(record, |(next, _)| next))
}

/// Returns a record without its links to deleted records.
fn without_links(mut record: Arc<dyn AnyRecord>, deleted: &HashSet<RecordRef>) -> Arc<dyn AnyRecord> {
    for name in deleted {
        if let Some((next, _)) = without_links_to(&*record, name) {
            record = next;
        }
    }
    record
}
