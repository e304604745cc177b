//! Until when the headers of a stored response let it serve plain requests: what a hit compares with the clock. Pure.

use std::time::{Duration, SystemTime};

use super::clock::nanos;
use super::policy::Reuse;
use super::{Exchange, State, Verdict, Why};

/// How the headers of a response alone decide about plain requests, as long as it is fresh.
///
/// Its times are nanoseconds since 1970, which are compared faster than [`SystemTime`]s.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    /// When the response came. A clock that was set back behind it tells no age.
    received: u64,
    fresh_until: u64,
    stale_while_revalidate: Duration,
    stale_if_error: Duration,
}

impl Lease {
    /// Returns the lease of a response, if its headers say for how long it is fresh. `exchange` has a plain request, and
    /// a response that does not vary.
    pub(super) fn of(exchange: Exchange<'_>) -> Option<Self> {
        let received: SystemTime = exchange.received;
        let verdict = Reuse::new(exchange, received).verdict(&());
        if (verdict.state, verdict.why) != (State::Fresh, Why::Headers) {
            return None;
        }
        let Verdict { fresh_for, stale_while_revalidate, stale_if_error, .. } = verdict;
        let fresh_until = nanos(received.checked_add(fresh_for)?)?;
        Some(Self { received: nanos(received)?, fresh_until, stale_while_revalidate, stale_if_error })
    }

    /// Returns the verdict for a plain request, if it is that the response is fresh. `now` counts from 1970.
    #[inline]
    pub(super) fn verdict(&self, now: u64) -> Option<Verdict> {
        let is_fresh = self.received <= now && now < self.fresh_until;
        is_fresh.then(|| Verdict {
            state: State::Fresh,
            why: Why::Headers,
            fresh_for: Duration::from_nanos(self.fresh_until - now),
            stale_while_revalidate: self.stale_while_revalidate,
            stale_if_error: self.stale_if_error,
        })
    }
}
