//! The local names under which layers show records.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use cache_client::{AnswerKey, App};
use smallvec::{SmallVec, smallvec};

use crate::map::HashMap;
use crate::record::RecordRef;

/// The local names under which layers show records. Forgets a name when the last of its layers ends.
pub(super) struct LayeredNames<A: App>(HashMap<RecordRef, LayeredName<A>>);

struct LayeredName<A: App> {
    /// The name that the local one has become a second name of. Known for as long as the layers are there, whether or
    /// not an answer shows the record.
    saved: Option<RecordRef>,
    /// The answers over which each layer shows the record.
    answers: SmallVec<[LayeredAnswers<A>; 1]>,
}

/// The answers over which one layer shows a record.
pub(super) type LayeredAnswers<A> = Arc<[AnswerKey<A>]>;

impl<A: App> Default for LayeredNames<A> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<A: App> LayeredNames<A> {
    /// Enters a layer. `renamed` is what the name is a second name of already.
    pub(super) fn enter(
        &mut self,
        local: &RecordRef,
        renamed: Option<&RecordRef>,
        answers: &LayeredAnswers<A>,
    ) {
        match self.0.entry(local.clone()) {
            Entry::Occupied(mut entry) => entry.get_mut().answers.push(Arc::clone(answers)),
            Entry::Vacant(entry) => {
                let (saved, answers) = (renamed.cloned(), smallvec![Arc::clone(answers)]);
                entry.insert(LayeredName { saved, answers });
            }
        }
    }

    /// Takes out a layer, which keeps its answers until no lock is held: their keys are foreign code.
    pub(super) fn leave(&mut self, local: RecordRef, answers: &LayeredAnswers<A>) {
        let Entry::Occupied(mut entry) = self.0.entry(local) else { return };
        let layers = &mut entry.get_mut().answers;
        if let Some(at) = layers.iter().position(|other| Arc::ptr_eq(other, answers)) {
            layers.swap_remove(at);
        }
        if layers.is_empty() {
            entry.remove();
        }
    }

    /// Notes that a local name is a second name now. Returns the answers over which layers show the record, if that is
    /// new to them.
    pub(super) fn save(&mut self, local: &RecordRef, name: &RecordRef) -> Vec<AnswerKey<A>> {
        let layered = self.0.get_mut(local).filter(|layered| layered.saved.as_ref() != Some(name));
        let Some(LayeredName { saved, answers }) = layered else { return Vec::new() };
        *saved = Some(name.clone());
        answers.iter().flat_map(|answers| answers.iter().cloned()).collect()
    }

    /// Returns the name that a local one is a second name of.
    pub(super) fn saved(&self, local: &RecordRef) -> Option<&RecordRef> {
        self.0.get(local)?.saved.as_ref()
    }
}
