//! Steps that take the place of the plain store of an answer, for crates that build on the client: what they extract
//! from an answer is committed together with it.

use std::any::{Any, TypeId};
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::{AnyKey, TRANSACT_ATTEMPTS};
use cache_core::{CommitError, EntryState, EntryTimes, HasTable, Holds, Query, Revision, Transaction};

use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::context::Context;
use crate::context::memo::Memo;
use crate::erased::AnyValue;
use crate::mutate::order::WrittenEntry;
use crate::notes::Ticket;
use crate::shared::protocol::Mark;
use crate::sharing::{self, drops::CommitDrops};

/// The commit of one answer, which a step may extend. The answer itself is written by the client: only if nothing newer
/// has happened to its key, so that the rest of the commit may be written without it.
pub struct AnswerStore<'a, A: App> {
    client: &'a Client<A>,
    transaction: &'a mut Transaction<A::Registry>,
    key: Option<&'a AnswerKey<A>>,
    origin: Origin<'a>,
    plan: &'a mut Plan,
    written: Vec<Box<dyn WrittenKey<A>>>,
    followed: Vec<AnswerKey<A>>,
    follows_itself: bool,
}

/// What the steps of a commit have planned so far.
pub(crate) type Plan = Option<Box<dyn Any + Send>>;

/// Where an answer comes from. The default is the program itself.
#[derive(Clone, Copy, Default)]
pub(crate) struct Origin<'a> {
    /// Whether it is a copy from the provider.
    pub(crate) is_copy: bool,
    /// Whether something async runs between the step and the commit.
    pub(crate) may_wait: bool,
    /// What was kept since the start of its load.
    pub(crate) ticket: Option<&'a (dyn Any + Send + Sync)>,
    /// Whether something newer had happened to the key before the step began.
    pub(crate) is_overtaken: bool,
}

/// What a step leaves to be done before and after its commit.
pub(crate) struct StepWork<A: App> {
    pub(crate) written: Vec<Box<dyn WrittenKey<A>>>,
    pub(crate) followed: Vec<AnswerKey<A>>,
    /// Whether the step writes what follows for the key of the answer, if the answer is not stored.
    pub(crate) follows_itself: bool,
}

impl<A: App> StepWork<A> {
    /// Marks the shared keys that the step has changed, at the commit: other machines may have changed them later, and one
    /// load tells. Returns what names them for these.
    pub(crate) fn mark_shared(
        &self,
        client: &Client<A>,
        transaction: &mut Transaction<A::Registry>,
    ) -> Vec<Mark> {
        let mut marks = self.mark_written(client, transaction);
        marks.extend(self.followed.iter().filter_map(|key| key.0.mark_if_shared(client, transaction)));
        marks
    }

    /// Marks the shared keys that the step has written, and not those that follow, as [`mark_shared`](Self::mark_shared)
    /// does. For the answers of loads.
    pub(crate) fn mark_written(
        &self,
        client: &Client<A>,
        transaction: &mut Transaction<A::Registry>,
    ) -> Vec<Mark> {
        self.written.iter().filter_map(|key| key.mark_if_shared(client, transaction)).collect()
    }

    /// Removes the copies that the provider has of what the step has changed.
    pub(crate) fn forget_copies(&self, client: &Client<A>) {
        self.written.iter().for_each(|key| key.forget(client, None));
        self.followed.iter().for_each(|key| key.forget(client, None));
    }
}

impl<'a, A: App> AnswerStore<'a, A> {
    pub(crate) fn new(
        client: &'a Client<A>,
        transaction: &'a mut Transaction<A::Registry>,
        key: Option<&'a AnswerKey<A>>,
        origin: Origin<'a>,
        plan: &'a mut Plan,
    ) -> Self {
        let (written, followed) = (Vec::new(), Vec::new());
        Self { client, transaction, key, origin, plan, written, followed, follows_itself: false }
    }

