//! The task of one flight: loads, stores what may be stored, and tells those who wait. Decides nothing about who waits.

pub(crate) mod attempts;
mod copies;

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use cache_core::Moment;
use cache_core::client_support::{AnyPin, StoredAs};
use tracing::{Instrument, Span};

use crate::app::App;
use crate::ask::is_absent;
use crate::context::Node;
use crate::desk::Desk;
use crate::erased::{AnyValue, Outcome};
use crate::error::QueryError;
use crate::flight::{Flight, Landing, Wish};
use crate::plan::Plan;
use crate::provider::shelf::Shelf;
use crate::query::AnyQuery;
use crate::telemetry::{Load, Subject};
use attempts::{Attempt, Ended};

/// How long what nobody waited for stays, so that it is there when somebody comes.
const GRACE: Duration = Duration::from_secs(5);

/// One flight with all it needs, and the duty to end it.
pub(crate) struct Trip<A: App> {
    /// What is loaded.
    pub(crate) query: Arc<dyn AnyQuery<A>>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) flight: Arc<Flight>,
    /// The context of the load.
    pub(crate) node: Arc<Node<A>>,
    /// Shared, since a task is to be small.
    pub(crate) plan: Arc<Plan>,
    /// What is told of it, once it has started.
    told: Option<Load>,
}

impl<A: App> Trip<A> {
    pub(crate) fn new(
        query: Arc<dyn AnyQuery<A>>,
        desk: Arc<Desk>,
        flight: Arc<Flight>,
        node: Arc<Node<A>>,
        plan: Arc<Plan>,
    ) -> Self {
        Self { query, desk, flight, node, plan, told: None }
    }

    fn name(&self) -> &'static str {
        self.query.facts().name
    }

    fn subject(&self) -> Subject<'_> {
        Subject::of(&*self.query)
    }

    /// Returns whether nobody waited. Only the first outcome counts.
    fn land(&self, outcome: Outcome) -> bool {
        if let Some(told) = &self.told {
            let is_expected = match &outcome {
                // Foreign code; one that cannot say is none that was expected.
                Err(QueryError::Failed { source, .. }) => {
                    catch_unwind(AssertUnwindSafe(|| self.query.is_expected(&**source))).unwrap_or(false)
                }
                _ => false,
            };
            told.ended(self.subject(), &outcome, is_expected);
        }
        self.desk.flights.landed(&self.flight);
        self.flight.land(outcome)
    }
}

impl<A: App> Trip<A> {
    pub(crate) fn start(mut self) {
        let (telemetry, is_shared) = (self.node.client.telemetry(), self.flight.watch.is_some());
        // By now there is who ends the flight if the code that listens panics.
        self.told = Some(telemetry.load(self.subject(), self.plan.strategy(), is_shared));
        // What the provider has needs no slot.
        if let (Some(slot), None) = (&self.flight.slot, self.node.client.tier()) {
            slot.begin();
        }
        let runtime = self.flight.runtime.clone();
        // In a box, since tokio moves what it spawns several times.
        runtime.spawn(Box::pin(self.run()));
    }

    /// What runs in it borrows the trip: whatever a task is made of is moved when it starts.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would keep the trip twice")]
    fn run(self) -> impl Future<Output = ()> + Send {
        async move {
            let span = self.told.as_ref().map_or_else(Span::none, |told| told.span.clone());
            let pin = {
                let mut flying = pin!(self.fly().instrument(span));
                poll_fn(|cx| poll_caught(flying.as_mut(), cx)).await
            };
            let pin = pin.unwrap_or_else(|_| {
                self.land_panicked();
                None
            });
            // Nothing of the flight is left but the pin, so that it alone keeps the value.
            drop(self);
            if let Some(pin) = pin {
                // In a box, since most tasks have no room for it.
                Box::pin(tokio::time::sleep(GRACE)).await;
                drop(pin);
            }
        }
    }

    /// Ends a flight over which foreign code has panicked that belongs to no load: a `Drop`, `Hash` or `Eq` of the user's
    /// types, or a subscriber.
    fn land_panicked(&self) {
        if !self.flight.has_landed() {
            let message = "while its answer was stored".into();
            self.land(Err(QueryError::Panicked { query: self.name(), message }));
        }
    }

    async fn fly(&self) -> Option<AnyPin> {
        let shelf = self.shelf();
        let attempt = self.load(shelf.as_deref()).await;
        self.flight.end_turn();
        let loaded_from =
            attempt.as_ref().filter(|attempt| attempt.took.is_some()).map(|attempt| attempt.started);
        let landing = self.flight.begin_landing();
        let (outcome, stores) = match (landing, attempt) {
            (Landing::Done(wish), Some(attempt)) => {
                if let Some(took) = attempt.took {
                    self.desk.note_load_time(took);
                }
                let wish = Wish { stores: wish.stores && !attempt.may_be_made_up, ..wish };
                (self.settle(attempt, wish), wish.stores)
            }
            _ => (Err(QueryError::Interrupted { query: self.name() }), false),
        };
        let may_be_pinned = stores && self.flight.watch.is_some() && outcome.is_ok();
        let copied = outcome.as_ref().ok().filter(|_| stores).cloned();
        let is_alone = self.land(outcome);
        let pin = (may_be_pinned && is_alone)
            .then(|| AnyPin::new(self.query.home(self.node.client.cache()), &*self.query));
        if let (Some(shelf), Some(value), Some(started)) = (shelf, copied, loaded_from) {
            Box::pin(self.leave_copy(shelf, value, started)).await;
        }
        pin
    }

