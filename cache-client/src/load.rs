//! The task of one flight: loads, stores the answer, and informs the callers. Does not decide which callers wait.

mod attempt;
mod attempts;
pub(crate) mod brought;
mod by_step;
mod second_tier;
mod shared_tier;

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use cache_core::client_support::{AnswerFacts, AnyPin, AnyStoreOutcome};
use cache_core::{EntryTimes, Moment};
use tracing::{Instrument, Span};

use crate::any_query::AnyQuery;
use crate::app::App;
use crate::context::Node;
use crate::erased::{AnyValue, Outcome};
use crate::error::QueryError;
use crate::flight::registry::FlightRegistry;
use crate::flight::state::{Flight, Landing, LoadDemand};
use crate::panic::poll_catching;
use crate::plan::Plan;
use crate::query_state::QueryState;
use crate::telemetry::Subject;
use crate::telemetry::load::LoadSpan;
use attempt::{Attempt, AttemptEnd};
use brought::{BroughtAnswers, KeptAfterLoad};
use by_step::AnswerParts;
use second_tier::TierEntry;

/// One flight, with everything that its load needs. Dropping it ends the flight.
pub(crate) struct LoadTask<A: App> {
    /// The query to load.
    pub(crate) query: Arc<dyn AnyQuery<A>>,
    pub(crate) query_state: Arc<QueryState>,
    pub(crate) flight: Arc<Flight>,
    /// The context of the load.
    pub(crate) node: Arc<Node<A>>,
    /// Shared, so that a task stays small.
    pub(crate) plan: Arc<Plan>,
    /// The caller that began the flight has found no value in the cache.
    is_vacant: bool,
    /// Reports the load, once it has started.
    load_span: Option<LoadSpan>,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AnswerSource {
    Load,
    Provider,
    /// It is the current value, which the load has found unchanged.
    Cache,
}

/// The outcome of a load, and what it has stored for other keys.
struct Loaded<A: App> {
    outcome: Outcome,
    brought: Option<Box<BroughtAnswers<A>>>,
    /// Whether the answer was built from something that may have changed meanwhile, so that other machines must not get it.
    is_doubtful: bool,
    is_stored: bool,
}

impl<A: App> Loaded<A> {
    fn alone(outcome: Outcome) -> Self {
        Self { outcome, brought: None, is_doubtful: false, is_stored: false }
    }
}

impl<A: App> LoadTask<A> {
    pub(crate) fn new(
        query: Arc<dyn AnyQuery<A>>,
        query_state: Arc<QueryState>,
        flight: Arc<Flight>,
        node: Arc<Node<A>>,
        plan: Arc<Plan>,
    ) -> Self {
        Self { query, query_state, flight, node, plan, is_vacant: false, load_span: None }
    }

    fn name(&self) -> &'static str {
        self.query.facts().name
    }

    fn flights(&self) -> &FlightRegistry {
        self.query_state.flights_of(&self.plan)
    }

    fn subject(&self) -> Subject<'_> {
        self.query.subject()
    }

    /// How long ago the flight began.
    fn age(&self) -> Duration {
        self.node.client.cache().now().since(self.flight.started)
    }

    /// Sets the outcome of the flight. Returns whether no caller waited. Only the first outcome counts.
    fn land(&self, outcome: Outcome) -> bool {
        if let Some(load_span) = &self.load_span {
            let is_expected = match &outcome {
                // Foreign code. If it panics, the error counts as not expected.
                Err(QueryError::Failed { source, .. }) => {
                    catch_unwind(AssertUnwindSafe(|| self.query.is_expected(&**source))).unwrap_or(false)
                }
                _ => false,
            };
            load_span.ended(self.subject(), &outcome, is_expected, || self.age());
        }
        self.flights().landed(&self.flight);
        self.count_end();
        self.flight.land(outcome)
    }

    /// Counts the flight as a running load, unless it only reads the provider.
    fn count_begin(&self) {
        if !self.plan.never_loads() {
            self.node.client.query_states().load_began(&self.query_state);
        }
    }

    fn count_end(&self) {
        if !self.plan.never_loads() {
            self.node.client.query_states().load_ended(&self.query_state);
        }
    }
}