    pub(crate) fn into_work(self) -> StepWork<A> {
        let Self { written, followed, follows_itself, .. } = self;
        StepWork { written, followed, follows_itself }
    }

    /// Returns the client.
    #[must_use]
    pub fn client(&self) -> &'a Client<A> {
        self.client
    }

    /// Returns whether the answer is a copy from the provider, and so may be older than what is in the cache.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.origin.is_copy
    }

    /// Returns whether something async may run between this step and its commit, so that no lock can be held until then:
    /// hooks of a mutation, a pushed value or a direct change, or a request that tells other machines.
    #[must_use]
    pub fn may_wait(&self) -> bool {
        self.origin.may_wait
    }

    /// Returns what [`started_with`](crate::ClientBuilder::started_with) has made when the attempt to load the answer
    /// began; `None` if the answer was not loaded.
    #[must_use]
    pub fn started<T: Any>(&self) -> Option<&'a T> {
        self.origin.ticket?.downcast_ref()
    }

    /// Returns whether something newer has happened to the key of the answer, so that the answer is not stored.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.origin.is_overtaken
    }

    /// Says that the step makes the present value of the answer's key follow, if the answer [is
    /// overtaken](Self::is_overtaken). If that happens while the answer is stored, nothing is committed and the step runs
    /// again.
    pub fn follows_itself(&mut self) {
        self.follows_itself = true;
    }

    /// Returns the key of the answer; `None` if the step has none.
    #[must_use]
    pub fn key(&self) -> Option<&'a AnswerKey<A>> {
        self.key
    }

    /// Returns what the steps of this commit have planned so far. The first call creates it.
    pub fn plan<T: Any + Default + Send>(&mut self) -> &mut T {
        let plan = self.plan.get_or_insert_with(|| Box::<T>::default());
        if !plan.is::<T>() {
            *plan = Box::<T>::default();
        }
        match plan.downcast_mut() {
            Some(plan) => plan,
            None => unreachable!("it was just created"),
        }
    }

    /// Returns the value that the commit leaves for a key. If another commit changes it first, the step runs again.
    pub fn get<Q: Query>(&mut self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: HasTable<Q>,
    {
        self.transaction.get(query)
    }

    /// Writes a value.
    pub fn set<Q: Query>(&mut self, query: Q, value: impl Into<Arc<Q::Value>>)
    where
        A::Registry: Holds<Q>,
    {
        self.written.push(Box::new(KeyOf(query.clone())));
        self.transaction.set(query, value);
    }

    /// Writes a value if the key has none. If other machines share the key, the value is stale: they may have changed the
    /// key meanwhile, and one look tells.
    pub fn fill<Q: Query>(&mut self, query: Q, value: impl Into<Arc<Q::Value>>, times: EntryTimes)
    where
        A::Registry: Holds<Q>,
    {
        let times = if is_shared::<A, Q>(self.client) { times.fresh(Duration::ZERO) } else { times };
        self.transaction.fill(query, value, times);
    }

    /// Replaces the value of the entry that has this revision. It keeps its times, and loads of it stay current.
    pub fn follow<Q: Query>(&mut self, query: Q, value: impl Into<Arc<Q::Value>>, seen: Revision)
    where
        A::Registry: Holds<Q>,
    {
        self.followed.push(AnswerKey::new(query.clone()));
        self.transaction.follow(query, value, seen);
    }

    /// Replaces the value of an answer that has this revision, as [`follow`](Self::follow) does.
    pub fn follow_answer<V: Send + Sync + 'static>(
        &mut self,
        key: &AnswerKey<A>,
        value: Arc<V>,
        seen: Revision,
    ) {
        self.followed.push(key.clone());
        let erased: AnyValue = Arc::clone(&value) as _;
        key.0.follow((self.client, self.transaction), &value, &erased, seen);
    }

    /// Replaces the value of an answer that this commit has written before. It keeps its times.
    pub fn amend_answer<V: Send + Sync + 'static>(&mut self, key: &AnswerKey<A>, value: Arc<V>) {
        key.0.amend(self.transaction, &value);
    }

    /// Returns the value of an answer that this commit has written before, if it is a `V`.
    pub fn written_answer<V: Send + Sync + 'static>(&mut self, key: &AnswerKey<A>) -> Option<Arc<V>> {
        let mut found = None;
        key.0.written(self.transaction, &mut |value| found = value.downcast_ref().cloned());
        found
    }

    /// Marks an answer.
    pub fn invalidate_answer(&mut self, key: &AnswerKey<A>) {
        self.followed.push(key.clone());
        key.0.invalidate(self.client, self.transaction);
    }

    /// Writes a value that no provider keeps a copy of and no query loads.
    pub fn set_part<Q: Query>(&mut self, query: Q, value: Arc<Q::Value>)
    where
        A::Registry: HasTable<Q>,
    {
        self.transaction.set_record(query, value);
    }

    /// Removes an entry that no provider keeps a copy of and no query loads.
    pub fn remove_part<Q: Query>(&mut self, query: &Q)
    where
        A::Registry: HasTable<Q>,
    {
        self.transaction.remove_record(query);
    }

    /// Removes an entry.
    pub fn remove<Q: Query>(&mut self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        self.written.push(Box::new(KeyOf(query.clone())));
        self.transaction.remove(query);
    }

    /// Marks an entry.
    pub fn invalidate<Q: Query>(&mut self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        self.written.push(Box::new(KeyOf(query.clone())));
        self.transaction.invalidate(query);
    }

    /// Calls `guard` at each attempt to commit, after the hooks and before any lock is taken. What it returns is kept until
    /// the changes are installed, and is called then, before displaced values are dropped. It is dropped if they are not
    /// installed. After an error, the step runs again if it is a conflict.
    pub fn guard_with(
        &mut self,
        guard: impl FnMut() -> Result<Box<dyn FnOnce()>, CommitError> + Send + 'static,
    ) {
        self.transaction.guard_with(guard);
    }
}

