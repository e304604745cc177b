//! What is known of an observed key, and what one observer shows of it by its own options. Plain data.

use std::any::Any;
use std::sync::Arc;

use cache_core::{EntryState, Freshness, Moment, Revision};

use super::state::State;
use crate::erased::{AnyError, AnyValue, Failure};
use crate::plan::Plan;
use crate::waits::FlightId;

/// What is known of an observed key at one moment.
pub(crate) struct Snapshot {
    /// For observers whose strategy stores what is loaded.
    pub(super) shared: Option<Face>,
    /// For the others. `None` also while there are none.
    pub(super) own: Option<Face>,
    /// With a number that tells it from others.
    pub(super) error: Option<(u64, Failure)>,
    pub(super) is_refreshing: bool,
    /// Loads of the observers that were answered so far.
    pub(super) answers: u64,
    /// When the cache was read.
    pub(super) at: Moment,
}

impl Snapshot {
    pub(super) fn empty() -> Self {
        let (shared, own, error) = (None, None, None);
        Self { shared, own, error, is_refreshing: false, answers: 0, at: Moment::ORIGIN }
    }
}

/// A value that can be shown.
pub(super) struct Face {
    pub(super) value: AnyValue,
    /// What optimistic layers have made of it.
    pub(super) folded: Option<AnyValue>,
    pub(super) version: Version,
    /// `None` if it is not stored.
    pub(super) state: Option<EntryState>,
    /// By an invalidation.
    pub(super) is_marked: bool,
    /// It says that there is nothing.
    pub(super) is_absent: bool,
}

/// A state of some query.
pub(crate) type AnyState = State<dyn Any + Send + Sync, dyn AnyError>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Stored(Revision),
    /// The answer of this load.
    Loaded(FlightId),
    /// What layers have made of nothing.
    Nothing,
}

/// What tells one state from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) value: Option<Version>,
    /// What layers have made of the value, by its place: it stays there as long as it is shown.
    pub(super) folded: Option<usize>,
    pub(super) error: Option<u64>,
    pub(super) is_stale: bool,
    pub(super) is_refreshing: bool,
}

/// How one observer sees a key.
pub(crate) struct Lens {
    /// Shared, so that what many observers look at stays in the processor's caches.
    pub(super) plan: Arc<Plan>,
    /// What was stored when an observer came whose strategy does not read the cache.
    pub(super) base: Option<Revision>,
    /// Answers until then.
    pub(super) answers: u64,
}

impl Face {
    pub(super) fn mark(&self) -> (Version, Option<usize>) {
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

impl Lens {
    /// The value that is to be shown.
    fn face<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Face> {
        match self.plan.stores() {
            true => snapshot.shared.as_ref(),
            false => snapshot.own.as_ref().filter(|face| match face.version {
                Version::Stored(revision) => Some(revision) != self.base || snapshot.answers > self.answers,
                Version::Loaded(_) | Version::Nothing => true,
            }),
        }
    }

    /// What tells what is to be shown now from other states.
    pub(super) fn mark(&self, snapshot: &Snapshot, now: Moment) -> Mark {
        let face = self.face(snapshot);
        Mark {
            value: face.map(|face| face.version),
            folded: face.and_then(|face| face.mark().1),
            error: snapshot.error.as_ref().map(|(number, _)| *number),
            is_stale: face.is_some_and(|face| face.is_stale(&self.plan, now.since(snapshot.at))),
            is_refreshing: snapshot.is_refreshing,
        }
    }

    /// What is to be shown, by its mark.
    pub(super) fn state(&self, snapshot: &Snapshot, mark: &Mark) -> AnyState {
        let Mark { is_stale, is_refreshing, .. } = *mark;
        let face = self.face(snapshot);
        let value = face.map(|face| Arc::clone(face.folded.as_ref().unwrap_or(&face.value)));
        match (&snapshot.error, value) {
            (Some((_, error)), last) => State::Failed { error: error.clone(), last, is_refreshing },
            (None, Some(value)) => State::Ready {
                value,
                is_stale,
                is_refreshing,
                is_optimistic: mark.folded.is_some(),
                is_previous: false,
            },
            (None, None) => State::Pending,
        }
    }
}
