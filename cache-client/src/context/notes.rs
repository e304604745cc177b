//! What a shared load notes while it runs: what it reads, and what it says of its own answer. Plain data.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::Inputs;
use parking_lot::Mutex;

use super::tree::Node;
use crate::app::App;
use crate::flight::wait_graph::FlightId;

/// A shared load, as its tree knows it.
pub(crate) struct SharedLoad {
    flight: Option<FlightId>,
    notes: Mutex<LoadNotes>,
}

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

impl SharedLoad {
    pub(super) fn new(flight: Option<FlightId>) -> Self {
        Self { flight, notes: Mutex::default() }
    }

    /// Works on the notes under their lock. `work` must neither call foreign code nor drop an answer.
    pub(super) fn note<T>(&self, work: impl FnOnce(&mut LoadNotes) -> T) -> T {
        work(&mut self.notes.lock())
    }

    /// Replaces the notes. Returns the old ones.
    pub(super) fn replace(&self, new: LoadNotes) -> LoadNotes {
        self.note(|notes| std::mem::replace(notes, new))
    }
}

impl<A: App> Node<A> {
    /// Whether the code of a shared load runs in this context. `false` elsewhere: in a request, and in a load or
    /// mutation of the same tree whose answer is not stored.
    pub(crate) fn is_of_shared_load(&self) -> bool {
        self.tree().load().is_some_and(|load| load.flight == self.flight)
    }

    /// Adds to the notes of the shared load whose code runs in this context, if one does.
    pub(crate) fn note(&self, note: impl FnOnce(&mut LoadNotes)) {
        if let Some(load) = self.tree().load().filter(|load| load.flight == self.flight) {
            load.note(note);
        }
    }

    /// Takes what the load of this context has noted so far.
    pub(crate) fn take_notes(&self) -> LoadNotes {
        self.used_load().map(|load| load.replace(LoadNotes::default())).unwrap_or_default()
    }

    /// Takes what the load of this context has read so far.
    pub(crate) fn take_inputs(&self) -> Inputs {
        self.used_load().map(|load| load.note(|notes| std::mem::take(&mut notes.inputs))).unwrap_or_default()
    }

    /// Takes what the load of this context brings along.
    pub(crate) fn take_brought(&self) -> Vec<AnyBrought> {
        self.used_load().map(|load| load.note(|notes| notes.take_brought())).unwrap_or_default()
    }

    /// What the load of this context has said of its answer.
    pub(crate) fn terms(&self) -> AnswerTerms {
        self.used_load().map(|load| load.note(|notes| notes.terms())).unwrap_or_default()
    }
}
