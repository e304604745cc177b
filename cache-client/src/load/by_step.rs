//! Stores an answer by the step of a crate on top of the client.

use std::any::Any;
use std::sync::Arc;

use cache_core::client_support::{
    AnyStoreOutcome, AnyTableRef, AnyWatch, BroughtEntries, Inputs, TRANSACT_ATTEMPTS, ValueHandle,
};
use cache_core::{CommitError, EntryTimes, Receipt, Transaction};

use super::LoadTask;
use crate::app::App;
use crate::erased::AnyValue;
use crate::store_step::{AnswerKey, AnswerStore, Origin, Step};

/// The line of an answer, besides its value.
pub(super) struct AnswerParts<'a> {
    pub(super) watch: &'a AnyWatch,
    pub(super) times: EntryTimes,
    pub(super) inputs: &'a Inputs,
    pub(super) brought: &'a mut [BroughtEntries],
    /// Whether it is a copy from the provider.
    pub(super) is_copy: bool,
    /// What was kept since the start of the load.
    pub(super) ticket: Option<&'a (dyn Any + Send + Sync)>,
}

/// Adds the line of an answer to a transaction, if it is to be written, and those of the entries that it brings along.
type Line<'a, A> = &'a dyn Fn(&mut Transaction<<A as App>::Registry>, Option<&ValueHandle>);

/// What has become of the commit of a step.
struct Committed<A: App> {
    /// `None` if there was no commit.
    receipt: Option<Receipt<A::Registry>>,
    /// What the step has made of the answer.
    value: AnyValue,
    /// Whether the answer was to be written.
    has_answer: bool,
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
        let AnswerParts { watch, times, inputs, brought, is_copy, ticket } = parts;
        let line = |transaction: &mut Transaction<A::Registry>, value: Option<&ValueHandle>| {
            brought.iter().for_each(|entries| transaction.bring(watch, entries));
            if let Some(value) = value {
                transaction.set_watched(watch, value, times, inputs);
            }
        };
        let origin = Origin { is_copy, ticket, ..Origin::default() };
        let stored = (watch, origin, false);
        let Committed { receipt, value, has_answer } = self.commit_by_step((step, loaded), stored, &line);
        let Some(receipt) = receipt else { return (AnyStoreOutcome::Overtaken, value) };
        brought.iter_mut().for_each(|entries| receipt.note_brought(entries));
        let outcome = match has_answer {
            // A step that writes the key of the answer itself has stored the answer.
            true => receipt.stored(watch).unwrap_or(AnyStoreOutcome::Written),
            false => AnyStoreOutcome::Overtaken,
        };
        (outcome, value)
    }

    /// Writes a copy from the provider by a step, as a fill. Returns what the step has made of it, if that was written.
    pub(super) fn fill_by_step(
        &self,
        step: &Step<A>,
        found: &AnyValue,
        watch: &AnyWatch,
        times: EntryTimes,
    ) -> Option<AnyValue> {
        let line = |transaction: &mut Transaction<A::Registry>, value: Option<&ValueHandle>| {
            if let Some(value) = value {
                transaction.fill_watched(watch, value, times);
            }
        };
        let origin = Origin { is_copy: true, ..Origin::default() };
        let filled = (watch, origin, true);
        let Committed { receipt, value, has_answer } = self.commit_by_step((step, found), filled, &line);
        let is_stored = |receipt: Receipt<A::Registry>| receipt.is_stored(&self.home(), &*self.flight.key);
        (has_answer && receipt.is_some_and(is_stored)).then_some(value)
    }

    fn home(&self) -> AnyTableRef {
        self.query.home(self.node.client.cache())
    }

    /// Commits what a step makes of a value, with the `line` of the value. If another commit has changed what the step
    /// has read, it runs again.
    ///
    /// A step that [follows itself](AnswerStore::follows_itself) changes the present value of the key instead, if the
    /// value is not to be written. Which of the two it does is planned before the commit, so a value that was to be
    /// written, and is not, is a conflict: otherwise readers would see the rest of the commit without it.
    fn commit_by_step(
        &self,
        (step, value): (&Step<A>, &AnyValue),
        (watch, mut origin, is_fill): (&AnyWatch, Origin<'_>, bool),
        line: Line<'_, A>,
    ) -> Committed<A> {
        let client = &self.node.client;
        let key = AnswerKey::of_load(Arc::clone(&self.query));
        let (mut attempts, mut is_given_up) = (1, false);
        loop {
            origin.is_overtaken = is_given_up || watch.is_overtaken();
            let mut transaction = client.cache().begin();
            transaction.skip_hooks();
            // What a load has learned is no change.
            transaction.skip_change_listeners();
            let mut plan = None;
            let mut store = AnswerStore::new(client, &mut transaction, Some(&key), origin, &mut plan);
            let value = step.run(Arc::clone(value), &mut store);
            let work = store.into_work();
            work.mark_written(client, &mut transaction);
            let follows_itself = work.follows_itself;
            let has_answer = !(follows_itself && origin.is_overtaken);
            let handle = has_answer.then(|| self.query.to_handle(&value));
            line(&mut transaction, handle.as_ref());
            if has_answer && follows_itself {
                transaction.require(watch);
            }
            match transaction.commit() {
                Ok(receipt) => {
                    work.forget_copies(client);
                    return Committed { receipt: Some(receipt), value, has_answer };
                }
                Err(CommitError::Conflict { .. }) if attempts < TRANSACT_ATTEMPTS => {
                    attempts += 1;
                    // A copy gives way to any value that the key has now.
                    is_given_up = is_fill && follows_itself;
                }
                Err(error) => {
                    client.telemetry().store_failed(self.subject(), self.plan.strategy(), &error);
                    return Committed { receipt: None, value, has_answer };
                }
            }
        }
    }
}