impl<A: App> Debug for AnswerStore<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerStore").field("transaction", &self.transaction).finish_non_exhaustive()
    }
}

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

/// The key of an answer, of a query of unknown type. Clones are cheap.
pub struct AnswerKey<A: App>(Arc<dyn AnyAnswerKey<A>>);

impl<A: App> AnswerKey<A> {
    /// Erases the query of a key.
    #[must_use]
    pub fn new<Q: Query>(query: Q) -> Self
    where
        A::Registry: Holds<Q>,
    {
        Self(Arc::new(TypedKey { key: query, as_loaded: None }))
    }

    /// Erases the query of a key that a change writes and loads may write too.
    pub(crate) fn of_answer<Q: Query + AnyQuery<A>>(query: Q) -> Self
    where
        A::Registry: Holds<Q>,
    {
        Self(Arc::new(TypedKey { key: query, as_loaded: Some(|query| query) }))
    }

    pub(crate) fn of_load(query: Arc<dyn AnyQuery<A>>) -> Self {
        Self(Arc::new(LoadedKey(query)))
    }

    /// The query, if it is loaded.
    pub(crate) fn query(&self) -> Option<&dyn AnyQuery<A>> {
        self.0.query()
    }

    /// Returns the value of the entry, if it is a `V`, and its state. Does not count as a use.
    #[must_use]
    pub fn read<V: Send + Sync + 'static>(&self, client: &Client<A>) -> Option<(Arc<V>, EntryState)> {
        let mut found = None;
        self.0.read(client, &mut |value, state| {
            let erased = || value.downcast_ref::<AnyValue>()?.clone().downcast().ok();
            found = value.downcast_ref().cloned().or_else(erased).map(|value: Arc<V>| (value, state));
        });
        found
    }

    /// Forgets the answer that a request has to the key, and the copy in the provider.
    pub(crate) fn forget(&self, client: &Client<A>, memo: Option<&Memo>) {
        self.0.forget(client);
        if let Some(memo) = memo {
            memo.forget(self.0.key());
        }
    }
}

