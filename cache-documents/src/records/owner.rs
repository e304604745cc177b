//! An answer that shows records, whose type its holder does not know.

use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::sync::Arc;

use cache_client::{AnswerKey, AnswerStore, App, Client, LayerEdit};
use cache_core::{Freshness, Residency};

use crate::document::{Content, Document};
use crate::frame::{Beside, Changed, Frame, FrameEdit};
use crate::jsonapi::response::Shown;
use crate::record::Renames;

/// Returns what a layer changes in the records of a document.
pub(crate) type FrameChange = Arc<dyn Fn(&Frame) -> LayeredRecords + Send + Sync>;

/// What a layer changes in the records of a document.
#[derive(Default)]
pub(crate) struct LayeredRecords {
    pub(crate) changed: Changed,
    /// What the document shows besides.
    pub(crate) added: Option<Beside>,
}

/// An answer that shows records.
pub(crate) trait AnyOwner<A: App>: Send + Sync {
    fn key(&self) -> &AnswerKey<A>;

    /// Returns what the answer shows, if the cache has it.
    fn shown(&self, client: &Client<A>) -> Option<Shown>;

    /// Makes an answer that the commit has written before show changed records.
    fn amend(&self, store: &mut AnswerStore<'_, A>, edit: &FrameEdit<'_>, enter: Enter<'_, A>) -> Followed;

    /// Adds a layer over the answer.
    fn layer(&self, edit: &mut LayerEdit<A>, changes: FrameChange);

    /// Makes the answer show changed records, if the cache has it. If `marks`, and nobody observes or pins the answer, it
    /// is marked instead. Returns what it has read.
    fn follow(
        &self,
        store: &mut AnswerStore<'_, A>,
        edit: &FrameEdit<'_>,
        enter: Enter<'_, A>,
        marks: bool,
    ) -> Followed;
}

/// Enters an answer in the index that shows these records, and is a list of records of this type. Returns what keeps its
/// entries.
pub(crate) type Enter<'e, A> =
    &'e dyn Fn(&Arc<dyn AnyOwner<A>>, &Frame, Option<TypeId>) -> Arc<dyn Any + Send + Sync>;

/// Returns the type of the records that an answer lists, if it is a list.
pub(crate) fn listed_type<T: Content + ?Sized>() -> Option<TypeId> {
    T::IS_COLLECTION.then(TypeId::of::<T::Resource>)
}

/// What was read, which must be dropped without locks.
pub(crate) type Followed = Option<Arc<dyn std::any::Any + Send + Sync>>;

/// An answer of type `Document<T>`.
pub(crate) struct Owner<A: App, T: ?Sized> {
    key: AnswerKey<A>,
    content: PhantomData<fn() -> Box<T>>,
}

impl<A: App, T: Content + ?Sized> Owner<A, T> {
    pub(crate) fn erased(key: AnswerKey<A>) -> Arc<dyn AnyOwner<A>> {
        Arc::new(Self { key, content: PhantomData })
    }

    /// Enters a document in the index if it shows fewer records than the one before it, or by other names.
    fn entered(
        &self,
        mut document: Document<T>,
        before: &Document<T>,
        (edit, enter): (&FrameEdit<'_>, Enter<'_, A>),
    ) -> Arc<Document<T>> {
        if document.owned.is_none() || edit.deletes && document.records() < before.records() {
            let owner = Self::erased(self.key.clone());
            document.owned = Some(enter(&owner, &document.frame, listed_type::<T>()));
        }
        Arc::new(document)
    }
}

impl<A: App, T: Content + ?Sized> AnyOwner<A> for Owner<A, T> {
    fn key(&self) -> &AnswerKey<A> {
        &self.key
    }

    fn shown(&self, client: &Client<A>) -> Option<Shown> {
        let (document, _) = self.key.read::<Document<T>>(client)?;
        document
            .owned
            .is_some()
            .then(|| Shown { frame: document.frame.clone(), _owned: document.owned.clone() })
    }

    fn amend(&self, store: &mut AnswerStore<'_, A>, edit: &FrameEdit<'_>, enter: Enter<'_, A>) -> Followed {
        let document = store.written_answer::<Document<T>>(&self.key)?;
        if let Some(next) = document.with_changes(edit) {
            let loses = next.lacks_its_record() && !document.lacks_its_record();
            store.amend_answer(&self.key, self.entered(next, &document, (edit, enter)));
            if loses {
                store.invalidate_answer(&self.key);
            }
        }
        Some(document)
    }

    fn layer(&self, edit: &mut LayerEdit<A>, changes: FrameChange) {
        edit.update_answer(&self.key, move |document: &Document<T>| {
            let LayeredRecords { changed, added } = changes(&document.frame);
            let (names, renames): (Vec<_>, _) = (changed.keys().cloned().collect(), Renames::default());
            let (added, deletes) = (added.as_slice(), changed.values().any(Option::is_none));
            let (changed, names, renames) = (&changed, &*names, &renames);
            document.with_changes(&FrameEdit { changed, deletes, names, renames, added })
        });
    }

    fn follow(
        &self,
        store: &mut AnswerStore<'_, A>,
        edit: &FrameEdit<'_>,
        enter: Enter<'_, A>,
        marks: bool,
    ) -> Followed {
        let (document, state) = self.key.read::<Document<T>>(store.client())?;
        if document.owned.is_none() {
            // A restored answer, which shows records of its own. The owner is an answer under the same key that was not
            // stored.
            return Some(document);
        }
        let loses = document.loses_its_record(edit);
        let marks =
            loses || state.residency == Residency::Survivor || marks && state.residency != Residency::Pinned;
        if !marks {
            if let Some(next) = document.with_changes(edit) {
                store.follow_answer(&self.key, self.entered(next, &document, (edit, enter)), state.revision);
            }
        } else if loses || state.freshness != Freshness::Invalidated {
            // A mark that is there already is enough: loads that run now are newer than it.
            if document.is_outdated(edit) {
                store.invalidate_answer(&self.key);
            }
        }
        Some(document)
    }
}
