//! What is known of an observed key, and what one observer shows of it by its own options. Plain data.

use std::sync::Arc;

use cache_core::{EntryState, Freshness, Moment, Revision};

use super::state::{AnyState, State};
use crate::erased::{AnyQueryError, AnyValue};
use crate::flight::wait_graph::FlightId;
use crate::plan::Plan;

/// What is known of an observed key at one moment.
pub(crate) struct KeySnapshot {
    /// For observers whose strategy stores what is loaded.
    pub(super) shared: Option<ShownValue>,
    /// For the others. `None` also while there are none.
    pub(super) own: Option<ShownValue>,
    /// With a number that tells it from others.
    pub(super) error: Option<(u64, AnyQueryError)>,
    pub(super) is_refreshing: bool,
    /// Loads of the observers that were answered so far.
    pub(super) answers: u64,
    /// When the cache was read.
    pub(super) at: Moment,
}

impl KeySnapshot {
    pub(super) fn empty() -> Self {
        let (shared, own, error) = (None, None, None);
        Self { shared, own, error, is_refreshing: false, answers: 0, at: Moment::ORIGIN }
    }
}

/// A value that can be shown.
pub(super) struct ShownValue {
    pub(super) value: AnyValue,
    /// What optimistic layers have made of it.
    pub(super) folded: Option<AnyValue>,
    pub(super) version: ValueVersion,
    /// `None` if it is not stored.
    pub(super) state: Option<EntryState>,
    /// By an invalidation.
    pub(super) is_marked: bool,
    /// It says that there is nothing.
    pub(super) is_absent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueVersion {
    Stored(Revision),
    /// The answer of this load.
    LoadOutcome(FlightId),
    /// What layers have made of nothing.
    Nothing,
}

/// What tells one state from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateId {
    pub(super) value: Option<ValueVersion>,
    /// What layers have made of the value, by its place: it stays there as long as it is shown.
    pub(super) folded: Option<usize>,
    pub(super) error: Option<u64>,
    pub(super) is_stale: bool,
    pub(super) is_refreshing: bool,
}

/// How one observer sees a key.
pub(crate) struct ObserverView {
    /// Shared, so that what many observers look at stays in the processor's caches.
    pub(super) plan: Arc<Plan>,
    /// What was stored when an observer came whose strategy does not read the cache.
    pub(super) base: Option<Revision>,
    /// Answers until then.
    pub(super) answers: u64,
}

impl ShownValue {
    pub(super) fn identity(&self) -> (ValueVersion, Option<usize>) {
        (self.version, self.folded.as_ref().map(|folded| Arc::as_ptr(folded).cast::<u8>().addr()))
    }

    /// Whether it is stale by the options of a plan, `later` than it was looked at.
    pub(super) fn is_stale(&self, plan: &Plan, later: std::time::Duration) -> bool {
        let Some(mut state) = self.state else { return self.is_marked };
        state.age = state.age.saturating_add(later);
        if state.freshness == Freshness::Fresh && state.fresh_for.is_some_and(|fresh| state.age >= fresh) {
            state.freshness = Freshness::Stale;
        }
        !plan.is_fresh(self.is_absent, &state)
    }
}

impl ObserverView {
    /// The value that is to be shown.
    fn shown<'a>(&self, snapshot: &'a KeySnapshot) -> Option<&'a ShownValue> {
        match self.plan.stores() {
            true => snapshot.shared.as_ref(),
            false => snapshot.own.as_ref().filter(|shown| match shown.version {
                ValueVersion::Stored(revision) => {
                    Some(revision) != self.base || snapshot.answers > self.answers
                }
                ValueVersion::LoadOutcome(_) | ValueVersion::Nothing => true,
            }),
        }
    }

    /// What tells what is to be shown now from other states.
    pub(super) fn state_id(&self, snapshot: &KeySnapshot, now: Moment) -> StateId {
        let shown = self.shown(snapshot);
        StateId {
            value: shown.map(|shown| shown.version),
            folded: shown.and_then(|shown| shown.identity().1),
            error: snapshot.error.as_ref().map(|(number, _)| *number),
            is_stale: shown.is_some_and(|shown| shown.is_stale(&self.plan, now.since(snapshot.at))),
            is_refreshing: snapshot.is_refreshing,
        }
    }

    /// What is to be shown, by its mark.
    pub(super) fn state(&self, snapshot: &KeySnapshot, id: &StateId) -> AnyState {
        let StateId { is_stale, is_refreshing, .. } = *id;
        let shown = self.shown(snapshot);
        let value = shown.map(|shown| Arc::clone(shown.folded.as_ref().unwrap_or(&shown.value)));
        match (&snapshot.error, value) {
            (Some((_, error)), last) => State::Failed { error: error.clone(), last, is_refreshing },
            (None, Some(value)) => State::Ready {
                value,
                is_stale,
                is_refreshing,
                is_optimistic: id.folded.is_some(),
                is_previous: false,
            },
            (None, None) => State::Pending,
        }
    }
}
