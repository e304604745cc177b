//! A flight and the provider: reads the provider before the load, and stores a copy there afterwards.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cache_core::{Freshness, Moment};

use super::LoadTask;
use super::attempt::{Attempt, AttemptEnd};
use super::brought::{BroughtAnswer, KeptAfterLoad};
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::erased::AnyValue;
use crate::notes::AnswerTerms;
use crate::plan::Plan;
use crate::provider::entry::{EntryCopy, FoundCopy, ProviderEntry};
use crate::provider::envelope::{StaleWindows, WallTime};

/// How many copies of brought entries a load writes at the same time.
const MAX_WRITES: usize = 16;

/// An answer that the provider or the shared tier has.
pub(super) struct TierAnswer {
    pub(super) value: AnyValue,
    age: Duration,
    /// The times that its load has set: times to live and freshness where they are shorter than those of the options.
    terms: AnswerTerms,
}

impl<A: App> LoadTask<A> {
    /// The entry of the key in the provider, if there is one and the flight is shared.
    pub(super) fn entry(&self) -> Option<Box<ProviderEntry>> {
        self.flight.watch.as_ref()?;
        // Boxed, so that tasks of clients without a provider stay small.
        ProviderEntry::of(&self.node.client, &*self.query).map(Box::new)
    }

    /// Gets the answer from the provider, or loads it. A stale answer of the provider enters the cache while the load
    /// continues.
    pub(super) async fn find_or_load(&self, entry: &ProviderEntry) -> Attempt {
        if self.flight.must_load() {
            return match self.wants_stand_in() {
                true => self.load_and_find(entry).await,
                false => self.attempts().await,
            };
        }
        if let Some(answer) = self.find(entry).await
            && self.flight.answer_without_load()
        {
            return self.found(answer);
        }
        match self.plan.never_loads() {
            true => Attempt::missing(self.flight.started),
            false => self.attempts().await,
        }
    }

    /// The attempt that an answer takes the place of.
    pub(super) fn found(&self, TierAnswer { value, age, terms }: TierAnswer) -> Attempt {
        if terms != AnswerTerms::default() {
            self.node.note(|notes| *notes.terms_mut() = terms);
        }
        self.report_hit();
        let started = self.node.client.cache().now() - age;
        Attempt { started, took: None, ended: AttemptEnd::Found(value), has_own_answers: false }
    }

    /// Loads, and reads the provider at the same time. Its answer may stand in for a slow or failed load.
    async fn load_and_find(&self, entry: &ProviderEntry) -> Attempt {
        let mut load = pin!(self.attempts());
        let mut fill = pin!(async {
            if let Some(answer) = self.find(entry).await {
                self.fill(entry, answer);
            }
        });
        let first = tokio::select! {
            biased;
            attempt = &mut load => Some(attempt),
            () = &mut fill => None,
        };
        let Some(attempt) = first else { return load.await };
        if !matches!(attempt.ended, AttemptEnd::Answered(_)) {
            fill.await;
        }
        attempt
    }

    /// Whether callers may get a value from the cache, and the cache has none.
    fn wants_stand_in(&self) -> bool {
        self.plan.reads_after_load() && self.query.read(self.node.client.cache(), false).is_none()
    }

    /// The answer of the provider, if it is as good as a loaded one. A stale one that may still be served
    /// enters the cache.
    async fn find(&self, entry: &ProviderEntry) -> Option<TierAnswer> {
        if entry.is_outdated || self.is_marked() {
            return None;
        }
        let cache = self.node.client.cache();
        let FoundCopy { value, age, fresh: fresh_there, ttl: ttl_there, stale } =
            entry.find(&*self.flight.key, &|| WallTime::from(cache.wall())).await?;
        let answer = self.tier_answer(self.query.to_value(value), age, (fresh_there, ttl_there), stale);
        let (fresh, ttl) = self.windows(&answer.value);
        let (is_absent, terms) = (self.query.counts_as_absent(&self.plan, &answer.value), answer.terms);
        if self.plan.never_loads() {
            // A load that runs meanwhile is not retired.
            return (age < ttl).then(|| match self.write_copy(entry, &answer) {
                Some(value) => TierAnswer { value, ..answer },
                None => answer,
            });
        }
        if age < fresh.min(fresh_there) {
            return Some(answer);
        }
        if age < self.plan.served_for(is_absent, &terms).min(ttl) && self.fill(entry, answer) {
            self.report_hit();
        }
        None
    }

    /// A found value with the times that its load has set.
    pub(super) fn tier_answer(
        &self,
        value: AnyValue,
        age: Duration,
        (fresh_there, ttl_there): (Duration, Duration),
        StaleWindows { swr, if_error: stale_if_error }: StaleWindows,
    ) -> TierAnswer {
        let (fresh, ttl) = self.windows(&value);
        // Its own load may have set shorter times than the options do.
        let shorter = |there: Duration, here: Duration| Some(there).filter(|there| *there < here);
        let (fresh, ttl) = (shorter(fresh_there, fresh), shorter(ttl_there, ttl));
        TierAnswer { value, age, terms: AnswerTerms { fresh, ttl, swr, stale_if_error, is_unstored: false } }
    }

