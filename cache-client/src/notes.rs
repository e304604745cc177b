//! What a load notes while it runs: its inputs, and the settings for its own answer. Plain data.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::Inputs;
use foldhash::fast::RandomState;

use crate::sync::Mutex;

/// The notes of a shared load.
#[derive(Debug, Default)]
pub struct LoadNotes {
    pub(crate) inputs: Inputs,
    /// Boxed, since most loads have none.
    extras: Option<Box<Extras>>,
}

/// What a load provides in addition to its answer.
#[derive(Debug, Default)]
struct Extras {
    terms: AnswerTerms,
    /// Entries for other keys.
    brought: Option<AnyBrought>,
    /// The entries that the load of a batch brings along. The first answer that is stored takes them.
    brought_by_batch: Option<Arc<Mutex<Option<AnyBrought>>>>,
    step: Option<AnyStoreStep>,
    ticket: Option<Ticket>,
}

/// What a crate on top of the client keeps from the start of an attempt until its answer is stored.
pub(crate) type Ticket = Arc<dyn Any + Send + Sync>;

/// The step that stores an answer, with its app type erased.
pub(crate) type AnyStoreStep = Arc<dyn Any + Send + Sync>;

/// The steps of a client, by the type of the answers.
pub(crate) type AnyStoreSteps = HashMap<TypeId, AnyStoreStep, RandomState>;

/// The entries that a load brings along, with its app type erased.
pub(crate) type AnyBrought = Box<dyn Any + Send + Sync>;

/// The settings that a load has made for its own answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AnswerTerms {
    /// How long the answer is fresh, in place of the options.
    pub(crate) fresh: Option<Duration>,
    /// How long the answer is kept, in place of the options.
    pub(crate) ttl: Option<Duration>,
    /// How long it may be served stale while it is loaded again, in place of the options.
    pub(crate) swr: Option<Duration>,
    /// How long it may be served stale if its load fails, in place of the options.
    pub(crate) stale_if_error: Option<Duration>,
    /// The answer is for its callers only.
    pub(crate) is_unstored: bool,
}

impl LoadNotes {
    pub(crate) fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.extras.is_none()
    }

    pub(crate) fn terms(&self) -> AnswerTerms {
        self.extras.as_ref().map(|extras| extras.terms).unwrap_or_default()
    }

    pub(crate) fn is_unstored(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.terms.is_unstored)
    }

    pub(crate) fn terms_mut(&mut self) -> &mut AnswerTerms {
        &mut self.extras.get_or_insert_default().terms
    }

    /// Returns the entries that the load brings along.
    pub(crate) fn brought_mut(&mut self) -> &mut Option<AnyBrought> {
        &mut self.extras.get_or_insert_default().brought
    }

    /// Turns the notes of a batch into those that its answers share.
    pub(crate) fn shared(mut self) -> Arc<Self> {
        if let Some(extras) = &mut self.extras
            && let brought @ Some(_) = extras.brought.take()
        {
            extras.brought_by_batch = Some(Arc::new(Mutex::new(brought)));
        }
        Arc::new(self)
    }

    /// Returns the notes for an answer of the batch whose [shared](Self::shared) notes these are.
    pub(crate) fn of_answer(&self) -> Self {
        let extras = self.extras.as_ref().map(|extras| {
            let Extras { terms, brought_by_batch, step, ticket, .. } = &**extras;
            Box::new(Extras {
                terms: *terms,
                brought: None,
                brought_by_batch: brought_by_batch.clone(),
                step: step.clone(),
                ticket: ticket.clone(),
            })
        });
        Self { inputs: self.inputs.clone(), extras }
    }

    /// Sets the step that stores the answer.
    pub(crate) fn store_with(&mut self, step: AnyStoreStep) -> Option<AnyStoreStep> {
        self.extras.get_or_insert_default().step.replace(step)
    }

    pub(crate) fn step(&self) -> Option<AnyStoreStep> {
        self.extras.as_ref()?.step.clone()
    }

    /// Keeps the ticket of this attempt.
    pub(crate) fn keep_ticket(&mut self, ticket: Ticket) {
        self.extras.get_or_insert_default().ticket = Some(ticket);
    }

    /// Takes the ticket of this attempt.
    pub(crate) fn take_ticket(&mut self) -> Option<Ticket> {
        self.extras.as_mut()?.ticket.take()
    }

    /// Takes the entries that the load brings along, unless another answer of its batch has taken them.
    pub(crate) fn take_brought(&mut self) -> Option<AnyBrought> {
        let Extras { brought, brought_by_batch, .. } = &mut **self.extras.as_mut()?;
        brought.take().or_else(|| brought_by_batch.as_ref()?.lock().take())
    }
}
