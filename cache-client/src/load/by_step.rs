//! Stores an answer by the step of a crate on top of the client.

use std::sync::Arc;

use cache_core::client_support::{
    AnyStoreOutcome, AnyWatch, BroughtEntries, Inputs, TRANSACT_ATTEMPTS, ValueHandle,
};
use cache_core::{CommitError, EntryTimes, Receipt, Transaction};

use super::LoadTask;
use crate::app::App;
use crate::erased::AnyValue;
use crate::store_step::{AnswerStore, Step, StepWork};

/// The line of an answer, besides its value.
pub(super) struct AnswerParts<'a> {
    pub(super) watch: &'a AnyWatch,
    pub(super) times: EntryTimes,
    pub(super) inputs: &'a Inputs,
    pub(super) brought: &'a mut [BroughtEntries],
    /// Whether it is a copy from the provider.
    pub(super) is_copy: bool,
}

impl<A: App> LoadTask<A> {
    /// The step that stores the answer of this load, if there is one: its own, or that for all answers of its type.
    pub(super) fn step(&self, value: &AnyValue) -> Option<Step<A>> {
        let own = self.node.step().filter(|step| step.value() == (**value).type_id());
        own.or_else(|| self.node.client.step_for(value).cloned())
    }

    /// Stores an answer by a step. Returns the outcome, and the value that the step has made of the answer.
    pub(super) fn store_by_step(
        &self,
        step: &Step<A>,
        loaded: &AnyValue,
        parts: AnswerParts<'_>,
    ) -> (AnyStoreOutcome, AnyValue) {
        let AnswerParts { watch, times, inputs, brought, is_copy } = parts;
        let line = |transaction: &mut Transaction<A::Registry>, value: &ValueHandle| {
            brought.iter().for_each(|entries| transaction.bring(watch, entries));
            transaction.set_watched(watch, value, times, inputs);
        };
        let (receipt, value) = self.commit_by_step((step, loaded), is_copy, &line);
        let Some(receipt) = receipt else { return (AnyStoreOutcome::Overtaken, value) };
        brought.iter_mut().for_each(|entries| receipt.note_brought(entries));
        // A step that writes the key of the answer itself has stored the answer.
        (receipt.stored(watch).unwrap_or(AnyStoreOutcome::Written), value)
    }

    /// Writes a copy from the provider by a step, as a fill. Returns whether it was written.
    pub(super) fn fill_by_step(
        &self,
        step: &Step<A>,
        found: &AnyValue,
        watch: &AnyWatch,
        times: EntryTimes,
    ) -> bool {
        let line = |transaction: &mut Transaction<A::Registry>, value: &ValueHandle| {
            transaction.fill_watched(watch, value, times);
        };
        let (receipt, _) = self.commit_by_step((step, found), true, &line);
        let home = self.query.home(self.node.client.cache());
        receipt.is_some_and(|receipt| receipt.is_stored(&home, &*self.flight.key))
    }

    /// Commits what a step makes of a value, with the `line` of the value. If another commit has changed what the step
    /// has read, it runs again.
    fn commit_by_step(
        &self,
        (step, value): (&Step<A>, &AnyValue),
        is_copy: bool,
        line: &dyn Fn(&mut Transaction<A::Registry>, &ValueHandle),
    ) -> (Option<Receipt<A::Registry>>, AnyValue) {
        let client = &self.node.client;
        let mut attempts = 1;
        loop {
            let mut transaction = client.cache().begin();
            transaction.skip_hooks();
            let mut store = AnswerStore::new(client, &mut transaction, is_copy);
            let stored = step.run(Arc::clone(value), &mut store);
            let StepWork { written, followed, held } = store.into_work();
            line(&mut transaction, &self.query.to_handle(&stored));
            let committed = transaction.commit();
            drop(held);
            match committed {
                Ok(receipt) => {
                    written.iter().chain(&followed).for_each(|key| key.forget(client, None));
                    return (Some(receipt), stored);
                }
                Err(CommitError::Conflict { .. }) if attempts < TRANSACT_ATTEMPTS => attempts += 1,
                Err(error) => {
                    client.telemetry().store_failed(self.subject(), self.plan.strategy(), &error);
                    return (None, stored);
                }
            }
        }
    }
}
