//! Reads the value to show for an observed key, and publishes each change. Loads nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use cache_core::Freshness;
use tokio::time::Instant;

use super::{ObserverTask, ShownBy, TICK, UnstoredAnswer};
use crate::app::App;
use crate::layer::stack::Layered;
use crate::observer::snapshot::{KeySnapshot, Published, ShownValue, ValueVersion};

/// The shortest wait before a poll, whatever the query returns.
const SHORTEST_POLL: Duration = Duration::from_millis(1);

impl<A: App> ObserverTask<A> {
    /// The value to show: the stored value, or an answer that is not stored if it is newer. With `own`, for observers
    /// whose strategy stores nothing.
    pub(super) fn value_to_show(&self, own: bool) -> Option<ShownValue> {
        let stored = self.query.read(self.client.cache(), false);
        // After the read, which waits for a commit that replaces the answer.
        let is_shown = |unstored: &&UnstoredAnswer| {
            let is_for_all = match unstored.shown_by {
                ShownBy::Own => false,
                ShownBy::AllOnceMarked => unstored.watch.is_overtaken(),
                ShownBy::All => true,
            };
            !unstored.watch.is_replaced() && (own || is_for_all)
        };
        if let Some(unstored) = self.unstored.as_ref().filter(is_shown) {
            return Some(ShownValue {
                value: Arc::clone(&unstored.value),
                folded: None,
                version: ValueVersion::Answer(unstored.flight),
                state: None,
                is_marked: unstored.watch.is_overtaken(),
                is_absent: self.query.is_absent(&unstored.value),
            });
        }
        stored.map(|(value, state)| ShownValue {
            is_absent: self.query.is_absent(&value),
            value,
            folded: None,
            version: ValueVersion::Stored(state.revision),
            is_marked: state.freshness == Freshness::Invalidated,
            state: Some(state),
        })
    }

    /// [`value_to_show`](Self::value_to_show), with layers.
    fn value_with_layers(&self, own: bool) -> Option<ShownValue> {
        if self.client.layers().any_exist()
            && let Some(query_state) = self.client.existing_query_state(&*self.query)
        {
            let Layered { base, folded } = query_state.stacks.read(
                &*self.observed_key.key,
                || self.value_to_show(own),
                |shown| &shown.value,
            );
            return match (base, folded) {
                (Some(shown), folded) => Some(ShownValue { folded, ..shown }),
                // The result of layers alone.
                (None, Some(value)) => Some(ShownValue {
                    value: Arc::clone(&value),
                    folded: Some(value),
                    version: ValueVersion::Nothing,
                    state: None,
                    is_marked: false,
                    is_absent: false,
                }),
                (None, None) => None,
            };
        }
        self.value_to_show(own)
    }

    /// Publishes the current state, if it has changed. `read` is the value to show, without layers, if it was just read.
    pub(crate) fn show(&mut self, read: Option<ShownValue>) {
        let read = read.filter(|_| !self.client.layers().any_exist());
        let shared = read.or_else(|| self.value_with_layers(false));
        let has_own = self.plans.iter().any(|plan| !plan.stores());
        let own = if has_own { self.value_with_layers(true).map(Box::new) } else { None };
        let at = self.client.cache().now();
        let stale = shared
            .as_ref()
            .map_or(0, |shown| self.plans.iter().filter(|plan| shown.is_stale(plan, Duration::ZERO)).count());
        self.stale_at = self.next_stale(shared.as_ref());
        self.poll_period = self.next_poll(if self.plan.stores() { shared.as_ref() } else { own.as_deref() });
        let waiters = [&self.waiter, &self.retired, &self.lookup];
        let is_refreshing = waiters.into_iter().flatten().any(|waiter| !waiter.flight.is_replaced());
        let identity_of = |shown: &ShownValue| {
            let (version, folded) = shown.identity();
            (version, folded, shown.is_marked)
        };
        let publish = Published {
            values: [shared.as_ref(), own.as_deref()].map(|shown| shown.map(identity_of)),
            stale,
            plans: self.plans.len(),
            error: self.error.as_ref().map(|_| self.failures),
            is_refreshing,
            answers: self.answers,
            times: [shared.as_ref(), own.as_deref()].map(|shown| shown?.times()),
        };
        if self.published.as_ref() != Some(&publish) {
            self.published = Some(publish);
            let error = self.error.clone().map(|error| (self.failures, error));
            let shows = shared.is_some() || own.is_some() || error.is_some();
            let snapshot = KeySnapshot { shared, own, error, is_refreshing, answers: self.answers, at };
            self.observed_key.channel.publish(self.number, Arc::new(snapshot), shows);
        }
        if self.waiter.is_none() && std::mem::take(&mut self.has_requests) {
            self.observed_key.requests.done(self.number);
        }
    }

    /// How long after the last load the key is polled.
    fn next_poll(&self, shown: Option<&ShownValue>) -> Option<Duration> {
        let period = self.plan.poll;
        match shown.filter(|shown| shown.version != ValueVersion::Nothing) {
            Some(_) if self.plan.never_loads() => None,
            Some(shown) => {
                // Foreign code. If it panics, the option `poll` applies.
                let next = catch_unwind(AssertUnwindSafe(|| self.query.next_poll(&shown.value, period)));
                next.unwrap_or(period).map(|wait| wait.max(SHORTEST_POLL))
            }
            None => period,
        }
    }

    /// When to check whether the value has become stale for an observer for which it is fresh.
    fn next_stale(&self, shown: Option<&ShownValue>) -> Option<Instant> {
        let shown = shown?;
        let state = shown.state.as_ref()?;
        let fresh = self.plans.iter().filter(|plan| !shown.is_stale(plan, Duration::ZERO));
        let left = fresh.map(|plan| plan.fresh_left(shown.is_absent, state)).filter(|left| !left.is_zero());
        let left = left.min()?.min(TICK);
        match self.stale_at {
            // No check is planned later than that, so the clock need not be read.
            Some(planned) if left == TICK => Some(planned),
            _ => Some(Instant::now() + left),
        }
    }
}
