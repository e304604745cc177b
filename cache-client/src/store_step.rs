//! Steps that take the place of the plain store of an answer, for crates that build on the client: what they extract
//! from an answer is committed together with it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use cache_core::client_support::AnyKey;
use cache_core::{EntryTimes, Holds, Query, Revision, Transaction};
use foldhash::fast::RandomState;

use crate::app::App;
use crate::client::Client;
use crate::context::Context;
use crate::context::memo::Memo;
use crate::erased::AnyValue;
use crate::mutate::order::WrittenEntry;

/// The commit of one answer, which a step may extend. The answer itself is written by the client: only if nothing newer
/// has happened to its key, so that the rest of the commit may be written without it.
pub struct AnswerStore<'a, A: App> {
    client: &'a Client<A>,
    transaction: &'a mut Transaction<A::Registry>,
    is_copy: bool,
    written: Vec<Box<dyn WrittenKey<A>>>,
    followed: Vec<Box<dyn WrittenKey<A>>>,
    held: Vec<Box<dyn Any>>,
}

/// What a step leaves to be done after its commit.
pub(crate) struct StepWork<A: App> {
    pub(crate) written: Vec<Box<dyn WrittenKey<A>>>,
    pub(crate) followed: Vec<Box<dyn WrittenKey<A>>>,
    /// Dropped after the commit.
    pub(crate) held: Vec<Box<dyn Any>>,
}

impl<'a, A: App> AnswerStore<'a, A> {
    pub(crate) fn new(
        client: &'a Client<A>,
        transaction: &'a mut Transaction<A::Registry>,
        is_copy: bool,
    ) -> Self {
        Self { client, transaction, is_copy, written: Vec::new(), followed: Vec::new(), held: Vec::new() }
    }

    pub(crate) fn into_work(self) -> StepWork<A> {
        let Self { written, followed, held, .. } = self;
        StepWork { written, followed, held }
    }

    /// Returns the client.
    #[must_use]
    pub fn client(&self) -> &'a Client<A> {
        self.client
    }

    /// Returns whether the answer is a copy from the provider, and so may be older than what is in the cache.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// Returns the value that the commit leaves for a key. If another commit changes it first, the step runs again.
    pub fn get<Q: Query>(&mut self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
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

    /// Writes a value if the key has none.
    pub fn fill<Q: Query>(&mut self, query: Q, value: impl Into<Arc<Q::Value>>, times: EntryTimes)
    where
        A::Registry: Holds<Q>,
    {
        self.transaction.fill(query, value, times);
    }

    /// Replaces the value of the entry that has this revision. It keeps its times, and loads of it stay current.
    pub fn follow<Q: Query>(&mut self, query: Q, value: impl Into<Arc<Q::Value>>, seen: Revision)
    where
        A::Registry: Holds<Q>,
    {
        self.followed.push(Box::new(KeyOf(query.clone())));
        self.transaction.follow(query, value, seen);
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

    /// Keeps something, such as the guard of a lock, until the commit is done or has failed. In a step of pushed values
    /// it is dropped when the step returns.
    pub fn hold(&mut self, guard: impl Any) {
        self.held.push(Box::new(guard));
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

    /// Runs for a pushed value, an `Arc<V>`, which it replaces by the one to be stored.
    fn replace(&self, value: &mut dyn Any, store: &mut AnswerStore<'_, A>);
}

pub(crate) type Step<A> = Arc<dyn AnyStep<A>>;

struct StepFor<V, F> {
    step: F,
    value: PhantomData<fn(V)>,
}

impl<A, V, F> AnyStep<A> for StepFor<V, F>
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

    fn replace(&self, value: &mut dyn Any, store: &mut AnswerStore<'_, A>) {
        if let Some(value) = value.downcast_mut::<Arc<V>>() {
            *value = (self.step)(Arc::clone(value), store);
        }
    }
}

pub(crate) fn step<A, V, F>(step: F) -> Step<A>
where
    A: App,
    V: Send + Sync + 'static,
    F: Fn(Arc<V>, &mut AnswerStore<'_, A>) -> Arc<V> + Send + Sync + 'static,
{
    Arc::new(StepFor { step, value: PhantomData })
}

/// The steps of a client, by the type of the answers.
pub(crate) type Steps<A> = HashMap<TypeId, Step<A>, RandomState>;

impl<A: App> Client<A> {
    /// The step for an answer, if there is one.
    pub(crate) fn step_for(&self, value: &AnyValue) -> Option<&Step<A>> {
        let steps = self.steps();
        if steps.is_empty() { None } else { steps.get(&(**value).type_id()) }
    }
}

impl<A: App> Context<A> {
    /// Replaces the store of this load's answer, inside [`fetch`](crate::Fetch::fetch), if it is a `V`: `step` gets the
    /// answer and the commit that will store it, and returns the value to be stored. What it writes is committed
    /// together with the answer. If the key of the answer has changed since the load began, the answer is left out, and
    /// the rest is written. No hook runs.
    ///
    /// `step` must be pure: it runs again if another commit has changed what it has read. It does not run if the answer
    /// is not stored because of the strategy, [`no_store`](Self::no_store), or answers of its own in its tree. Outside of
    /// a load, this does nothing.
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
        let step: Step<A> = self::step(step);
        let mut replaced = None;
        self.0.note(|notes| replaced = notes.store_with(Arc::new(step)));
        // Foreign code, so it is dropped without the lock of the notes.
        drop(replaced);
    }
}

/// A written key of a query of unknown type.
pub(crate) trait WrittenKey<A: App>: Send {
    fn key(&self) -> &dyn AnyKey;

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
