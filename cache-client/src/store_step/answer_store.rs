//! The commit that a step writes to.

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use cache_core::{CommitError, EntryTimes, HasTable, Holds, Query, Revision, Transaction};

use super::answer_key::AnswerKey;
use super::written_key::{KeyOf, WrittenKey, is_shared};
use crate::app::App;
use crate::client::Client;
use crate::erased::AnyValue;
use crate::shared::protocol::Mark;

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
