//! What a load notes while it runs: what it reads, and what it says of its own answer. Plain data.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::sync::Mutex;
use cache_core::client_support::Inputs;

/// What a shared load has noted.
#[derive(Clone, Debug, Default)]
pub struct LoadNotes {
    pub(crate) inputs: Inputs,
    /// Boxed, since most loads say nothing.
    said: Option<Box<Said>>,
}

/// What a load has said besides its answer.
#[derive(Clone, Debug, Default)]
struct Said {
    terms: AnswerTerms,
    /// Entries for other keys. Shared by the answers of a batch: the first that is stored takes them.
    brought: Arc<Mutex<Vec<AnyBrought>>>,
}

/// An entry that a load brings along, of an app that these notes do not know.
pub(crate) type AnyBrought = Box<dyn Any + Send>;

/// What a load has said of its own answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AnswerTerms {
    /// How long the answer is fresh, in place of the options.
    pub(crate) fresh: Option<Duration>,
    /// How long the answer is kept, in place of the options.
    pub(crate) ttl: Option<Duration>,
    /// The answer is for its callers only.
    pub(crate) is_unstored: bool,
}

impl LoadNotes {
    pub(crate) fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.said.is_none()
    }

    pub(crate) fn terms(&self) -> AnswerTerms {
        self.said.as_ref().map(|said| said.terms).unwrap_or_default()
    }

    pub(crate) fn terms_mut(&mut self) -> &mut AnswerTerms {
        &mut self.said.get_or_insert_default().terms
    }

    pub(crate) fn bring(&mut self, entry: AnyBrought) {
        self.said.get_or_insert_default().brought.lock().push(entry);
    }

    /// Takes what the load brings along, unless another answer of its batch has taken it.
    pub(crate) fn take_brought(&self) -> Vec<AnyBrought> {
        self.said.as_ref().map(|said| std::mem::take(&mut *said.brought.lock())).unwrap_or_default()
    }
}