impl<A: App> LoadTask<A> {
    /// Starts the task. `is_vacant` says that the caller has found no value in the cache.
    pub(crate) fn start(mut self, is_vacant: bool) {
        self.is_vacant = is_vacant;
        self.count_begin();
        let (telemetry, is_shared) = (self.node.client.telemetry(), self.flight.watch.is_some());
        // From here on the flight is ended even if a subscriber panics.
        self.load_span = Some(telemetry.load(self.subject(), self.plan.strategy(), is_shared));
        // An answer of the provider or the shared tier needs no slot.
        let may_be_found = self.plan.is_shared() || self.node.client.tier().is_some();
        if let (Some(slot), false) = (&self.flight.slot, may_be_found) {
            slot.begin();
        }
        let runtime = self.flight.runtime.clone();
        // Boxed, since tokio moves what it spawns several times.
        runtime.start(Box::pin(self.run()));
    }

    /// The inner future borrows the task, since everything that a future owns is moved when it starts.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would keep the task twice")]
    fn run(self) -> impl Future<Output = ()> + Send {
        async move {
            let span = self.load_span.as_ref().map_or_else(Span::none, |load_span| load_span.span.clone());
            let kept = {
                let mut running = pin!(self.run_load().instrument(span));
                poll_fn(|cx| poll_catching(running.as_mut(), cx)).await
            };
            let kept = kept.unwrap_or_else(|_| {
                self.land_panicked();
                None
            });
            let keep_for = self.plan.keep_prefetched;
            // The rest is dropped, so that the pin alone keeps the value.
            drop(self);
            if let Some(kept) = kept.filter(|_| !keep_for.is_zero()) {
                // Boxed, since most tasks do not need it.
                Box::pin(tokio::time::sleep(keep_for)).await;
                drop(kept);
            }
        }
    }

    /// Ends a flight after a panic outside its load: in `Drop`, `Hash` or `Eq` of the user's types, or in a subscriber.
    fn land_panicked(&self) {
        if !self.flight.has_landed() {
            let message = "the panic occurred while its answer was being stored".into();
            self.land(Err(QueryError::Panicked { query: self.name(), message }));
        }
    }

    async fn run_load(&self) -> Option<Box<KeptAfterLoad<A>>> {
        let entry = self.tier_entry();
        let attempt = self.load(entry.as_deref()).await;
        self.flight.end_turn();
        let loaded_from =
            attempt.as_ref().filter(|attempt| attempt.took.is_some()).map(|attempt| attempt.started);
        let has_own_answers = attempt.as_ref().is_some_and(|attempt| attempt.has_own_answers);
        let of_shared = attempt.as_ref().filter(|_| self.plan.is_shared() && !has_own_answers);
        let asked = of_shared.map(|attempt| self.asked_at(attempt));
        let is_unstored = self.node.is_unstored();
        let landing = self.flight.begin_landing(is_unstored);
        let (Loaded { outcome, brought, is_doubtful, is_stored }, stores) = match (landing, attempt) {
            (Landing::Done(demand), Some(attempt)) => {
                if let Some(took) = attempt.took {
                    self.query_state.note_load_time(took);
                }
                let demand = LoadDemand { stores: demand.stores && !attempt.has_own_answers, ..demand };
                (self.settle(attempt, demand), demand.stores)
            }
            _ => (Loaded::alone(Err(QueryError::Interrupted { query: self.name() })), false),
        };
        if let Some(asked) = asked.filter(|_| !is_stored && outcome.is_ok()) {
            self.overtake_earlier(asked);
        }
        let is_kept = !self.plan.keep_prefetched.is_zero();
        let may_be_pinned = stores && is_kept && self.flight.watch.is_some() && outcome.is_ok();
        let is_copied = match entry.as_deref() {
            None => false,
            Some(TierEntry::Provider(_)) => stores,
            // Also if it is not stored here, since something newer has happened.
            Some(TierEntry::Shared(_)) => !(is_unstored || is_doubtful || has_own_answers),
        };
        let copied = outcome.as_ref().ok().filter(|_| is_copied).cloned();
        let is_alone = self.land(outcome);
        let pin = (may_be_pinned && is_alone)
            .then(|| AnyPin::new(self.query.home(self.node.client.cache()), &*self.query));
        let kept = KeptAfterLoad::new(pin, brought);
        let has_tier = entry.is_some() || self.node.client.tier().is_some();
        if let Some(started) = loaded_from.filter(|_| has_tier) {
            Box::pin(self.leave_copies(entry.zip(copied), kept.as_deref(), started)).await;
        }
        kept
    }

