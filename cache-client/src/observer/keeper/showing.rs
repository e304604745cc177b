//! What a keeper sees of its key, and what it puts up when that has changed. Loads nothing.

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Freshness, Holds, Revision};
use tokio::time::Instant;

use super::Keeper;
use crate::app::{App, Fetch};
use crate::observer::state::State;

/// What tells one state from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    value: Option<Version>,
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
        let sight = self.look();
        self.stale_at = sight
            .as_ref()
            .filter(|sight| !sight.is_stale && !sight.fresh_left.is_zero())
            .and_then(|sight| Instant::now().checked_add(sight.fresh_left));
        let is_refreshing = self.seat.as_ref().is_some_and(|seat| seat.flight.is_current());
        let mark = Mark {
            value: sight.as_ref().map(|sight| sight.version),
            error: self.error.as_ref().map(|_| self.landings),
            is_stale: sight.as_ref().is_some_and(|sight| sight.is_stale),
            is_refreshing,
        };
        if self.shown.replace(mark) != Some(mark) {
            self.post.notice.put_up(self.state(sight, is_refreshing));
        }
        if self.seat.is_none() {
            self.reloads.clear();
        }
    }

    fn state(&self, sight: Option<Sight<Q::Value>>, is_refreshing: bool) -> State<Q::Value, Q::Error> {
        match (&self.error, sight) {
            (Some(error), sight) => {
                State::Failed { error: error.clone(), last: sight.map(|sight| sight.value), is_refreshing }
            }
            (None, Some(Sight { value, is_stale, .. })) => {
                State::Ready { value, is_stale, is_refreshing, is_previous: false }
            }
            (None, None) => State::Pending,
        }
    }
}
