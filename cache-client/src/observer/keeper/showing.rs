//! What a keeper sees of its key, and what it puts up when that has changed. Loads nothing.

use std::sync::Arc;
use std::time::Duration;

use cache_core::Freshness;
use cache_core::client_support::AnyWatch;
use tokio::time::Instant;

use super::{Keeper, TICK};
use crate::app::App;
use crate::layer::stack::Layered;
use crate::observer::snapshot::{Face, Snapshot, Version};

/// What tells what is put up from what was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PutUp {
    faces: [Option<(Version, Option<usize>, bool)>; 2],
    /// By how many of the options of the observers the shared value is stale.
    stale: usize,
    plans: usize,
    error: Option<u64>,
    is_refreshing: bool,
    answers: u64,
}

impl<A: App> Keeper<A> {
    /// What is to be shown: an answer that is not stored, if it is newer than what is; `own` to observers whose strategy
    /// stores nothing.
    pub(super) fn look(&self, own: bool) -> Option<Face> {
        let stored = self.query.read(self.client.cache(), false);
        // After the look, which waits for a commit that replaces it.
        let is_shown = |watch: &Arc<AnyWatch>, is_own: bool| {
            !watch.is_replaced() && (own || (watch.is_overtaken() && !is_own))
        };
        let unstored = self.unstored.as_ref().filter(|unstored| is_shown(&unstored.watch, unstored.is_own));
        if let Some(unstored) = unstored {
            return Some(Face {
                value: Arc::clone(&unstored.value),
                folded: None,
                version: Version::Loaded(unstored.flight),
                state: None,
                is_marked: unstored.watch.is_overtaken(),
                is_absent: self.query.is_absent(&unstored.value),
            });
        }
        stored.map(|(value, state)| Face {
            is_absent: self.query.is_absent(&value),
            value,
            folded: None,
            version: Version::Stored(state.revision),
            is_marked: state.freshness == Freshness::Invalidated,
            state: Some(state),
        })
    }

    /// [`look`](Self::look), and what layers make of it.
    fn look_with_layers(&self, own: bool) -> Option<Face> {
        if self.client.layers().are_there()
            && let Some(desk) = self.client.existing_desk(&*self.query)
        {
            let Layered { base, folded } =
                desk.stacks.read(&*self.post.key, || self.look(own), |face| &face.value);
            return match (base, folded) {
                (Some(face), folded) => Some(Face { folded, ..face }),
                // Made of nothing.
                (None, Some(value)) => Some(Face {
                    value: Arc::clone(&value),
                    folded: Some(value),
                    version: Version::Nothing,
                    state: None,
                    is_marked: false,
                    is_absent: false,
                }),
                (None, None) => None,
            };
        }
        self.look(own)
    }

    /// Puts up what is known now, if it is more than before.
    pub(crate) fn show(&mut self) {
        let shared = self.look_with_layers(false);
        let has_own = self.plans.iter().any(|plan| !plan.stores());
        let own = if has_own { self.look_with_layers(true) } else { None };
        let at = self.client.cache().now();
        let stale = shared
            .as_ref()
            .map_or(0, |face| self.plans.iter().filter(|plan| face.is_stale(plan, Duration::ZERO)).count());
        self.stale_at = self.next_stale(shared.as_ref());
        let seats = [&self.seat, &self.retired];
        let is_refreshing = seats.into_iter().flatten().any(|seat| !seat.flight.is_replaced());
        let mark_of = |face: &Face| {
            let (version, folded) = face.mark();
            (version, folded, face.is_marked)
        };
        let put_up = PutUp {
            faces: [shared.as_ref().map(mark_of), own.as_ref().map(mark_of)],
            stale,
            plans: self.plans.len(),
            error: self.error.as_ref().map(|_| self.failures),
            is_refreshing,
            answers: self.answers,
        };
        if self.shown.as_ref() != Some(&put_up) {
            self.shown = Some(put_up);
            let error = self.error.clone().map(|error| (self.failures, error));
            let shows = shared.is_some() || own.is_some() || error.is_some();
            let snapshot = Snapshot { shared, own, error, is_refreshing, answers: self.answers, at };
            self.post.notice.put_up(self.number, Arc::new(snapshot), shows);
        }
        if self.seat.is_none() {
            self.post.demands.done(self.number);
        }
    }

    /// When to look whether a value that is shown has become stale by the options of an observer that has it as fresh.
    fn next_stale(&self, face: Option<&Face>) -> Option<Instant> {
        let face = face?;
        let state = face.state.as_ref()?;
        let fresh = self.plans.iter().filter(|plan| !face.is_stale(plan, Duration::ZERO));
        let left = fresh.map(|plan| plan.fresh_left(face.is_absent, state)).filter(|left| !left.is_zero());
        left.min().map(|left| Instant::now() + left.min(TICK))
    }
}
