//! Stores answers: merges their records into those that are known, and makes other answers follow.

use std::sync::Arc;

use cache_client::{AnswerStore, Client};

use super::merge::{Merged, merge, without_links_to};
use super::order::{LoadIssue, WrittenRecord};
use super::owner::Owner;
use super::plan::Plan;
use super::state::Documents;
use crate::document::{Content, Document};
use crate::field::Parts;
use crate::frame::Frame;
use crate::map::{HashMap, HashSet};
use crate::record::RecordRef;
use crate::resource::{AnyRecord, relinked};
use crate::resources::Resources;

/// Numbers a load of a document.
pub(crate) fn start_load<A: Resources>(client: &Client<A>) -> LoadIssue {
    client.extension::<Documents<A>>().order.start(client.cache().resets())
}

/// Where the records of an answer come from.
#[derive(Clone, Copy)]
enum Source {
    /// A request with this number.
    Request(u64),
    /// A copy from elsewhere, older than anything that is known.
    Copy,
}

/// Stores an answer. Returns the document with the records that are known now.
pub(crate) fn store_answer<A: Resources, T: Content + ?Sized>(
    answer: Arc<Document<T>>,
    store: &mut AnswerStore<'_, A>,
) -> Arc<Document<T>> {
    let documents = store.client().extension::<Documents<A>>();
    let issue = store.started::<LoadIssue>();
    // An answer to a request from before a clear or restore changes nothing. Its own line is skipped too.
    if issue.is_some_and(|issue| issue.resets != store.client().cache().resets()) {
        return answer;
    }
    let source = match issue {
        _ if store.is_copy() => Source::Copy,
        Some(issue) => Source::Request(issue.number),
        None => Source::Request(documents.order.next()),
    };
    let lane = documents.lane.enter();
    let mut plan = std::mem::take(store.plan::<Plan<A>>());
    let mut names = match plan.rename(&documents, store, &answer.renamed) {
        Ok(names) => names,
        Err(changed) => {
            plan.refused = Some(changed);
            plan.seal(&documents, store, lane, (0, Vec::new()));
            *store.plan() = plan;
            return answer;
        }
    };
    let deleted = match source {
        Source::Request(number) => documents.order.deleted_after(number),
        Source::Copy => HashSet::default(),
    };
    let has_local_names = !plan.renames.is_empty() || documents.index.has_renamed();
    let renamed = &answer.renamed;
    let merging = Merging { documents: &documents, source, deleted: &deleted, renamed, has_local_names };
    let Shown { frame, written, names: changed } = merging.records(&answer, &mut plan, store);
    names.extend(changed);
    let mut document = answer.with_frame(frame);
    if has_local_names {
        document = document.with_ids(&|name| plan.id_of(&documents, name));
    }
    let document = document.without(&deleted);
    store.follows_itself();
    let own = store.key().filter(|_| !store.is_overtaken());
    if let Some(key) = own.filter(|_| document.lacks_its_record()) {
        store.invalidate_answer(key);
    }
    let answer = keep_or_own(&documents, document, &mut plan, store);
    plan.follow(&documents, store, &names, own);
    let number = match source {
        Source::Request(number) => number,
        Source::Copy => 0,
    };
    plan.seal(&documents, store, lane, (number, written));
    *store.plan() = plan;
    answer
}

/// Returns the document that the cache has, if the answer says the same. Otherwise enters the answer as one that shows
/// its records.
fn keep_or_own<A: Resources, T: Content + ?Sized>(
    documents: &Documents<A>,
    mut document: Document<T>,
    plan: &mut Plan<A>,
    store: &AnswerStore<'_, A>,
) -> Arc<Document<T>> {
    if let Some((present, _)) = store.key().and_then(|key| key.read::<Document<T>>(store.client())) {
        if present.is_same(&document) {
            #[cfg(feature = "http")]
            present.renew_response(&document);
            return present;
        }
        plan.keep(Some(present));
    }
    let owner = store.key().map(|key| Owner::<A, T>::erased(key.clone()));
    document.owned = Some(Arc::new(documents.index.enter(owner.as_ref(), &document.frame)));
    Arc::new(document)
}

/// What an answer shows.
struct Shown {
    frame: Frame,
    written: Vec<WrittenRecord>,
    /// The records that have changed.
    names: Vec<RecordRef>,
}

struct Merging<'d, A: Resources> {
    documents: &'d Documents<A>,
    source: Source,
    /// The records that were deleted after the request.
    deleted: &'d HashSet<RecordRef>,
    /// The local names that the answer gives ids.
    renamed: &'d [(RecordRef, RecordRef)],
    /// Whether there are local names that have become names of records with ids.
    has_local_names: bool,
}

impl<A: Resources> Merging<'_, A> {
    /// Merges the records of an answer into those that are known, and writes those that have changed.
    fn records<T: Content + ?Sized>(
        &self,
        answer: &Document<T>,
        plan: &mut Plan<A>,
        store: &mut AnswerStore<'_, A>,
    ) -> Shown {
        let documents = self.documents;
        let (mut shown, mut written, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (mut name, mut newer) in answer.frame.records() {
            if self.has_local_names {
                (name, newer) = with_ids(documents, plan, (name, newer));
            }
            if self.deleted.contains(&name) {
                continue;
            }
            let newer = without_links(newer, self.deleted);
            let present = plan.known(documents, store.client().cache(), &name);
            plan.keep(present.clone().map(|record| record as _));
            let Merged { record, is_changed, parts } = self.merge(present, &newer, &name);
            if is_changed {
                plan.set(documents, store, &name, Some(Arc::clone(&record)));
                names.push(name.clone());
            }
            written.push(WrittenRecord { name: name.clone(), record: Some(Arc::clone(&record)), parts });
            shown.push((name, record));
        }
        if self.has_local_names {
            // A record that the answer shows by two names is shown as the last one leaves it.
            shown = shown.into_iter().collect::<HashMap<_, _>>().into_iter().collect();
        }
        Shown { frame: Frame::new(shown, &|resource| documents.list.types.to_list(resource)), written, names }
    }

    fn merge(
        &self,
        present: Option<Arc<dyn AnyRecord>>,
        newer: &Arc<dyn AnyRecord>,
        name: &RecordRef,
    ) -> Merged {
        match self.source {
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