    /// Runs the load until it ends or is cancelled. In both cases it is dropped.
    async fn load(&self, entry: Option<&TierEntry>) -> Option<Attempt> {
        // Pinned where it is made, so that the task contains it only once.
        let mut attempt = pin!(async {
            match entry {
                // Boxed, so that tasks of clients without a second tier stay small.
                Some(entry) => Box::pin(self.find_or_load(entry)).await,
                None if self.plan.is_shared() => Box::pin(self.load_alone()).await,
                None if self.plan.never_loads() => Attempt::missing(self.flight.started),
                None => self.attempts().await,
            }
        });
        let token = &self.flight.token;
        let mut cancelled = pin!(token.cancelled());
        poll_fn(|cx| {
            if token.is_cancelled() {
                return Poll::Ready(None);
            }
            match attempt.as_mut().poll(cx) {
                Poll::Ready(attempt) => Poll::Ready(Some(attempt)),
                // Only a load that waits has to be woken.
                Poll::Pending => cancelled.as_mut().poll(cx).map(|()| None),
            }
        })
        .await
    }

    /// Stores an answer, or remembers an error.
    fn settle(&self, attempt: Attempt, demand: LoadDemand) -> Loaded<A> {
        let query = self.name();
        let error = match attempt.ended {
            AttemptEnd::Answered(value) if self.node.is_unstored() && !attempt.has_own_answers => {
                return Loaded::alone(Ok(self.store_parts(value)));
            }
            AttemptEnd::Answered(value) => {
                return self.store(value, AnswerSource::Load, attempt.started, demand);
            }
            AttemptEnd::Found(value) => {
                return self.store(value, AnswerSource::Provider, attempt.started, demand);
            }
            AttemptEnd::Unchanged(value) => {
                return self.store(value, AnswerSource::Cache, attempt.started, demand);
            }
            AttemptEnd::Failed { error, .. } => QueryError::Failed { query, source: error },
            AttemptEnd::Panicked(message) => QueryError::Panicked { query, message },
            AttemptEnd::Miscounted { keys, answers } => QueryError::Miscounted { query, keys, answers },
            AttemptEnd::Refused { until } => QueryError::CircuitOpen { query, until },
            AttemptEnd::Missing => return Loaded::alone(Err(QueryError::NotCached { query })),
        };
        if let Some(watch) =
            self.flight.watch.as_ref().filter(|_| demand.outlives_callers || demand.remembers_errors)
        {
            // The breaker decides when to load again.
            let ttl = self.plan.error_ttl.filter(|_| !matches!(error, QueryError::CircuitOpen { .. }));
            let until = ttl.map(|time| self.node.client.cache().now() + time);
            let key = Arc::clone(&self.flight.key);
            self.query_state.errors.note(key, watch.clone(), error.clone(), until);
        }
        Loaded::alone(Err(error))
    }

    /// Ends the time for which an unchanged value is kept, since its load wants it to be stored nowhere.
    fn expire(&self, value: &AnyValue) {
        let Some(watch) = self.flight.watch.as_ref().filter(|_| self.plan.stores()) else { return };
        let times = EntryTimes::new().fresh(Duration::ZERO).ttl(Duration::ZERO);
        let inputs = self.node.take_inputs();
        let facts = AnswerFacts { times, inputs: &inputs, is_unchanged: true, brought: &mut [] };
        self.query.store(watch, Arc::clone(value), facts);
        self.node.client.remove_copy_of(&*self.query);
    }

    /// Stores what the step for an answer extracts from it, but not the answer. Returns the answer for the callers.
    fn store_parts(&self, loaded: AnyValue) -> AnyValue {
        let Some(step) = self.step(&loaded).filter(|_| self.plan.stores()) else { return loaded };
        let ticket = self.node.take_ticket();
        let stored = self.node.client.commit_parts_of_load(&step, &loaded, ticket.as_deref());
        stored.unwrap_or_else(|error| {
            self.node.client.telemetry().store_failed(self.subject(), self.plan.strategy(), &error);
            loaded
        })
    }

