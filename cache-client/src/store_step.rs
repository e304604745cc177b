//! Steps that take the place of the plain store of an answer, for crates that build on the client: what they extract
//! from an answer is committed together with it.

use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::sync::Arc;

use cache_core::client_support::TRANSACT_ATTEMPTS;
use cache_core::{CommitError, Transaction};

use crate::app::App;
use crate::client::Client;
use crate::context::Context;
use crate::erased::AnyValue;
use crate::notes::Ticket;
use crate::sharing::drops::CommitDrops;

mod answer_key;
mod answer_store;
mod written_key;

pub use answer_key::AnswerKey;
pub use answer_store::AnswerStore;
pub(crate) use answer_store::{Origin, Plan, StepWork};
pub(crate) use written_key::{KeyOf, WrittenKey, forget};

/// A step for the answers of one type.
pub(crate) trait AnyStep<A: App>: Send + Sync {
    /// The type of the answers.
    fn value(&self) -> TypeId;

    /// Runs for the answer of a load, and returns the value to be stored.
    fn run(&self, value: AnyValue, store: &mut AnswerStore<'_, A>) -> AnyValue;

    /// Makes what is kept from the start of an attempt to load an answer.
    fn start(&self, client: &Client<A>) -> Option<Ticket>;

    /// Runs for a pushed value, an `Arc<V>`, which it replaces by the one to be stored.
    fn replace(&self, value: &mut dyn Any, store: &mut AnswerStore<'_, A>);
}

pub(crate) type Step<A> = Arc<dyn AnyStep<A>>;

struct StepFor<A: App, V, F> {
    step: F,
    start: Option<Start<A>>,
    value: PhantomData<fn(V)>,
}

/// Makes what is kept from the start of an attempt to load an answer.
pub(crate) type Start<A> = Box<dyn Fn(&Client<A>) -> Ticket + Send + Sync>;

impl<A, V, F> AnyStep<A> for StepFor<A, V, F>
where
    A: App,
    V: Send + Sync + 'static,
    F: Fn(Arc<V>, &mut AnswerStore<'_, A>) -> Arc<V> + Send + Sync,
{
    fn value(&self) -> TypeId {
        TypeId::of::<V>()
    }

    fn run(&self, value: AnyValue, store: &mut AnswerStore<'_, A>) -> AnyValue {
        match value.downcast::<V>() {
            Ok(value) => (self.step)(value, store),
            // An answer of another type, which is stored as it is.
            Err(value) => value,
        }
    }

    fn start(&self, client: &Client<A>) -> Option<Ticket> {
        self.start.as_ref().map(|start| start(client))
    }

    fn replace(&self, value: &mut dyn Any, store: &mut AnswerStore<'_, A>) {
        if let Some(value) = value.downcast_mut::<Arc<V>>() {
            *value = (self.step)(Arc::clone(value), store);
        }
    }
}

pub(crate) fn step<A, V, F>(step: F, start: Option<Start<A>>) -> Step<A>
where
    A: App,
    V: Send + Sync + 'static,
    F: Fn(Arc<V>, &mut AnswerStore<'_, A>) -> Arc<V> + Send + Sync + 'static,
{
    Arc::new(StepFor { step, start, value: PhantomData })
}

impl<A: App> Client<A> {
    /// The step for the answers of a type, if there is one.
    pub(crate) fn step_of(&self, value: TypeId) -> Option<&Step<A>> {
        let steps = self.steps();
        if steps.is_empty() { None } else { steps.get(&value)?.downcast_ref() }
    }

    /// Returns whether the client has a [step](crate::ClientBuilder::store_with) for values of this type.
    #[doc(hidden)]
    #[must_use]
    pub fn has_step_for<V: 'static>(&self) -> bool {
        self.step_of(TypeId::of::<V>()).is_some()
    }

    /// The step for an answer, if there is one.
    pub(crate) fn step_for(&self, value: &AnyValue) -> Option<&Step<A>> {
        self.step_of((**value).type_id())
    }

    /// Commits what a step writes that stores no answer, and that changes nothing at the origin: other machines are not
    /// told. No hook runs, and copies in the provider stay. If another commit changes first what the step has read, it
    /// runs again.
    ///
    /// # Errors
    /// Other commits were faster many times.
    #[doc(hidden)]
    pub fn commit_step(&self, step: impl FnMut(&mut AnswerStore<'_, A>)) -> Result<(), CommitError> {
        self.commit_unkeyed(Origin { is_copy: true, ..Origin::default() }, step).map(drop)
    }

    /// Commits what the [step](crate::ClientBuilder::store_with) for values of this type writes for one that is stored
    /// nowhere, and returns what the step has made of it. `started` is what [`start_of`](Self::start_of) has returned
    /// before the value was requested. No hook runs. Without a step, nothing is committed.
    ///
    /// Other machines are told first what is written and what follows. Waits for the server of the shared tier at most as
    /// long as a request may take.
    ///
    /// # Errors
    /// Other commits were faster many times, or the step refuses the commit.
    ///
    /// # Cancellation
    /// Dropping the future commits nothing.
    #[doc(hidden)]
    pub async fn commit_parts<V: Send + Sync + 'static>(
        &self,
        value: Arc<V>,
        started: Option<&(dyn Any + Send + Sync)>,
    ) -> Result<Arc<V>, CommitError> {
        let Some(step) = self.step_of(TypeId::of::<V>()) else { return Ok(value) };
        let erased: AnyValue = Arc::clone(&value) as _;
        let may_wait = self.shared_tier().is_some();
        let origin = Origin { may_wait, ticket: started, ..Origin::default() };
        let (mut attempts, mut drops) = (1, CommitDrops::new(self));
        loop {
            let mut stored = None;
            let run = |store: &mut AnswerStore<'_, A>| stored = Some(step.run(Arc::clone(&erased), store));
            let (mut transaction, work, _plan) = self.draft_unkeyed(origin, run);
            let marks = work.mark_shared(self, &mut transaction);
            // Before anything can be seen here.
            drops.send(marks, None).await;
            match transaction.commit() {
                Ok(_) => {
                    drops.committed();
                    work.forget_copies(self);
                    return Ok(stored.and_then(|stored| stored.downcast().ok()).unwrap_or(value));
                }
                Err(CommitError::Conflict { .. }) if attempts < TRANSACT_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Commits what a step writes for the answer of a load that is stored nowhere. Returns what the step has made of it.
    /// Other machines are not told: what a load has learned is no change.
    pub(crate) fn commit_parts_of_load(
        &self,
        step: &Step<A>,
        answer: &AnyValue,
        ticket: Option<&(dyn Any + Send + Sync)>,
    ) -> Result<AnyValue, CommitError> {
        let mut stored = Arc::clone(answer);
        let origin = Origin { ticket, ..Origin::default() };
        let work = self.commit_unkeyed(origin, |store| stored = step.run(Arc::clone(answer), store))?;
        work.forget_copies(self);
        Ok(stored)
    }

    /// Commits what a step writes for no key. No hook runs, and other machines are not told. If another commit changes
    /// first what the step has read, it runs again.
    fn commit_unkeyed(
        &self,
        origin: Origin<'_>,
        mut step: impl FnMut(&mut AnswerStore<'_, A>),
    ) -> Result<StepWork<A>, CommitError> {
        let mut attempts = 1;
        loop {
            let (mut transaction, work, _plan) = self.draft_unkeyed(origin, &mut step);
            work.mark_written(self, &mut transaction);
            match transaction.commit() {
                Ok(_) => return Ok(work),
                Err(CommitError::Conflict { .. }) if attempts < TRANSACT_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs a step for no key. Returns its transaction, of which neither hooks nor other machines learn, and its plan, which
    /// must be dropped after the commit: it may keep values that must not be dropped under the locks of the step.
    fn draft_unkeyed(
        &self,
        origin: Origin<'_>,
        step: impl FnOnce(&mut AnswerStore<'_, A>),
    ) -> (Transaction<A::Registry>, StepWork<A>, Plan) {
        let mut transaction = self.cache().begin();
        transaction.skip_hooks();
        transaction.skip_change_listeners();
        let mut plan = None;
        let mut store = AnswerStore::new(self, &mut transaction, None, origin, &mut plan);
        step(&mut store);
        let work = store.into_work();
        (transaction, work, plan)
    }

    /// Makes what is kept from the request of a value of this type until its step runs, if the step wants something.
    #[doc(hidden)]
    #[must_use]
    pub fn start_of<V: 'static>(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.ticket_of(TypeId::of::<V>())
    }

    /// What is kept from the start of an attempt to load a value of this type, if its step wants something.
    pub(crate) fn ticket_of(&self, value: TypeId) -> Option<Ticket> {
        self.step_of(value)?.start(self)
    }
}

impl<A: App> Context<A> {
    /// Replaces the store of this load's answer, inside [`fetch`](crate::Fetch::fetch), if it is a `V`: `step` gets the
    /// answer and the commit that will store it, and returns the value to be stored. What it writes is committed
    /// together with the answer. If the key of the answer has changed since the load began, the answer is left out, and
    /// the rest is written. No hook runs.
    ///
    /// `step` must be pure: it runs again if another commit has changed what it has read. It does not run if the answer
    /// is not stored because of the strategy, or answers of its own in its tree. After [`no_store`](Self::no_store) it runs
    /// without a key, and what it returns goes to the callers. Outside of a load, this does nothing.
    ///
    /// A step that is [set for all answers of the type](crate::ClientBuilder::store_with) does not run then.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Vec<String>, capacity = 100, fresh = "60s")]
    /// # struct GetTitles;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = usize, capacity = 100, fresh = "60s")]
    /// # struct GetCount;
    /// # registry! { struct Books { GetTitles, GetCount } }
    /// # struct Library;
    /// # impl App for Library { type Registry = Books; }
    /// impl Fetch<Library> for GetTitles {
    ///     # type Error = io::Error;
    ///     async fn fetch(&self, cx: &Context<Library>) -> Result<Vec<String>, io::Error> {
    ///         cx.store_with(|titles: Arc<Vec<String>>, store| {
    ///             store.set(GetCount, titles.len());
    ///             titles
    ///         });
    ///         Ok(vec!["Emma".to_owned(), "Persuasion".to_owned()])
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = Client::builder(Cache::<Books>::new(), Library).build();
    /// client.query(&GetTitles).await?;
    /// assert_eq!(*client.cache().get(&GetCount).unwrap(), 2);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(hidden)]
    pub fn store_with<V: Send + Sync + 'static>(
        &self,
        step: impl Fn(Arc<V>, &mut AnswerStore<'_, A>) -> Arc<V> + Send + Sync + 'static,
    ) {
        let step: Step<A> = self::step(step, None);
        let mut replaced = None;
        self.0.note(|notes| replaced = notes.store_with(Arc::new(step)));
        // Foreign code, so it is dropped without the lock of the notes.
        drop(replaced);
    }
}