impl<A: App> Clone for AnswerKey<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: App> PartialEq for AnswerKey<A> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl<A: App> Eq for AnswerKey<A> {}

impl<A: App> Hash for AnswerKey<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.key().wide_hash());
    }
}

impl<A: App> Debug for AnswerKey<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.key().show(f)
    }
}

/// What a step does with an answer.
trait AnyAnswerKey<A: App>: Send + Sync {
    fn key(&self) -> &dyn AnyKey;
    /// The query, if it is loaded.
    fn query(&self) -> Option<&dyn AnyQuery<A>> {
        None
    }
    /// Calls `visit` with the value, either an `Arc` of its type or an [`AnyValue`], and the state of the entry.
    fn read(&self, client: &Client<A>, visit: &mut dyn FnMut(&dyn Any, EntryState));
    /// `value` is an `Arc` of its type, and `erased` the same value.
    fn follow(
        &self,
        commit: (&Client<A>, &mut Transaction<A::Registry>),
        value: &dyn Any,
        erased: &AnyValue,
        seen: Revision,
    );
    fn invalidate(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>);
    /// Replaces a value that the transaction has written. `value` is an `Arc` of its type.
    fn amend(&self, transaction: &mut Transaction<A::Registry>, value: &dyn Any);
    /// Calls `visit` with a value that the transaction has written, an `Arc` of its type.
    fn written(&self, transaction: &mut Transaction<A::Registry>, visit: &mut dyn FnMut(&dyn Any));
    /// Does what [`WrittenKey::mark_if_shared`] does.
    fn mark_if_shared(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) -> Option<Mark>;
    /// Removes the copy in the provider.
    fn forget(&self, client: &Client<A>);
}

/// The key of a load. Compiled once for all queries.
struct LoadedKey<A: App>(Arc<dyn AnyQuery<A>>);

impl<A: App> AnyAnswerKey<A> for LoadedKey<A> {
    fn key(&self) -> &dyn AnyKey {
        &*self.0
    }

    fn query(&self) -> Option<&dyn AnyQuery<A>> {
        Some(&*self.0)
    }

    fn read(&self, client: &Client<A>, visit: &mut dyn FnMut(&dyn Any, EntryState)) {
        if let Some((value, state)) = self.0.read(client.cache(), false) {
            visit(&value, state);
        }
    }

    fn follow(
        &self,
        (client, transaction): (&Client<A>, &mut Transaction<A::Registry>),
        _: &dyn Any,
        erased: &AnyValue,
        seen: Revision,
    ) {
        transaction.follow_any(&self.0.home(client.cache()), &*self.0, &self.0.to_handle(erased), seen);
    }

    fn invalidate(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) {
        transaction.invalidate_any(&self.0.home(client.cache()), &*self.0);
    }

    // The commit of a load writes its answer last.
    fn amend(&self, _: &mut Transaction<A::Registry>, _: &dyn Any) {}

    fn written(&self, _: &mut Transaction<A::Registry>, _: &mut dyn FnMut(&dyn Any)) {}

    fn mark_if_shared(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) -> Option<Mark> {
        client.shared_tier()?;
        let mark = sharing::mark_of(self.0.table(client.cache()), &*self.0)?;
        transaction.invalidate_any(&self.0.home(client.cache()), &*self.0);
        Some(mark)
    }

    fn forget(&self, client: &Client<A>) {
        client.remove_copy_of(&*self.0);
    }
}

/// A key whose query is known.
struct TypedKey<A: App, Q> {
    key: Q,
    /// Returns the query as one that is loaded, if it is.
    as_loaded: Option<fn(&Q) -> &dyn AnyQuery<A>>,
}

