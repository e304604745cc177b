//! The shared load whose code runs in a tree of contexts, with its notes.

use parking_lot::{Mutex, MutexGuard};

use crate::flight::wait_graph::FlightId;
use crate::notes::LoadNotes;

/// A shared load: what its tree keeps of it.
pub(crate) struct SharedLoad {
    pub(super) flight: FlightId,
    notes: Mutex<LoadNotes>,
}

impl SharedLoad {
    pub(super) fn new(flight: FlightId) -> Self {
        Self { flight, notes: Mutex::default() }
    }

    /// Works on the notes under their lock. `work` must neither call foreign code nor drop an answer.
    pub(super) fn note<T>(&self, work: impl FnOnce(&mut LoadNotes) -> T) -> T {
        work(&mut self.notes.lock())
    }

    /// Locks the notes, for work as that of [`note`](Self::note).
    pub(super) fn notes(&self) -> MutexGuard<'_, LoadNotes> {
        self.notes.lock()
    }

    /// Replaces the notes. Returns the old ones.
    pub(super) fn replace(&self, new: LoadNotes) -> LoadNotes {
        self.note(|notes| std::mem::replace(notes, new))
    }
}
