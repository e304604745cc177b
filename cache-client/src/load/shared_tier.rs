//! A flight and the shared tier: looks for the value before the load, and gives it to the other machines afterwards.

use std::time::Duration;

use cache_core::Moment;

use super::LoadTask;
use super::attempt::Attempt;
use super::second_tier::TierAnswer;
use crate::app::App;
use crate::erased::AnyValue;
use crate::notes::AnswerTerms;
use crate::provider::envelope::StaleWindows;
use crate::shared::{Lookup, Shared, SharedValue};
use crate::sharing::entry::{SharedCopy, SharedEntry};

impl<A: App> LoadTask<A> {
    /// Loads an answer that the tier does not get, or cannot.
    pub(super) async fn load_alone(&self) -> Attempt {
        if self.plan.never_loads() {
            return Attempt::missing(self.flight.started);
        }
        let attempt = self.attempts().await;
        if let Some(tier) = self.node.client.shared_tier() {
            tier.loaded_alone();
        }
        attempt
    }

    /// Gets the answer from the shared tier, or loads it, under a lease if possible.
    pub(super) async fn find_or_load_shared(&self, entry: &SharedEntry) -> Attempt {
        let Some(tier) = self.node.client.shared_tier() else { return self.attempts().await };
        if self.flight.must_load() {
            self.take_lease(tier, entry).await;
        } else if let Some(answer) = self.find_shared(tier, entry).await {
            return answer;
        }
        if self.plan.never_loads() {
            return Attempt::missing(self.flight.started);
        }
        if let Some(lease) = entry.take_lease() {
            // What the load reads of other shared queries must not be older than what was dropped before the lease.
            if tier.applied(lease.position()).await {
                entry.hold(lease);
            }
        }
        let attempt = self.attempts().await;
        if !entry.has_lease() {
            tier.loaded_alone();
        }
        attempt
    }

    /// Looks for the answer. Without one, takes the lease if that is possible.
    async fn find_shared(&self, tier: &Shared, entry: &SharedEntry) -> Option<Attempt> {
        match tier.find(entry.wanted(self.longest_fresh())).await {
            Lookup::Value(value) => {
                if let Some(answer) = self.fresh_answer(tier, entry, value)
                    && self.flight.answer_without_load()
                {
                    return Some(self.found(answer));
                }
                self.take_lease(tier, entry).await;
            }
            Lookup::Lease(lease) => entry.hold(lease),
            Lookup::Alone => {}
        }
        None
    }

    async fn take_lease(&self, tier: &Shared, entry: &SharedEntry) {
        if let Some(lease) = tier.lease_only(&entry.key, entry.shape, &entry.tags).await {
            entry.hold(lease);
        }
    }

    /// How long an answer of any kind may be fresh by the options.
    fn longest_fresh(&self) -> Duration {
        let of = |is_absent| self.plan.windows(is_absent, &AnswerTerms::default()).0;
        of(false).max(of(true))
    }

    /// The value as an answer, if it is as good as a loaded one.
    fn fresh_answer(&self, tier: &Shared, entry: &SharedEntry, found: SharedValue) -> Option<TierAnswer> {
        let SharedValue { body, age } = found;
        let Ok(SharedCopy { value, fresh: fresh_there, ttl: ttl_there, stale }) =
            entry.decode(&*self.flight.key, &body)
        else {
            tier.count_unreadable();
            return None;
        };
        let answer = self.tier_answer(self.query.to_value(value), age, (fresh_there, ttl_there), stale);
        let (fresh, ttl) = self.windows(&answer.value);
        (age < fresh.min(fresh_there) && age < ttl.min(ttl_there)).then_some(answer)
    }

    /// When the source of an answer was asked, or later. An attempt begins earlier, with the look at the tier.
    pub(super) fn asked_at(&self, attempt: &Attempt) -> Moment {
        attempt.took.map_or(attempt.started, |took| self.node.client.cache().now() - took)
    }

    /// Callers get an answer that is not stored, and whose source was asked then. Marks the key if an answer is stored, or
    /// being loaded, that may be older: nobody here may get it as fresh afterwards.
    pub(super) fn overtake_earlier(&self, asked: Moment) {
        let client = &self.node.client;
        // The flight first: if it has landed already, its answer is stored.
        let is_earlier = self.query_state.flights.has_earlier(&self.flight, asked)
            || self.query.read(client.cache(), false).is_some_and(|(_, state)| state.as_of < asked);
        if is_earlier && self.flight.watch.is_some() {
            client.mark_key(self.query.table(client.cache()), &*self.query);
        }
    }

    /// Gives the other machines the answer of a load that began at `started`, and ends the lease.
    pub(super) async fn share(&self, entry: &SharedEntry, value: &AnyValue, started: Moment) {
        let (Some(lease), Some(tier)) = (entry.take_lease(), self.node.client.shared_tier()) else { return };
        let terms = self.node.terms();
        let (fresh, ttl) = self.windows_of_copies(value);
        let age = self.node.client.cache().now().since(started);
        let keep = fresh.min(ttl).saturating_sub(age);
        if keep.is_zero() {
            return;
        }
        let stale = StaleWindows { swr: terms.swr, if_error: terms.stale_if_error };
        let copy = SharedCopy { value: self.query.to_handle(value), fresh, ttl, stale };
        match entry.encode(&*self.flight.key, &copy) {
            Ok(body) => {
                let _ = lease.fill(body, &entry.tags, keep).await;
            }
            // The lease is given up.
            Err(_) => tier.count_unreadable(),
        }
    }
}