impl<A: App, Q: Query> AnyAnswerKey<A> for TypedKey<A, Q>
where
    A::Registry: Holds<Q>,
{
    fn key(&self) -> &dyn AnyKey {
        &self.key
    }

    fn query(&self) -> Option<&dyn AnyQuery<A>> {
        self.as_loaded.map(|as_loaded| as_loaded(&self.key))
    }

    fn read(&self, client: &Client<A>, visit: &mut dyn FnMut(&dyn Any, EntryState)) {
        if let Some((value, state)) = client.cache().value_and_state(&self.key, false) {
            visit(&value, state);
        }
    }

    fn follow(
        &self,
        (_, transaction): (&Client<A>, &mut Transaction<A::Registry>),
        value: &dyn Any,
        _: &AnyValue,
        seen: Revision,
    ) {
        if let Some(value) = value.downcast_ref::<Arc<Q::Value>>() {
            transaction.follow(self.key.clone(), Arc::clone(value), seen);
        }
    }

    fn invalidate(&self, _: &Client<A>, transaction: &mut Transaction<A::Registry>) {
        transaction.invalidate(&self.key);
    }

    fn amend(&self, transaction: &mut Transaction<A::Registry>, value: &dyn Any) {
        if let Some(value) = value.downcast_ref::<Arc<Q::Value>>() {
            transaction.update(&self.key, |_| Arc::clone(value));
        }
    }

    fn written(&self, transaction: &mut Transaction<A::Registry>, visit: &mut dyn FnMut(&dyn Any)) {
        if let Some(value) = transaction.get(&self.key) {
            visit(&value);
        }
    }

    fn mark_if_shared(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) -> Option<Mark> {
        mark_if_shared(&self.key, client, transaction)
    }

    fn forget(&self, client: &Client<A>) {
        client.remove_copy(&self.key);
    }
}

/// A written key of a query of unknown type.
pub(crate) trait WrittenKey<A: App>: Send {
    fn key(&self) -> &dyn AnyKey;

    /// Marks the key at the commit if other machines share it: they may have changed it later, and one load tells. Returns
    /// what names it for them.
    fn mark_if_shared(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) -> Option<Mark>;

    /// Forgets the answer that the request has, and the copy in the provider.
    fn forget(&self, client: &Client<A>, memo: Option<&Memo>);

    /// The entry that is compared with other commits.
    fn written(self: Box<Self>) -> WrittenEntry<Client<A>>;
}

pub(crate) struct KeyOf<Q>(pub(crate) Q);

impl<A: App, Q: Query> WrittenKey<A> for KeyOf<Q>
where
    A::Registry: Holds<Q>,
{
    fn key(&self) -> &dyn AnyKey {
        &self.0
    }

    fn mark_if_shared(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) -> Option<Mark> {
        mark_if_shared(&self.0, client, transaction)
    }

    fn forget(&self, client: &Client<A>, memo: Option<&Memo>) {
        forget(&self.0, client, memo);
    }

    fn written(self: Box<Self>) -> WrittenEntry<Client<A>> {
        WrittenEntry::new((&self.0 as &dyn AnyKey).wide_hash(), self.0, |client, key| {
            client.cache().invalidate(key);
            client.remove_copy(key);
        })
    }
}

fn is_shared<A: App, Q: Query>(client: &Client<A>) -> bool {
    // Known to the compiler.
    Q::SHARING.is_some() && client.shared_tier().is_some()
}

fn mark_if_shared<A: App, Q: Query>(
    key: &Q,
    client: &Client<A>,
    transaction: &mut Transaction<A::Registry>,
) -> Option<Mark>
where
    A::Registry: Holds<Q>,
{
    if !is_shared::<A, Q>(client) {
        return None;
    }
    let mark = sharing::mark_of(client.cache().any_table::<Q>(), key)?;
    transaction.invalidate(key);
    Some(mark)
}

/// Forgets the answer that a request has to a key, and the copy in the provider.
pub(crate) fn forget<A: App, Q: Query>(key: &Q, client: &Client<A>, memo: Option<&Memo>)
where
    A::Registry: Holds<Q>,
{
    client.remove_copy(key);
    if let Some(memo) = memo {
        memo.forget(key);
    }
}
