//! What a keeper sees of its key, and what it puts up when that has changed. Loads nothing.

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Freshness, Holds, Revision};
use tokio::time::Instant;

use super::Keeper;
use crate::app::{App, Fetch};
use crate::layer::stack::Layered;
use crate::observer::state::State;

/// What tells one state from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    value: Option<Version>,
    /// What layers have made of the value, by its place: it stays there as long as it is shown.
    folded: Option<usize>,
    error: Option<u64>,
    is_stale: bool,
    is_refreshing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Stored(Revision),
    /// Number of the load.
    Own(u64),
}

/// What there is to show.
pub(super) struct Sight<V> {
    value: Arc<V>,
    version: Version,
    pub(super) is_stale: bool,
    /// By an invalidation.
    pub(super) is_marked: bool,
    /// Time until it is stale.
    fresh_left: Duration,
}

impl<A: App, Q: Fetch<A>> Keeper<A, Q>
where
    A::Registry: Holds<Q>,
{
    pub(super) fn look(&self) -> Option<Sight<Q::Value>> {
        if !self.plan.stores() {
            let (value, version) = (self.own.clone()?, Version::Own(self.landings));
            return Some(Sight {
                value,
                version,
                is_stale: false,
                is_marked: false,
                fresh_left: Duration::ZERO,
            });
        }
        let (value, state) = self.client.cache().value_and_state(&self.post.key, false)?;
        Some(Sight {
            version: Version::Stored(state.revision),
            is_stale: !self.plan.is_fresh::<Q>(&value, &state),
            is_marked: state.freshness == Freshness::Invalidated,
            fresh_left: self.plan.fresh_left::<Q>(&value, &state),
            value,
        })
    }

    /// Puts up the present state, if it is another than before.
    pub(crate) fn show(&mut self) {
        let Layered { base: sight, folded } = self.look_with_layers();
        self.stale_at = sight
            .as_ref()
            .filter(|sight| !sight.is_stale && !sight.fresh_left.is_zero())
            .and_then(|sight| Instant::now().checked_add(sight.fresh_left));
        let is_refreshing = self.seat.as_ref().is_some_and(|seat| seat.flight.is_current());
        let mark = Mark {
            value: sight.as_ref().map(|sight| sight.version),
            folded: folded.as_ref().map(|folded| Arc::as_ptr(folded).addr()),
            error: self.error.as_ref().map(|_| self.landings),
            is_stale: sight.as_ref().is_some_and(|sight| sight.is_stale),
            is_refreshing,
        };
        if self.shown.replace(mark) != Some(mark) {
            self.post.notice.put_up(self.number, self.state(sight, folded, is_refreshing));
        }
        if self.seat.is_none() {
            self.post.end_reloads();
        }
    }

    /// What is committed, or the own answer, and what layers make of it.
    fn look_with_layers(&self) -> Layered<Sight<Q::Value>, Q::Value> {
        if self.client.layers().are_there()
            && let Some(desk) = self.client.desks().existing::<Q, Q::Error>()
        {
            return desk.stacks.read(&self.post.key, || self.look(), |sight| &sight.value);
        }
        Layered { base: self.look(), folded: None }
    }

    fn state(
        &self,
        sight: Option<Sight<Q::Value>>,
        folded: Option<Arc<Q::Value>>,
        is_refreshing: bool,
    ) -> State<Q::Value, Q::Error> {
        let (is_optimistic, is_stale) =
            (folded.is_some(), sight.as_ref().is_some_and(|sight| sight.is_stale));
        let value = folded.or_else(|| sight.map(|sight| sight.value));
        match (&self.error, value) {
            (Some(error), last) => State::Failed { error: error.clone(), last, is_refreshing },
            (None, Some(value)) => {
                State::Ready { value, is_stale, is_refreshing, is_optimistic, is_previous: false }
            }
            (None, None) => State::Pending,
        }
    }
}