    /// Puts an answer of the provider into the cache, if the cache has none and the key has not changed. The load
    /// continues, and its answer replaces this one.
    fn fill(&self, entry: &ProviderEntry, answer: TierAnswer) -> bool {
        let filled = self.write_copy(entry, &answer);
        let is_filled = filled.is_some();
        if let Some(value) = filled {
            self.flight.show_stale(value);
        }
        is_filled
    }

    /// Writes an answer of the provider into the cache, if the cache has none and the key has not changed. Retires no
    /// load. Returns the value that was written.
    fn write_copy(
        &self,
        entry: &ProviderEntry,
        TierAnswer { value, age, terms }: &TierAnswer,
    ) -> Option<AnyValue> {
        let watch = self.flight.watch.as_ref()?;
        let started = self.node.client.cache().now() - *age;
        let times = self.plan.times(self.query.counts_as_absent(&self.plan, value), started, terms);
        match self.node.client.step_for(value) {
            None => {
                let handle = self.query.to_handle(value);
                watch.fill(entry.codec, &*self.flight.key, &handle, &times).then(|| Arc::clone(value))
            }
            Some(step) => self.fill_by_step(step, value, watch, times),
        }
    }

    fn report_hit(&self) {
        self.node.client.telemetry().provider_hit(self.subject(), self.plan.strategy());
    }

    /// Stores a copy of an answer whose load began at `started`, unless the cache has another value by now.
    async fn leave_copy(&self, entry: Box<ProviderEntry>, value: AnyValue, started: Moment) {
        let cache = self.node.client.cache();
        let (plan, terms) = (self.plan_of_copies(), self.node.terms());
        let (fresh, ttl) = self.windows_of_copies(&value);
        let served = plan.served_for(self.query.counts_as_absent(plan, &value), &terms);
        let loaded_at = entry.began.later_by(started.since(self.flight.started));
        let age = WallTime::from(cache.wall()).since(loaded_at).unwrap_or_default();
        let stale = StaleWindows { swr: terms.swr, if_error: terms.stale_if_error };
        let copy =
            EntryCopy { value: &self.query.to_handle(&value), loaded_at, age, fresh, served, ttl, stale };
        let is_wanted = || is_present(&self.node.client, &*self.query, &value);
        entry.put(&*self.flight.key, copy, &is_wanted).await;
    }

    /// Stores copies of the stored answer of a load that began at `started`, and of those for other keys.
    pub(super) async fn leave_copies(
        &self,
        own: Option<(Box<ProviderEntry>, AnyValue)>,
        kept: Option<&KeptAfterLoad<A>>,
        started: Moment,
    ) {
        if let Some((entry, value)) = own {
            self.leave_copy(entry, value, started).await;
        }
        let brought =
            kept.and_then(|kept| kept.brought.as_ref()).into_iter().flat_map(|brought| brought.stored());
        run_all(brought.map(|answer| leave_brought_copy(&self.node.client, answer, started))).await;
    }

    /// The options of the query, since a copy serves calls with other options too.
    fn plan_of_copies(&self) -> &Plan {
        let client = &self.node.client;
        let of_query = client.plan_of(self.query.table(client.cache()).index()).get();
        of_query.and_then(|plan| plan.as_ref().ok()).unwrap_or(&self.plan)
    }

    /// Whether the cached value is marked. This detects marks from a restored snapshot; the marks of this program are
    /// known anyway.
    fn is_marked(&self) -> bool {
        let present = self.query.read(self.node.client.cache(), false);
        present.is_some_and(|(_, state)| state.freshness == Freshness::Invalidated)
    }

    /// How long a copy of an answer is fresh, and how long it is kept, by the options of the query.
    pub(super) fn windows_of_copies(&self, value: &AnyValue) -> (Duration, Duration) {
        windows(&self.node.client, &*self.query, self.plan_of_copies(), value, &self.node.terms())
    }

    /// How long an answer is fresh, and how long it is kept.
    pub(super) fn windows(&self, value: &AnyValue) -> (Duration, Duration) {
        windows(&self.node.client, &*self.query, &self.plan, value, &self.node.terms())
    }
}

/// Stores a copy of an entry that a load has brought along.
async fn leave_brought_copy<A: App>(client: &Client<A>, answer: BroughtAnswer<'_, A>, started: Moment) {
    let BroughtAnswer { query, value, plan } = answer;
    let Some(entry) = ProviderEntry::of(client, query) else { return };
    let age = client.cache().now().since(started);
    let loaded_at = WallTime::from(client.cache().wall()).earlier_by(age);
    let (fresh, ttl) = windows(client, query, plan, &value, &AnswerTerms::default());
    let served = plan.served_for(query.counts_as_absent(plan, &value), &AnswerTerms::default());
    let stale = StaleWindows::default();
    let copy = EntryCopy { value: &query.to_handle(&value), loaded_at, age, fresh, served, ttl, stale };
    entry.put(query, copy, &|| is_present(client, query, &value)).await;
}

/// Runs futures, at most [`MAX_WRITES`] at a time.
async fn run_all<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    let mut next = futures.map(Box::pin);
    let mut running = Vec::<Pin<Box<F>>>::with_capacity(MAX_WRITES);
    poll_fn(|cx| {
        loop {
            running.retain_mut(|future| future.as_mut().poll(cx).is_pending());
            let before = running.len();
            running.extend(next.by_ref().take(MAX_WRITES - before));
            if running.len() == before {
                return if running.is_empty() { Poll::Ready(()) } else { Poll::Pending };
            }
        }
    })
    .await;
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
