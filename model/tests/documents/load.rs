//! Stands in for the task of a load, around the client's own code that stores an answer by a step.

#[path = "../../../cache-client/src/load/by_step.rs"]
mod by_step;

use std::sync::Arc;

use cache_model::client_support::{AnyKey, AnyStoreOutcome, AnyWatch, Inputs};
use cache_model::{CommitError, EntryTimes};

use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::erased::AnyValue;
use crate::notes::Ticket;
use crate::store_step::Step;
use by_step::AnswerParts;

pub(crate) struct LoadTask<A: App> {
    pub(crate) query: Arc<dyn AnyQuery<A>>,
    flight: Flight<A>,
    node: Node<A>,
    plan: Plan,
}

struct Flight<A: App> {
    key: Arc<dyn AnyQuery<A>>,
}

struct Node<A: App> {
    client: Client<A>,
}

struct Plan;

/// The strategy of a load.
#[derive(Debug)]
struct Strategy;

impl<A: App> LoadTask<A> {
    pub(crate) fn new(client: Client<A>, query: Arc<dyn AnyQuery<A>>) -> Self {
        Self { flight: Flight { key: Arc::clone(&query) }, query, node: Node { client }, plan: Plan }
    }

    /// Stores an answer.
    pub(crate) fn store(
        &self,
        answer: &AnyValue,
        watch: &AnyWatch,
        ticket: Option<&Ticket>,
    ) -> AnyStoreOutcome {
        let inputs = Inputs::default();
        let parts = AnswerParts {
            watch,
            times: EntryTimes::new(),
            inputs: &inputs,
            brought: &mut [],
            is_copy: false,
            ticket: ticket.map(|ticket| &**ticket),
        };
        let step = self.step(answer).expect("documents have a step");
        self.store_by_step(&step, answer, parts).0
    }

    /// Stores a copy from a provider.
    pub(crate) fn fill(&self, copy: &AnyValue, watch: &AnyWatch) -> bool {
        let step = self.step(copy).expect("documents have a step");
        self.fill_by_step(&step, copy, watch, EntryTimes::new()).is_some()
    }

    fn subject(&self) -> &dyn AnyKey {
        &*self.query
    }
}

impl<A: App> Node<A> {
    /// The step of this load alone.
    fn step(&self) -> Option<Step<A>> {
        None
    }
}

impl Plan {
    fn strategy(&self) -> Strategy {
        Strategy
    }
}

impl<A: App> Client<A> {
    fn telemetry(&self) -> Telemetry {
        Telemetry
    }
}

struct Telemetry;

impl Telemetry {
    fn store_failed(&self, _: &dyn AnyKey, strategy: Strategy, error: &CommitError) {
        panic!("the answer of a load with {strategy:?} was not stored: {error}");
    }
}