    /// Stores an answer, and the entries that the load brings along. Returns the answer for the callers, and what was
    /// stored for other keys.
    fn store(&self, value: AnyValue, source: AnswerSource, started: Moment, demand: LoadDemand) -> Loaded<A> {
        // What a lookup finds is in the cache already, if the key was vacant.
        let stores = demand.stores && !self.plan.never_loads();
        let Some(watch) = self.flight.watch.as_ref().filter(|_| stores) else {
            if source == AnswerSource::Cache && self.node.is_unstored() {
                self.expire(&value);
            }
            let is_doubtful = self.plan.is_shared() && !self.node.take_inputs().is_empty();
            return Loaded { is_doubtful, ..Loaded::alone(Ok(value)) };
        };
        let terms = self.node.terms();
        let times = self.plan.times(self.query.counts_as_absent(&self.plan, &value), started, &terms);
        let (inputs, ticket) = (self.node.take_inputs(), self.node.take_ticket());
        let mut brought = self.take_brought(started);
        let entries = brought.as_mut().map_or(&mut [][..], |brought| &mut brought.entries);
        // The steps have seen an unchanged value.
        let is_unchanged = source == AnswerSource::Cache;
        let (stored, value) = match self.step(&value).filter(|_| !is_unchanged) {
            None => {
                let facts = AnswerFacts { times, inputs: &inputs, is_unchanged, brought: entries };
                (self.query.store(watch, Arc::clone(&value), facts), value)
            }
            Some(step) => {
                let is_copy = source == AnswerSource::Provider;
                let ticket = ticket.as_deref();
                let parts = AnswerParts { watch, times, inputs: &inputs, brought: entries, is_copy, ticket };
                self.store_by_step(&step, &value, parts)
            }
        };
        if let Some(brought) = &mut brought {
            self.report_stored(brought);
        }
        self.query_state.errors.forget(&*self.flight.key);
        let (telemetry, subject, strategy) =
            (self.node.client.telemetry(), self.subject(), self.plan.strategy());
        match &stored {
            AnyStoreOutcome::Written => telemetry.store(subject, strategy, false),
            AnyStoreOutcome::Kept(_) => telemetry.store(subject, strategy, true),
            AnyStoreOutcome::Overtaken => telemetry.overtaken(subject, strategy),
            AnyStoreOutcome::Marked(_) => {
                self.flight.is_out_of_date.store(true, Ordering::Release);
                telemetry.outdated(subject, strategy);
            }
        }
        let is_doubtful = match &stored {
            AnyStoreOutcome::Written | AnyStoreOutcome::Kept(_) => false,
            // Its inputs were not compared.
            AnyStoreOutcome::Overtaken => !inputs.is_empty(),
            AnyStoreOutcome::Marked(_) => true,
        };
        let is_stored = !matches!(stored, AnyStoreOutcome::Overtaken);
        let value = match stored {
            AnyStoreOutcome::Kept(equal) | AnyStoreOutcome::Marked(Some(equal)) => self.query.to_value(equal),
            AnyStoreOutcome::Written | AnyStoreOutcome::Overtaken | AnyStoreOutcome::Marked(None) => value,
        };
        Loaded { outcome: Ok(value), brought, is_doubtful, is_stored }
    }
}

impl<A: App> Drop for LoadTask<A> {
    /// Ends a flight that has not landed, even if its task never ran, so that no caller waits forever.
    fn drop(&mut self) {
        self.flight.end_turn();
        if self.flight.has_landed() {
            return;
        }
        let query = self.name();
        let Some(load_span) = &self.load_span else {
            // The subscriber panicked when the start was reported.
            let message = "the panic occurred before the load began".into();
            self.land(Err(QueryError::Panicked { query, message }));
            return;
        };
        // The task catches its panics, and no other code aborts it: the runtime has ended, perhaps by a panic of its
        // own.
        self.node.client.runtime().note_end(&self.flight.runtime);
        let outcome = Err(QueryError::Interrupted { query });
        load_span.ended(self.subject(), &outcome, false, || self.age());
        self.flights().landed(&self.flight);
        self.count_end();
        self.flight.abandon(outcome);
    }
}

#[cfg(test)]
mod tests;
