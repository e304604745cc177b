//! Stores answers: merges their records into those that are known, and makes other answers follow.

use std::sync::Arc;

use cache_client::{AnswerKey, AnswerStore, Client};
use cache_core::Residency;

use super::merging::{Merging, Shown, Source};
use super::order::LoadIssue;
use super::owner::{Owner, listed_type};
use super::plan::Plan;
use super::state::Documents;
use crate::document::{Content, Document};
use crate::jsonapi::response::Primary;
use crate::resources::{Adoption, Resources};
#[cfg(feature = "http")]
use crate::{frame::Frame, map::HashSet, record::RecordRef};

/// Numbers a load of a document.
pub(crate) fn start_load<A: Resources>(client: &Client<A>) -> LoadIssue {
    client.extension::<Documents<A>>().order.start(client.cache().resets())
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
    let renamed = match plan.rename(&documents, store, &answer.renamed) {
        Ok(names) => names,
        Err(changed) => {
            plan.refuse(changed, store);
            *store.plan() = plan;
            return answer;
        }
    };
    let deleted = documents.order.deleted_after(source.number());
    let merging = Merging::new(&documents, &plan, source, (&deleted, &answer.renamed));
    let Shown { frame, written, mut names } = merging.records(&answer.frame, &mut plan, store);
    names.extend(renamed);
    let mut document = answer.with_frame(frame);
    if merging.has_local_names {
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
    plan.seal(&documents, store, lane, (source.number(), written));
    *store.plan() = plan;
    answer
}

/// Writes the records of a response that answers no query: as of its request if that was numbered, else as of now. Marks
/// the answers that list records of these types.
#[cfg(feature = "http")]
pub(crate) fn store_records<A: Resources>(
    (records, renamed): (&Frame, &[(RecordRef, RecordRef)]),
    listed: &[std::any::TypeId],
    store: &mut AnswerStore<'_, A>,
) {
    let documents = store.client().extension::<Documents<A>>();
    let issue = store.started::<LoadIssue>();
    if issue.is_some_and(|issue| issue.resets != store.client().cache().resets()) {
        return;
    }
    let number = issue.map_or_else(|| documents.order.next(), |issue| issue.number);
    let lane = documents.lane.enter();
    let mut plan = std::mem::take(store.plan::<Plan<A>>());
    let mut names = match plan.rename(&documents, store, renamed) {
        Ok(names) => names,
        Err(changed) => {
            plan.refuse(changed, store);
            *store.plan() = plan;
            return;
        }
    };
    let deleted = documents.order.deleted_after(number);
    let merging = Merging::new(&documents, &plan, Source::Request(number), (&deleted, renamed));
    let Shown { written, names: changed, .. } = merging.records(records, &mut plan, store);
    names.extend(changed);
    let owners = listed.iter().flat_map(|listed| documents.index.lists(*listed));
    // Several documents of one answer may be in the index.
    let marked: HashSet<_> = owners.map(|owner| owner.key().clone()).collect();
    marked.iter().for_each(|key| store.invalidate_answer(key));
    plan.follow(&documents, store, &names, None);
    plan.seal(&documents, store, lane, (number, written));
    *store.plan() = plan;
}

/// Makes a restored answer share its records, which are older than all that are known. If nothing newer happens to the key
/// until the commit, the answer keeps its times.
pub(crate) fn adopt_answer<A: Resources, T: Content + ?Sized>(
    key: &AnswerKey<A>,
    store: &mut AnswerStore<'_, A>,
) -> Adoption {
    let documents = store.client().extension::<Documents<A>>();
    let mut plan = Plan::default();
    let lane = documents.lane.enter();
    let Some((restored, state)) = key.read::<Document<T>>(store.client()) else {
        return Adoption::Overtaken;
    };
    if restored.owned.is_some() {
        // Before the document, whose drop is foreign code.
        drop(lane);
        return Adoption::Overtaken;
    }
    plan.keep(Some(Arc::clone(&restored) as _));
    let deleted = documents.order.deleted_after(Source::Copy.number());
    let is_about_deleted = restored.lacks_its_record()
        || matches!(&restored.primary, Primary::One(record) if deleted.contains(record));
    if is_about_deleted || state.residency == Residency::Survivor {
        store.invalidate_answer(key);
        drop(lane);
        return Adoption::Marked;
    }
    let merging = Merging::new(&documents, &plan, Source::Copy, (&deleted, &[]));
    let Shown { frame, written, names } = merging.records(&restored.frame, &mut plan, store);
    let is_renewed = !frame.says(&restored.frame);
    let mut document = restored.with_frame(frame);
    if merging.has_local_names {
        document = document.with_ids(&|name| plan.id_of(&documents, name));
    }
    let mut document = document.without(&deleted);
    let owner = Owner::<A, T>::erased(key.clone());
    document.owned = Some(Arc::new(documents.index.enter(Some(&owner), &document.frame, listed_type::<T>())));
    store.follow_answer(key, Arc::new(document), state.revision);
    plan.follow(&documents, store, &names, Some(key));
    plan.seal(&documents, store, lane, (Source::Copy.number(), written));
    *store.plan() = plan;
    Adoption::Adopted { is_renewed }
}

/// Returns whether the cache has an answer under a key that shares its records.
pub(crate) fn shares_records<A: Resources, T: Content + ?Sized>(
    key: &AnswerKey<A>,
    client: &Client<A>,
) -> bool {
    key.read::<Document<T>>(client).is_some_and(|(document, _)| document.owned.is_some())
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
        // An answer that shows the records of the same names keeps its entries in the index.
        if let Some(frame) = present.owned.as_ref().and_then(|_| document.frame.with_ids_of(&present.frame)) {
            document.frame = frame;
            document.owned.clone_from(&present.owned);
        }
        plan.keep(Some(present));
    }
    if document.owned.is_none() {
        let owner = store.key().map(|key| Owner::<A, T>::erased(key.clone()));
        document.owned =
            Some(Arc::new(documents.index.enter(owner.as_ref(), &document.frame, listed_type::<T>())));
    }
    Arc::new(document)
}
