//! The notes of the shared load that runs in a context.

use cache_core::client_support::Inputs;
use parking_lot::MutexGuard;

use super::tree::Node;
use crate::app::App;
use crate::notes::{AnswerTerms, AnyBrought, LoadNotes, Ticket};
use crate::store_step::Step;

impl<A: App> Node<A> {
    /// Locks the notes of the shared load whose code runs in this context. `None` elsewhere: in a request, and in a load
    /// or mutation of the same tree whose answer is not stored. No foreign code may run under the lock.
    pub(crate) fn load_notes(&self) -> Option<MutexGuard<'_, LoadNotes>> {
        let load = self.tree().load().filter(|load| Some(load.flight) == self.flight)?;
        Some(load.notes())
    }

    /// Adds to the notes of the shared load whose code runs in this context, if one does.
    pub(crate) fn note(&self, note: impl FnOnce(&mut LoadNotes)) {
        if let Some(mut notes) = self.load_notes() {
            note(&mut notes);
        }
    }

    /// Takes the notes of this context's load so far.
    pub(crate) fn take_notes(&self) -> LoadNotes {
        self.used_load().map(|load| load.replace(LoadNotes::default())).unwrap_or_default()
    }

    /// Takes the inputs that this context's load has read so far.
    pub(crate) fn take_inputs(&self) -> Inputs {
        self.used_load().map(|load| load.note(|notes| std::mem::take(&mut notes.inputs))).unwrap_or_default()
    }

    /// Takes the entries that this context's load brings along.
    pub(crate) fn take_brought(&self) -> Option<AnyBrought> {
        self.used_load()?.note(|notes| notes.take_brought())
    }

    /// The step that stores the answer of this context's load, if its code has set one.
    pub(crate) fn step(&self) -> Option<Step<A>> {
        let step = self.used_load()?.note(|notes| notes.step())?;
        step.downcast::<Step<A>>().ok().map(|step| Step::clone(&step))
    }

    /// Takes the ticket of the attempt whose answer is stored.
    pub(crate) fn take_ticket(&self) -> Option<Ticket> {
        self.used_load()?.note(|notes| notes.take_ticket())
    }

    /// The settings that this context's load has made for its answer.
    pub(crate) fn terms(&self) -> AnswerTerms {
        self.used_load().map(|load| load.note(|notes| notes.terms())).unwrap_or_default()
    }

    /// Whether this context's load has set that its answer is not stored. Cheaper than all its settings.
    pub(crate) fn is_unstored(&self) -> bool {
        self.used_load().is_some_and(|load| load.note(|notes| notes.is_unstored()))
    }
}