    /// Runs the load until it ends or is cancelled; in both cases nothing of it is left.
    async fn load(&self, shelf: Option<&Shelf>) -> Option<Attempt> {
        // Pinned as it is made, so that the task has no room for it twice.
        let mut attempt = pin!(async {
            match shelf {
                // In boxes, so that the tasks of clients without a provider have no room for it.
                Some(shelf) if let Some(found) = Box::pin(self.found(shelf)).await => found,
                _ => self.attempts().await,
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
                // Only loads that wait have somebody to be woken.
                Poll::Pending => cancelled.as_mut().poll(cx).map(|()| None),
            }
        })
        .await
    }

    /// Stores an answer, or remembers an error.
    fn settle(&self, attempt: Attempt, wish: Wish) -> Outcome {
        let query = self.name();
        let error = match attempt.ended {
            Ended::Answered(value) | Ended::Found(value) => {
                return Ok(self.store(value, attempt.started, wish));
            }
            Ended::Failed { error, .. } => QueryError::Failed { query, source: error },
            Ended::Panicked(message) => QueryError::Panicked { query, message },
            Ended::Miscounted { keys, answers } => QueryError::Miscounted { query, keys, answers },
            Ended::Refused => QueryError::CircuitOpen { query },
        };
        if let Some(watch) = self.flight.watch.as_ref().filter(|_| wish.goes_on || wish.remembers_errors) {
            // A breaker knows better when to ask again.
            let lasts = self.plan.error_ttl.filter(|_| !matches!(error, QueryError::CircuitOpen { .. }));
            let until = lasts.map(|time| self.node.client.cache().now() + time);
            let key = Arc::clone(&self.flight.key);
            self.desk.failures.note(key, Arc::clone(watch), error.clone(), until);
        }
        Err(error)
    }

    fn store(&self, value: AnyValue, started: Moment, wish: Wish) -> AnyValue {
        let Some(watch) = self.flight.watch.as_ref().filter(|_| wish.stores) else { return value };
        let times = self.plan.times(is_absent(&*self.query, &self.plan, &value), started);
        let inputs = self.node.take_inputs();
        let stored = self.query.store(watch, Arc::clone(&value), &times, &inputs);
        self.desk.failures.forget(&*self.flight.key);
        let (telemetry, subject, strategy) =
            (self.node.client.telemetry(), self.subject(), self.plan.strategy());
        match &stored {
            StoredAs::Written => telemetry.store(subject, strategy, false),
            StoredAs::Kept(_) => telemetry.store(subject, strategy, true),
            StoredAs::Overtaken => telemetry.overtaken(subject, strategy),
            StoredAs::Marked(_) => {
                self.flight.is_out_of_date.store(true, Ordering::Release);
                telemetry.outdated(subject, strategy);
            }
        }
        match stored {
            StoredAs::Kept(equal) | StoredAs::Marked(Some(equal)) => self.query.to_value(equal),
            StoredAs::Written | StoredAs::Overtaken | StoredAs::Marked(None) => value,
        }
    }
}

impl<A: App> Drop for Trip<A> {
    /// Ends a flight that has not landed, also if its task was never run: nobody waits for ever.
    fn drop(&mut self) {
        self.flight.end_turn();
        if self.flight.has_landed() {
            return;
        }
        let query = self.name();
        let Some(told) = &self.told else {
            // The subscriber has panicked when it was told of the start.
            let message = "before it began".into();
            self.land(Err(QueryError::Panicked { query, message }));
            return;
        };
        // The task catches its panics, and nobody aborts it: the runtime has ended, perhaps by a panic of its own.
        self.node.client.runtime().note_end(&self.flight.runtime);
        let outcome = Err(QueryError::Interrupted { query });
        told.ended(self.subject(), &outcome, false);
        self.desk.flights.landed(&self.flight);
        self.flight.abandon(outcome);
    }
}

/// Runs a future, and catches its panic.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Arc<str>> {
    let mut future = pin!(future);
    poll_fn(|cx| poll_caught(future.as_mut(), cx)).await
}

/// Polls a future, and catches its panic. One that has panicked is not to be polled again.
pub(crate) fn poll_caught<F: Future>(
    future: Pin<&mut F>,
    cx: &mut TaskContext<'_>,
) -> Poll<Result<F::Output, Arc<str>>> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(message_of(panic.as_ref()))),
    }
}

pub(crate) fn message_of(panic: &(dyn Any + Send)) -> Arc<str> {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("not with a text").into()
}

#[cfg(test)]
mod tests;
