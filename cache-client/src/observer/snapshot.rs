//! What is known about an observed key, and what one observer shows by its own options. Plain data.

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use cache_core::{EntryState, Freshness, Moment, Revision};

use super::state::{AnyState, State};
use crate::erased::{AnyQueryError, AnyValue};
use crate::error::QueryError;
use crate::flight::wait_graph::FlightId;
use crate::plan::Plan;

/// What is known about an observed key at one moment.
pub(crate) struct KeySnapshot {
    /// For observers whose strategy stores the answers.
    pub(super) shared: Option<ShownValue>,
    /// For all other observers. `None` while there are none. Boxed, since most keys have none.
    pub(super) own: Option<Box<ShownValue>>,
    /// The error, with a number from 1 on that distinguishes it from other errors.
    pub(super) error: Option<(u64, AnyQueryError)>,
    pub(super) is_refreshing: bool,
    /// The number of the observers' loads that were answered so far.
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

/// A value to show.
pub(super) struct ShownValue {
    pub(super) value: AnyValue,
    /// The value with optimistic layers.
    pub(super) folded: Option<AnyValue>,
    pub(super) version: ValueVersion,
    /// `None` if it is not stored.
    pub(super) state: Option<EntryState>,
    /// Marked by an invalidation.
    pub(super) is_marked: bool,
    /// The value means "absent".
    pub(super) is_absent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueVersion {
    Stored(Revision),
    /// The answer of this flight.
    Answer(FlightId),
    /// The result of layers alone: the cache has no value.
    Nothing,
}

/// When a state is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownAt {
    pub(crate) now: Moment,
    /// The bound of a shared query: what was loaded before is stale. Read before the snapshot.
    pub(crate) oldest_fresh: Option<Moment>,
}

/// Distinguishes one state from the next. Small, since each observer has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateId {
    pub(super) value: Option<ValueVersion>,
    /// The value with layers, by its address, which stays the same as long as the value is shown.
    pub(super) folded: Option<NonZeroUsize>,
    pub(super) error: Option<NonZeroU64>,
    pub(super) is_stale: bool,
    pub(super) is_refreshing: bool,
}

/// What decides how one observer shows a key.
pub(crate) struct ObserverView {
    /// Shared, so that it stays in the processor's caches when there are many observers.
    pub(super) plan: Arc<Plan>,
    /// Boxed, since most observers need none of it: their strategy stores answers, and loads.
    pub(super) bypass: Option<Box<Bypass>>,
}

/// What an observer needs whose strategy does not use the cache, or never loads.
pub(super) struct Bypass {
    /// The stored revision when the observer was added, if its strategy does not use the cache.
    pub(super) base: Option<Revision>,
    /// The number of answers at that time.
    pub(super) answers: u64,
    /// The name of the query, if the strategy never loads: a missing value is then an error.
    pub(super) not_cached: Option<&'static str>,
}

impl ShownValue {
    pub(super) fn identity(&self) -> (ValueVersion, Option<NonZeroUsize>) {
        let address = |folded: &AnyValue| NonZeroUsize::new(Arc::as_ptr(folded).cast::<u8>().addr());
        (self.version, self.folded.as_ref().and_then(address))
    }

    /// When the stored value was true, and how long it is fresh from then on.
    pub(super) fn times(&self) -> Option<(Moment, Option<Duration>)> {
        self.state.map(|state| (state.as_of, state.fresh_for))
    }

    /// Whether the value is stale by the options of a plan, when `later` has passed since it was read.
    pub(super) fn is_stale(&self, plan: &Plan, later: Duration) -> bool {
        let Some(mut state) = self.state else { return self.is_marked };
        state.age = state.age.saturating_add(later);
        if state.freshness == Freshness::Fresh && state.fresh_for.is_some_and(|fresh| state.age >= fresh) {
            state.freshness = Freshness::Stale;
        }
        !plan.is_fresh(self.is_absent, &state)
    }

    /// Whether other machines may have changed the value without this one knowing. When an answer that is not stored was
    /// loaded is not known.
    fn is_out_of_bound(&self, oldest_fresh: Option<Moment>) -> bool {
        oldest_fresh.is_some_and(|oldest| self.state.is_none_or(|state| state.as_of < oldest))
    }
}

impl ObserverView {
    fn not_cached(&self) -> Option<&'static str> {
        self.bypass.as_ref()?.not_cached
    }

    /// The value to show.
    fn shown<'a>(&self, snapshot: &'a KeySnapshot) -> Option<&'a ShownValue> {
        match self.plan.stores() {
            true => snapshot.shared.as_ref(),
            false => snapshot.own.as_deref().filter(|shown| match shown.version {
                ValueVersion::Stored(revision) => self
                    .bypass
                    .as_ref()
                    .is_none_or(|bypass| Some(revision) != bypass.base || snapshot.answers > bypass.answers),
                ValueVersion::Answer(_) | ValueVersion::Nothing => true,
            }),
        }
    }

    /// Identifies the state to show now.
    pub(super) fn state_id(&self, snapshot: &KeySnapshot, at: ShownAt) -> StateId {
        let shown = self.shown(snapshot);
        let is_stale = |shown: &ShownValue| {
            shown.is_stale(&self.plan, at.now.since(snapshot.at)) || shown.is_out_of_bound(at.oldest_fresh)
        };
        StateId {
            value: shown.map(|shown| shown.version),
            folded: shown.and_then(|shown| shown.identity().1),
            error: snapshot.error.as_ref().and_then(|(number, _)| NonZeroU64::new(*number)),
            is_stale: shown.is_some_and(is_stale),
            is_refreshing: snapshot.is_refreshing,
        }
    }

    /// The state to show, by its identity.
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
                is_placeholder: false,
            },
            (None, None) => match self.not_cached().filter(|_| !is_refreshing) {
                Some(query) => {
                    State::Failed { error: QueryError::NotCached { query }, last: None, is_refreshing }
                }
                None => State::Pending,
            },
        }
    }
}

/// Distinguishes what is published from what was published before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) values: [Option<(ValueVersion, Option<NonZeroUsize>, bool)>; 2],
    /// For how many of the observers' plans the shared value is stale.
    pub(super) stale: usize,
    pub(super) plans: usize,
    pub(super) error: Option<u64>,
    pub(super) is_refreshing: bool,
    pub(super) answers: u64,
    /// The times of the values. A load that finds a value unchanged renews them.
    pub(super) times: [Option<(Moment, Option<Duration>)>; 2],
}
