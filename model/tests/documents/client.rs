//! Stands in for the client: it takes the same steps as a load, a mutation or a direct change, without their tasks.

use std::any::TypeId;
use std::sync::Arc;

use cache_model::client_support::{AnyStoreOutcome, AnyWatch, TRANSACT_ATTEMPTS};
use cache_model::{CommitError, Holds, Query};
use shuttle::future::block_on;
use shuttle::thread;

use crate::any_query::{AnyQuery, CacheOf};
use crate::app::App;
use crate::document::{Content, Document};
use crate::erased::AnyValue;
use crate::extension::Extensions;
use crate::load::LoadTask;
use crate::notes::AnyStoreSteps;
use crate::notes::Ticket;
use crate::store_step::{self, AnswerKey, AnswerStore, Origin, Start, Step};

pub struct Client<A: App>(Arc<Shared<A>>);

struct Shared<A: App> {
    cache: CacheOf<A>,
    extensions: Extensions,
    steps: AnyStoreSteps,
}

impl<A: App> Clone for Client<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

pub struct ClientBuilder<A: App> {
    cache: CacheOf<A>,
    steps: AnyStoreSteps,
}

impl<A: App> ClientBuilder<A> {
    pub(crate) fn new(cache: CacheOf<A>) -> Self {
        Self { cache, steps: AnyStoreSteps::default() }
    }

    pub(crate) fn started_with<V: Send + Sync + 'static, T: Send + Sync + 'static>(
        mut self,
        start: impl Fn(&Client<A>) -> T + Send + Sync + 'static,
        step: impl Fn(Arc<V>, &mut AnswerStore<'_, A>) -> Arc<V> + Send + Sync + 'static,
    ) -> Self {
        let start: Start<A> = Box::new(move |client| Arc::new(start(client)));
        let step: Step<A> = store_step::step(step, Some(start));
        self.steps.insert(TypeId::of::<V>(), Arc::new(step));
        self
    }

    /// Nobody looks at the client.
    pub(crate) fn inspected_with<S>(self, _: S) -> Self {
        self
    }

    pub(crate) fn build(self) -> Client<A> {
        let Self { cache, steps } = self;
        Client(Arc::new(Shared { cache, steps, extensions: Extensions::default() }))
    }
}

/// A load that runs: the watch of its flight, and what was kept since its start.
pub(crate) struct Loading<A: App> {
    task: LoadTask<A>,
    pub(crate) watch: AnyWatch,
    ticket: Option<Ticket>,
}

impl<A: App> Client<A> {
    pub(crate) fn cache(&self) -> &CacheOf<A> {
        &self.0.cache
    }

    /// There are no other machines.
    pub(crate) fn shared_tier(&self) -> Option<&()> {
        None
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    pub(crate) fn steps(&self) -> &AnyStoreSteps {
        &self.0.steps
    }

    /// There is no provider.
    pub(crate) fn remove_copy<Q: Query>(&self, _: &Q)
    where
        A::Registry: Holds<Q>,
    {
    }

    pub(crate) fn remove_copy_of(&self, _: &dyn AnyQuery<A>) {}

    /// There are no layers.
    pub(crate) fn fold_again(&self, _: &AnswerKey<A>) {}

    /// Starts a load.
    pub(crate) fn start<Q, T>(&self, query: &Q) -> Loading<A>
    where
        Q: Query<Value = Document<T>>,
        T: Content + ?Sized,
        A::Registry: Holds<Q>,
    {
        let task = LoadTask::new(self.clone(), Arc::new(query.clone()));
        let watch = task.query.watch(self.cache());
        let ticket = self.ticket_of(TypeId::of::<Q::Value>());
        Loading { task, watch, ticket }
    }

    /// Commits changes, which run again if another commit is faster, as those of a mutation or of a direct call.
    pub(crate) fn change(&self, change: impl Fn(&mut AnswerStore<'_, A>)) -> Result<(), CommitError> {
        self.change_answer(None, change)
    }

    fn change_answer(
        &self,
        key: Option<&AnswerKey<A>>,
        change: impl Fn(&mut AnswerStore<'_, A>),
    ) -> Result<(), CommitError> {
        let mut attempts = 1;
        loop {
            let (mut transaction, mut plan) = (self.cache().begin(), None);
            let mut store = AnswerStore::new(self, &mut transaction, key, Origin::default(), &mut plan);
            change(&mut store);
            drop(store.into_work());
            match block_on(transaction.commit_once_async()) {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict { .. }) if attempts < TRANSACT_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
            }
            thread::yield_now();
        }
    }
}

impl<A: App> Loading<A> {
    /// Ends the load with an answer, which is stored.
    pub(crate) fn store<T: Content + ?Sized>(self, answer: Document<T>) -> AnyStoreOutcome {
        let Self { task, watch, ticket } = self;
        let answer: AnyValue = Arc::new(answer);
        task.store(&answer, &watch, ticket.as_ref())
    }
    /// Stores a copy from a provider, while the load goes on. Returns whether it was stored.
    pub(crate) fn fill<T: Content + ?Sized>(&self, copy: Document<T>) -> bool {
        let copy: AnyValue = Arc::new(copy);
        self.task.fill(&copy, &self.watch)
    }
}
