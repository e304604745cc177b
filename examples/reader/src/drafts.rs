//! Comments on their way: what a pane shows for a comment that no document has yet. Plain data.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cache_documents::Id;

/// A comment that is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its name until the server has given it an id.
    pub local: Id,
    /// Its id, once the server has it.
    pub id: Option<Id>,
    /// Who wrote it.
    pub name: String,
    /// The text.
    pub text: String,
}

/// The comments on their way.
#[derive(Debug, Default)]
pub struct Drafts(Mutex<Vec<Draft>>);

impl Drafts {
    /// The comment with a local or final id.
    pub fn get(&self, id: &Id) -> Option<Draft> {
        self.lock().iter().find(|draft| draft.is(id)).cloned()
    }

    pub(crate) fn add(&self, draft: Draft) {
        self.lock().push(draft);
    }

    /// Notes the id that the server has given a comment.
    pub(crate) fn is_posted(&self, local: &Id, id: &Id) {
        self.lock()
            .iter_mut()
            .filter(|draft| draft.local == *local)
            .for_each(|draft| draft.id = Some(id.clone()));
    }

    /// Forgets a comment that was not posted, or that a document has.
    pub(crate) fn remove(&self, id: &Id) {
        self.lock().retain(|draft| !draft.is(id));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Draft>> {
        // A list that a panic left behind can still be used.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Draft {
    fn is(&self, id: &Id) -> bool {
        self.local == *id || self.id.as_ref() == Some(id)
    }
}
