//! Entries that a load brings along for other keys: stored with its answer, kept for their next callers, and copied to
//! the provider.

use std::sync::Arc;

use cache_core::Moment;
use cache_core::client_support::{AnyPin, BroughtEntry};

use super::LoadTask;
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::context::Node;
use crate::erased::AnyValue;
use crate::notes::{AnswerTerms, AnyBrought};
use crate::plan::Plan;

/// An entry that a load brings along.
pub(crate) struct Brought<A: App> {
    pub(crate) answer: BroughtAnswer<A>,
    pub(crate) entry: BroughtEntry,
}

/// The answer for another key.
pub(crate) struct BroughtAnswer<A: App> {
    pub(crate) query: Arc<dyn AnyQuery<A>>,
    pub(crate) value: AnyValue,
    /// The options of the query.
    pub(crate) plan: Arc<Plan>,
}

impl<A: App> Brought<A> {
    /// Notes the entry, to be stored with the answer of this context's load.
    pub(crate) fn note(self, node: &Node<A>) {
        node.note(|notes| notes.bring(Box::new(self)));
    }

    fn of(brought: AnyBrought) -> Option<Self> {
        brought.downcast::<Self>().ok().map(|brought| *brought)
    }
}

impl<A: App> LoadTask<A> {
    /// Takes the entries that the load brings along, with the times of their own queries.
    pub(super) fn take_brought(&self, started: Moment) -> (Vec<BroughtAnswer<A>>, Vec<BroughtEntry>) {
        let brought = self.node.take_brought();
        if brought.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let brought = brought.into_iter().filter_map(Brought::of);
        let timed = brought.map(|Brought { answer, mut entry }| {
            let is_absent = answer.query.counts_as_absent(&answer.plan, &answer.value);
            entry.set_times(answer.plan.times(is_absent, started, &AnswerTerms::default()));
            (answer, entry)
        });
        timed.unzip()
    }

    /// Reports the entries that were stored, and returns them.
    pub(super) fn stored(
        &self,
        answers: Vec<BroughtAnswer<A>>,
        entries: &[BroughtEntry],
    ) -> Vec<BroughtAnswer<A>> {
        if answers.is_empty() {
            return answers;
        }
        let client = &self.node.client;
        let stored = answers.into_iter().zip(entries).filter(|(_, entry)| entry.is_stored());
        let reported = stored.map(|(answer, _)| {
            let query = &*answer.query;
            client.telemetry().store(query.subject(), answer.plan.strategy(), false);
            if let Some(query_state) = client.existing_query_state(query) {
                query_state.errors.forget(query);
            }
            answer
        });
        reported.collect()
    }
}

/// The values that a task keeps for a while after its load, for later callers.
pub(super) struct KeptAfterLoad<A: App> {
    _pin: Option<AnyPin>,
    pub(super) brought: Vec<BroughtAnswer<A>>,
}

impl<A: App> KeptAfterLoad<A> {
    /// Boxed, since most tasks keep nothing.
    pub(super) fn new(pin: Option<AnyPin>, brought: Vec<BroughtAnswer<A>>) -> Option<Box<Self>> {
        (pin.is_some() || !brought.is_empty()).then(|| Box::new(Self { _pin: pin, brought }))
    }
}
