//! A flight and the provider: reads the provider before the load, and stores a copy there afterwards.

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Freshness, Moment};

use super::LoadTask;
use super::attempt::{Attempt, AttemptEnd};
use super::brought::BroughtAnswer;
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::context::notes::AnswerTerms;
use crate::erased::AnyValue;
use crate::plan::Plan;
use crate::provider::entry::{EntryCopy, FoundCopy, ProviderEntry};
use crate::provider::envelope::WallTime;

impl<A: App> LoadTask<A> {
    /// The entry of the key in the provider, if there is one and the flight is shared.
    pub(super) fn entry(&self) -> Option<Box<ProviderEntry>> {
        self.flight.watch.as_ref()?;
        // Boxed, so that tasks of clients without a provider have no room for it.
        ProviderEntry::of(&self.node.client, &*self.query).map(Box::new)
    }

    /// The value of the provider, if it is as good as a loaded one.
    pub(super) async fn found(&self, entry: &ProviderEntry) -> Option<Attempt> {
        if self.flight.must_load() || entry.is_outdated || self.is_marked() {
            return None;
        }
        let cache = self.node.client.cache();
        let FoundCopy { value, age, fresh: fresh_there, ttl: ttl_there } =
            entry.find(&*self.flight.key, &|| WallTime::from(cache.wall())).await?;
        let value = self.query.to_value(value);
        let (fresh, ttl) = self.windows(&value);
        let is_old = !self.plan.never_loads() && age >= fresh.min(ttl);
        if is_old || !self.flight.answer_without_load() {
            return None;
        }
        // Its own load may have set them.
        self.limit_times((fresh_there, fresh), (ttl_there, ttl));
        self.node.client.telemetry().provider_hit(self.subject(), self.plan.strategy());
        let ended = AttemptEnd::Found(value);
        Some(Attempt { started: cache.now() - age, took: None, ended, has_own_answers: false })
    }

    /// Gives the answer the times of its copy, where they are shorter than those of the options.
    fn limit_times(&self, fresh: (Duration, Duration), ttl: (Duration, Duration)) {
        if fresh.0 < fresh.1 || ttl.0 < ttl.1 {
            self.node.note(|notes| {
                let terms = notes.terms_mut();
                terms.fresh = Some(fresh.0).filter(|time| *time < fresh.1);
                terms.ttl = Some(ttl.0).filter(|time| *time < ttl.1);
            });
        }
    }

    /// Stores a copy of an answer whose load began at `started`, unless the cache has another value by now.
    pub(super) async fn leave_copy(&self, entry: Box<ProviderEntry>, value: AnyValue, started: Moment) {
        let cache = self.node.client.cache();
        let (fresh, ttl) = self.windows(&value);
        let loaded_at = entry.began.later_by(started.since(self.flight.started));
        let age = WallTime::from(cache.wall()).since(loaded_at).unwrap_or_default();
        let copy = EntryCopy { value: &self.query.to_handle(&value), loaded_at, age, fresh, ttl };
        let is_wanted = || is_present(&self.node.client, &*self.query, &value);
        entry.put(&*self.flight.key, copy, &is_wanted).await;
    }

    /// Stores copies of the answers for other keys that a load has brought along. The load began at `started`.
    pub(super) async fn leave_copies(&self, brought: &[BroughtAnswer<A>], started: Moment) {
        let client = &self.node.client;
        for BroughtAnswer { query, value, plan } in brought {
            if let Some(entry) = ProviderEntry::of(client, &**query) {
                let age = client.cache().now().since(started);
                let loaded_at = WallTime::from(client.cache().wall()).earlier_by(age);
                let (fresh, ttl) = windows(client, &**query, plan, value, &AnswerTerms::default());
                let copy = EntryCopy { value: &query.to_handle(value), loaded_at, age, fresh, ttl };
                entry.put(&**query, copy, &|| is_present(client, &**query, value)).await;
            }
        }
    }

    /// Whether the cached value is marked, by a program whose snapshot was restored here. Marks of this program are
    /// known without that.
    fn is_marked(&self) -> bool {
        let present = self.query.read(self.node.client.cache(), false);
        present.is_some_and(|(_, state)| state.freshness == Freshness::Invalidated)
    }

    /// How long an answer is fresh, and how long it is kept.
    fn windows(&self, value: &AnyValue) -> (Duration, Duration) {
        windows(&self.node.client, &*self.query, &self.plan, value, &self.node.terms())
    }
}

/// How long an answer of a query is fresh, and how long it is kept.
fn windows<A: App>(
    client: &Client<A>,
    query: &dyn AnyQuery<A>,
    plan: &Plan,
    value: &AnyValue,
    terms: &AnswerTerms,
) -> (Duration, Duration) {
    let (table_ttl, _) = query.table(client.cache()).times();
    let (fresh, ttl) = plan.windows(query.counts_as_absent(plan, value), terms);
    (fresh, ttl.or(table_ttl).unwrap_or(Duration::MAX))
}

/// Whether the cache has this value, and it is not marked.
fn is_present<A: App>(client: &Client<A>, query: &dyn AnyQuery<A>, value: &AnyValue) -> bool {
    let present = query.read(client.cache(), false);
    present.is_some_and(|(present, state)| {
        Arc::ptr_eq(&present, value) && state.freshness != Freshness::Invalidated
    })
}
