//! The changes of a mutation, a confirmation, a pushed value or a direct call: a transaction, and keys to load again.
//! Runs nothing.

use std::any::{Any, TypeId};
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use cache_core::client_support::TRANSACT_ATTEMPTS;
use cache_core::client_support::{AnyKey, Backoff};
use cache_core::{CommitError, EntryTimes, HasTable, Holds, Merge, Query, Receipt, Tag, Transaction};

use tokio::time::Instant;

use crate::app::App;
use crate::client::Client;
use crate::context::memo::Memo;
use crate::context::{Context, Tree};
use crate::fetch::Fetch;
use crate::mutate::order::MarkTarget;
use crate::mutate::running::RunningMutation;
use crate::mutate::settling::Settling;
use crate::observer::registry::Reload;
use crate::shared::protocol::Mark;
use crate::sharing::{self, drops::CommitDrops};
use crate::store_step::{AnswerKey, AnswerStore, KeyOf, Origin, StepWork, WrittenKey, forget};

/// A set of changes to a client's cache that become visible at once: writes, and keys to load again.
///
/// A key that is both marked and written here, in any order, is not marked. Only [`invalidate`](Self::invalidate),
/// which names a single key, marks an earlier write. Observed keys that are marked are loaded again at once.
pub struct Changes<A: App> {
    transaction: Transaction<A::Registry>,
    /// Marks keys instead of writing them, as in a request that bypasses the cache.
    marks_only: bool,
    /// What to do after the commit.
    after: Vec<AfterCommit<A>>,
    /// The answers that steps make follow.
    followed: Vec<AnswerKey<A>>,
    written: Vec<Box<dyn WrittenKey<A>>>,
    marked: Vec<MarkTarget>,
    /// Present unless they only mark.
    client: Option<Client<A>>,
    /// What the steps of crates on top of the client have planned so far.
    plan: Option<Box<dyn Any + Send>>,
    /// The client, if it has a shared tier.
    sharing: Option<Client<A>>,
    /// What other machines have to be told.
    dropped: Vec<Mark>,
}

/// Returns the loads that it has requested.
type AfterCommit<A> = Box<dyn FnOnce(&Client<A>, Option<&Memo>) -> Vec<Reload> + Send>;

impl<A: App> Changes<A> {
    fn new(client: &Client<A>, marks_only: bool) -> Self {
        let mut transaction = client.cache().begin();
        // They tell other machines themselves, and before.
        transaction.skip_change_listeners();
        let sharing = client.shared_tier().map(|_| client.clone());
        let client = (!marks_only).then(|| client.clone());
        Self {
            transaction,
            marks_only,
            after: Vec::new(),
            followed: Vec::new(),
            written: Vec::new(),
            marked: Vec::new(),
            client,
            plan: None,
            sharing,
            dropped: Vec::new(),
        }
    }

    /// Returns the value that these changes leave for a key: their own write, or the committed value. If another commit
    /// changes that value first, the changes run again. `None` in a request that bypasses the cache.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.change(|changes| {
    ///     if let Some(title) = changes.get(&GetTitle { id: 1 }) {
    ///         changes.set(GetTitle { id: 1 }, title.to_uppercase());
    ///     }
    /// }).await?;
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "ONE");
    /// # Ok(())
    /// # }
    /// ```
    pub fn get<Q: Query>(&mut self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: HasTable<Q>,
    {
        if self.marks_only { None } else { self.transaction.get(query) }
    }

    /// Writes a value, and returns its `Arc`.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.change(|changes| {
    ///     changes.set(GetTitle { id: 9 }, "Nine".to_owned());
    ///     changes.set(GetFeed, Feed(vec![1, 2, 3, 9]));
    /// }).await?;
    /// assert_eq!(*client.query(&GetTitle { id: 9 }).await?, "Nine");
    /// assert_eq!(client.app().loads(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set<Q: Query>(&mut self, query: Q, value: impl Into<Arc<Q::Value>>) -> Arc<Q::Value>
    where
        A::Registry: Holds<Q>,
    {
        self.set_timed(query, value, EntryTimes::new())
    }

    /// Writes a value, as [`set`](Self::set) does, with its own times instead of those of the table.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// # use cache_core::EntryTimes;
    /// client.change(|changes| {
    ///     let times = EntryTimes::new().fresh(Duration::from_secs(1));
    ///     changes.set_timed(GetTitle { id: 1 }, "Uno".to_owned(), times);
    /// }).await?;
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "Uno");
    ///
    /// tokio::time::sleep(Duration::from_secs(2)).await;
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One", "loaded again");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_timed<Q: Query>(
        &mut self,
        query: Q,
        value: impl Into<Arc<Q::Value>>,
        times: EntryTimes,
    ) -> Arc<Q::Value>
    where
        A::Registry: Holds<Q>,
    {
        let mut value = value.into();
        if self.client.as_ref().is_some_and(|client| !client.steps().is_empty()) {
            self.run_step(TypeId::of::<Q::Value>(), &mut value, &|| AnswerKey::new(query.clone()));
        }
        self.write(query, |transaction, query| drop(transaction.set_timed(query, Arc::clone(&value), times)));
        value
    }

    /// Writes a value made from the current one (`None` if the key is absent), like
    /// [`Transaction::merge_with`](cache_core::Transaction::merge_with).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetFeed).await?;
    /// client.change(|changes| {
    ///     changes.merge_with(GetFeed, |feed: Option<&Feed>| {
    ///         let posts = feed.map_or(&[][..], |feed| &feed.0);
    ///         Feed(posts.iter().copied().chain([9]).collect())
    ///     });
    /// }).await?;
    /// assert_eq!(*client.query(&GetFeed).await?, Feed(vec![1, 2, 3, 9]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn merge_with<Q, V>(&mut self, query: Q, merge: impl Fn(Option<&V>) -> V + Send + 'static)
    where
        Q: Query<Value = V>,
        V: Send + Sync + 'static,
        A::Registry: Holds<Q>,
    {
        self.write(query, |transaction, query| transaction.merge_with(query, merge));
    }

    /// Merges `value` into the current value. Writes `value` if the key is absent.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetFeed).await?;
    /// client.change(|changes| changes.merge(GetFeed, Feed(vec![9]))).await?;
    /// assert_eq!(*client.query(&GetFeed).await?, Feed(vec![1, 2, 3, 9]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn merge<Q, V>(&mut self, query: Q, value: V)
    where
        Q: Query<Value = V>,
        V: Merge + Send + Sync + 'static,
        A::Registry: Holds<Q>,
    {
        self.write(query, |transaction, query| transaction.merge(query, value));
    }

    /// Changes a part of the current value. Returns `false` and does nothing if the key is absent.
    ///
    /// The value keeps its age, its own times, and its mark if it has one. A value that these changes have written is
    /// as new as that write.
    ///
    /// If there is no value, a running load of the key may not know of the change. Its callers get its answer, which is
    /// not stored, and the next read loads. An observed key is loaded again at once.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.change(|changes| {
    ///     let is_shown = changes.update(&GetTitle { id: 1 }, |title| format!("{title}!"));
    ///     assert!(is_shown);
    ///     let is_shown = changes.update(&GetTitle { id: 2 }, |title| format!("{title}!"));
    ///     assert!(!is_shown, "nothing to change");
    /// }).await?;
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One!");
    /// # Ok(())
    /// # }
    /// ```
    pub fn update<Q: Query, T: Into<Arc<Q::Value>>>(
        &mut self,
        query: &Q,
        update: impl FnOnce(&Arc<Q::Value>) -> T,
    ) -> bool
    where
        A::Registry: Holds<Q>,
    {
        let mut was_there = false;
        self.write(query.clone(), |transaction, query| was_there = transaction.update(&query, update));
        was_there
    }

    /// Removes an entry. An observed key is loaded again.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.change(|changes| changes.remove(&GetTitle { id: 1 })).await?;
    /// assert!(client.cached(&GetTitle { id: 1 }).is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove<Q: Query>(&mut self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        self.write(query.clone(), |transaction, query| _ = transaction.remove(&query));
    }

    /// Writes a value that `step` makes of a pushed one, in place of a plain [`set`](Self::set): what the step writes is a
    /// part of these changes. It works like [`Context::store_with`]. In a request that bypasses the cache it does not
    /// run, and the key is marked.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.change(|changes| {
    ///     changes.store_with(GetFeed, Feed(vec![7]), |feed, store| {
    ///         store.set(GetTitle { id: 7 }, "Seven".to_owned());
    ///         feed
    ///     });
    /// }).await?;
    /// assert_eq!(*client.query(&GetTitle { id: 7 }).await?, "Seven");
    /// assert_eq!(client.app().loads(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(hidden)]
    pub fn store_with<Q: Query>(
        &mut self,
        query: Q,
        value: impl Into<Arc<Q::Value>>,
        step: impl FnOnce(Arc<Q::Value>, &mut AnswerStore<'_, A>) -> Arc<Q::Value>,
    ) where
        A::Registry: Holds<Q>,
    {
        let mut value = value.into();
        if !self.marks_only {
            self.extend(Some(&AnswerKey::new(query.clone())), |store| {
                value = step(Arc::clone(&value), store)
            });
        }
        self.write(query, |transaction, query| drop(transaction.set(query, value)));
    }

    /// Writes an answer as [`set`](Self::set) does, for a query that is loaded: steps see it as the answer of a load.
    #[doc(hidden)]
    pub fn set_answer<Q: Fetch<A>>(&mut self, query: &Q, value: impl Into<Arc<Q::Value>>)
    where
        A::Registry: Holds<Q>,
    {
        let mut value = value.into();
        if self.client.as_ref().is_some_and(|client| !client.steps().is_empty()) {
            self.run_step(TypeId::of::<Q::Value>(), &mut value, &|| AnswerKey::of_answer(query.clone()));
        }
        self.write(query.clone(), |transaction, query| drop(transaction.set(query, value)));
    }

    /// Runs a step without an answer: what it writes is a part of these changes. In a request that bypasses the cache it
    /// does not run.
    #[doc(hidden)]
    pub fn extend_with(&mut self, step: impl FnOnce(&mut AnswerStore<'_, A>)) {
        if !self.marks_only {
            self.extend(None, step);
        }
    }

    /// Runs the [client's step](crate::ClientBuilder::store_with) for values of this type, without a key. What it writes
    /// is a part of these changes. In a request that bypasses the cache it does not run.
    #[doc(hidden)]
    pub fn extend_by<V: Send + Sync + 'static>(&mut self, mut value: Arc<V>) {
        let step = self.client.as_ref().and_then(|client| client.step_of(TypeId::of::<V>())).cloned();
        if let Some(step) = step.filter(|_| !self.marks_only) {
            self.extend(None, |store| step.replace(&mut value, store));
        }
    }

    /// Runs the client's step for a value of this type, an `Arc`.
    fn run_step(&mut self, of: TypeId, value: &mut dyn Any, key: &dyn Fn() -> AnswerKey<A>) {
        let step = self.client.as_ref().and_then(|client| client.step_of(of)).cloned();
        if let Some(step) = step {
            self.extend(Some(&key()), |store| step.replace(value, store));
        }
    }

    fn extend(&mut self, key: Option<&AnswerKey<A>>, step: impl FnOnce(&mut AnswerStore<'_, A>)) {
        let Some(client) = self.client.clone() else { return };
        let origin = Origin { may_wait: true, ..Origin::default() };
        let mut store = AnswerStore::new(&client, &mut self.transaction, key, origin, &mut self.plan);
        step(&mut store);
        let work = store.into_work();
        self.dropped.extend(work.mark_shared(&client, &mut self.transaction));
        let StepWork { written, followed, .. } = work;
        self.written.extend(written);
        match self.followed.is_empty() {
            true => self.followed = followed,
            false => self.followed.extend(followed),
        }
    }

    fn write<Q: Query>(&mut self, query: Q, write: impl FnOnce(&mut Transaction<A::Registry>, Q))
    where
        A::Registry: Holds<Q>,
    {
        let is_shared = self.note_dropped(&query);
        if self.marks_only {
            self.note_marked(&query);
            self.after.push(Box::new(move |client, memo| {
                client.cache().invalidate(&query);
                forget(&query, client, memo);
                client.reload_key(&query).into_iter().collect()
            }));
            return;
        }
        self.written.push(Box::new(KeyOf(query.clone())));
        let shared = is_shared.then(|| query.clone());
        write(&mut self.transaction, query);
        if let Some(query) = shared {
            // Another machine may have changed the key later: one load tells.
            self.transaction.invalidate(&query);
        }
    }

    /// Notes a key that other machines have to be told of. Returns whether it is shared.
    fn note_dropped<Q: Query>(&mut self, query: &Q) -> bool
    where
        A::Registry: Holds<Q>,
    {
        // Known to the compiler.
        if Q::SHARING.is_none() {
            return false;
        }
        let Some(client) = &self.sharing else { return false };
        let mark = sharing::mark_of(client.cache().any_table::<Q>(), query);
        let is_shared = mark.is_some();
        self.dropped.extend(mark);
        is_shared
    }

    /// Notes that other machines have to be told of any key of a query.
    fn note_dropped_table<Q: Query>(&mut self)
    where
        A::Registry: Holds<Q>,
    {
        if Q::SHARING.is_some()
            && let Some(client) = &self.sharing
        {
            self.dropped.push(Mark::Table(client.cache().name_of::<Q>().into()));
        }
    }

    fn note_marked<Q: Query>(&mut self, query: &Q) {
        self.marked.push(MarkTarget::Key((query as &dyn AnyKey).wide_hash()));
    }

    /// Forgets the request's answers for some keys.
    fn forget_where<Q: Query>(&mut self, is_selected: impl Fn(&Q) -> bool + Send + 'static) {
        let is_selected = move |key: &dyn Any| key.downcast_ref().is_some_and(&is_selected);
        self.after.push(Box::new(move |_, memo| {
            if let Some(memo) = memo {
                memo.forget_where(TypeId::of::<Q>(), &is_selected);
            }
            Vec::new()
        }));
    }

    /// Marks a key, so that the next read loads it; at once if it is observed.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.app().rename(1, "Uno");
    /// client.change(|changes| changes.invalidate(&GetTitle { id: 1 })).await?;
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "Uno");
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate<Q: Fetch<A>>(&mut self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        self.note_marked(query);
        self.note_dropped(query);
        let (key, marks_only) = (query.clone(), self.marks_only);
        if !marks_only {
            self.transaction.invalidate(query);
        }
        self.after.push(Box::new(move |client, memo| {
            let reloads = match marks_only {
                true => client.mark(&key).into_reloads(),
                false => client.reload_key(&key).into_iter().collect(),
            };
            forget(&key, client, memo);
            reloads
        }));
    }

    /// Marks all keys of a query that `matches` accepts and these changes do not write, as
    /// [`invalidate`](Self::invalidate) marks one.
    ///
    /// The commit visits all entries of the table.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query_all(&[GetTitle { id: 1 }, GetTitle { id: 2 }]).await;
    /// client.change(|changes| changes.invalidate_where(|key: &GetTitle| key.id > 1)).await?;
    /// assert!(client.cache().get_fresh(&GetTitle { id: 1 }).is_some());
    /// assert!(client.cache().get_fresh(&GetTitle { id: 2 }).is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_where<Q: Fetch<A>>(&mut self, matches: impl Fn(&Q) -> bool + Send + Sync + 'static)
    where
        A::Registry: Holds<Q>,
    {
        self.marked.push(MarkTarget::Query(TypeId::of::<Q>()));
        // Other machines do not know the predicate. Too much is never wrong.
        self.note_dropped_table::<Q>();
        let matches = Arc::new(matches);
        let (marked, reloaded) = (Arc::clone(&matches), Arc::clone(&matches));
        match self.marks_only {
            false => {
                self.transaction.invalidate_where::<Q>(move |key| marked(key));
                self.after.push(Box::new(move |client, _| client.reload_where::<Q>(&*reloaded)));
            }
            true => {
                self.after.push(Box::new(move |client, _| client.mark_where::<Q>(&*reloaded).into_reloads()))
            }
        }
        self.forget_where::<Q>(move |key| matches(key));
    }

    /// Marks all keys of a query that these changes do not write, as [`invalidate`](Self::invalidate) marks one.
    ///
    /// The commit locks the whole table, and visits all its entries.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query_all(&[GetTitle { id: 1 }, GetTitle { id: 2 }]).await;
    /// client.change(|changes| {
    ///     changes.set(GetTitle { id: 1 }, "Uno".to_owned());
    ///     changes.invalidate_query::<GetTitle>();
    /// }).await?;
    /// assert!(client.cache().get_fresh(&GetTitle { id: 1 }).is_some(), "written by the same changes");
    /// assert!(client.cache().get_fresh(&GetTitle { id: 2 }).is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_query<Q: Fetch<A>>(&mut self)
    where
        A::Registry: Holds<Q>,
    {
        self.marked.push(MarkTarget::Query(TypeId::of::<Q>()));
        self.note_dropped_table::<Q>();
        match self.marks_only {
            false => {
                self.transaction.invalidate_query::<Q>();
                self.after.push(Box::new(|client, _| client.reload_where::<Q>(|_| true)));
            }
            true => self.after.push(Box::new(|client, _| client.mark_where::<Q>(|_| true).into_reloads())),
        }
        self.forget_where::<Q>(|_| true);
    }

    /// Marks all keys with a tag that these changes do not write, as [`invalidate`](Self::invalidate) marks one.
    ///
    /// With a tag of a query, as in `#[query(tags("posts"))]`, the commit locks its whole table. With a [tag of single
    /// entries](cache_core::Query::TAGS_OF) it locks only the entries that have it.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.query(&GetFeed).await?;
    /// client.change(|changes| changes.invalidate_tag("posts")).await?;
    /// assert!(client.cache().get_fresh(&GetTitle { id: 1 }).is_none());
    /// assert!(client.cache().get_fresh(&GetFeed).is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_tag(&mut self, tag: impl Into<Tag>) {
        let tag = tag.into();
        self.marked.push(MarkTarget::Tag(tag.clone()));
        self.dropped.extend(self.sharing.as_ref().and_then(|client| client.mark_of_tag(&tag)));
        self.transaction.invalidate_tag(&tag);
        let marks = self.marks_only;
        self.after.push(Box::new(move |client, memo| {
            let reloads = match marks {
                true => client.mark_tagged(&tag).into_reloads(),
                false => client.query_states().reload(Some(&tag)),
            };
            if let Some(memo) = memo {
                memo.forget_tagged(&tag);
            }
            reloads
        }));
    }

    /// Marks all keys of all queries that these changes do not write, as [`invalidate_query`](Self::invalidate_query)
    /// does for one query.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetFeed).await?;
    /// client.change(|changes| {
    ///     changes.invalidate_all();
    ///     changes.set(GetTitle { id: 1 }, "Uno".to_owned());
    /// }).await?;
    /// assert!(client.cache().get_fresh(&GetFeed).is_none());
    /// assert!(client.cache().get_fresh(&GetTitle { id: 1 }).is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_all(&mut self) {
        self.marked.push(MarkTarget::All);
        self.dropped.extend(self.sharing.as_ref().and_then(Client::mark_of_all));
        self.transaction.invalidate_all();
        let marks = self.marks_only;
        self.after.push(Box::new(move |client, memo| {
            let reloads = match marks {
                true => client.mark_all().into_reloads(),
                false => client.query_states().reload(None),
            };
            if let Some(memo) = memo {
                memo.forget_all();
            }
            reloads
        }));
    }

    /// Sets a label that says what the changes are for. The default is the name of the mutation.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.cache().commit_log().keep(10);
    /// client.change(|changes| {
    ///     changes.label("import");
    ///     changes.set(GetTitle { id: 9 }, "Nine".to_owned());
    /// }).await?;
    /// assert_eq!(client.cache().commit_log().recent()[0].label.as_deref(), Some("import"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn label(&mut self, label: impl Into<Arc<str>>) {
        self.transaction.label(label);
    }

    /// Sets a value that the `before_commit` hooks can read.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// struct User { may_write: bool }
    ///
    /// let cache = Cache::<CacheRegistry>::builder().before_commit(|proposal| match proposal.context::<User>() {
    ///     Some(User { may_write: true }) => Ok(()),
    ///     _ => Err("not allowed".into()),
    /// });
    /// let client = Client::builder(cache.build()?, Blog::new()).build();
    /// let write = |may_write| {
    ///     client.change(move |changes| {
    ///         changes.context(Arc::new(User { may_write }));
    ///         changes.set(GetTitle { id: 1 }, "Uno".to_owned());
    ///     })
    /// };
    /// assert!(write(false).await.is_err());
    /// assert!(write(true).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn context(&mut self, context: Arc<dyn Any + Send + Sync>) {
        self.transaction.context(context);
    }
}

impl<A: App> Client<A> {
    /// Commits what `change` writes and marks. All of it becomes visible at once, and observed keys that are marked are
    /// loaded again. Use this for changes that the program learns of without a [mutation](crate::Mutate), such as a
    /// message from a queue.
    ///
    /// This works like a [pushed value](Client::ingest): the `before_commit` hooks run, running loads of the changed
    /// keys are not stored, copies in the [provider](crate::Provider) are removed, and [layers](crate::Layer) are
    /// folded over the new values.
    ///
    /// A [mutation](crate::Mutate) that is already running may be answered later. Keys that both have written, or that
    /// this call has marked, are then marked and loaded by the next read.
    ///
    /// `change` must be pure: it runs again if another commit has changed what it has read.
    ///
    /// Nothing happens before the future is polled. Neither the future nor `change` needs a tokio runtime, unless the
    /// commit conflicts.
    ///
    /// # Errors
    /// Same as [`Transaction::commit_async`](cache_core::Transaction::commit_async): a hook refused the commit, or each
    /// of 64 attempts conflicted with others. On an error nothing is written or marked.
    ///
    /// # Cancellation
    /// Dropping the future before it is done commits nothing.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetFeed).await?;
    /// // Post 1 was renamed, and post 2 deleted.
    /// client.change(|changes| {
    ///     changes.set(GetTitle { id: 1 }, "Uno".to_owned());
    ///     changes.remove(&GetTitle { id: 2 });
    ///     changes.invalidate(&GetFeed);
    /// }).await?;
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "Uno");
    /// assert!(client.cache().get_fresh(&GetFeed).is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn change(
        &self,
        change: impl Fn(&mut Changes<A>) + Send,
    ) -> Result<Receipt<A::Registry>, CommitError> {
        Commit::of(self).run(change).await
    }
}

impl<A: App> Context<A> {
    /// Commits what `change` writes and marks, as [`Client::change`] does. This request then forgets its answers to the
    /// keys that were written or marked.
    ///
    /// If the request bypasses the cache or has answers of its own, nothing is written. The keys are marked instead,
    /// without running the hooks, and the receipt is empty.
    ///
    /// # Errors
    /// Same as [`Client::change`].
    ///
    /// # Cancellation
    /// Dropping the future before it is done commits nothing. A cancelled request can still make changes.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("PUT /posts/1");
    /// assert_eq!(*cx.query(&GetTitle { id: 1 }).await?, "One");
    /// cx.change(|changes| {
    ///     changes.set(GetTitle { id: 1 }, "Uno".to_owned());
    /// }).await?;
    /// assert_eq!(*cx.query(&GetTitle { id: 1 }).await?, "Uno");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn change(
        &self,
        change: impl Fn(&mut Changes<A>) + Send,
    ) -> Result<Receipt<A::Registry>, CommitError> {
        let client = self.client();
        let commit = Commit { tree: Some(self.0.tree()), ..Commit::of(client) };
        if self.0.access().is_private {
            commit.mark(change).await;
            return client.cache().begin().commit_async().await;
        }
        commit.run(change).await
    }
}

impl<A: App> Debug for Changes<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("marks_only", &self.marks_only).finish_non_exhaustive()
    }
}

/// How changes are committed.
pub(crate) struct Commit<'a, A: App> {
    pub(crate) client: &'a Client<A>,
    /// The tree of the request, which forgets the changed keys.
    pub(crate) tree: Option<&'a Tree>,
    pub(crate) label: Option<&'static str>,
    /// The flag of the layer that the changes replace. The commit sets it.
    pub(crate) layer: Option<Arc<AtomicBool>>,
    /// The mutation whose answer this is. `None` without a mutation: the changes are then ordered by the time of the
    /// call.
    pub(crate) begun: Option<&'a RunningMutation<A>>,
    /// Notes which loads to wait for until all affected observed keys have been loaded again.
    pub(crate) settling: Option<&'a Settling>,
    /// Set if other machines are told later.
    pub(crate) is_queued: Option<&'a AtomicBool>,
}

impl<'a, A: App> Commit<'a, A> {
    pub(crate) fn of(client: &'a Client<A>) -> Self {
        Self { client, tree: None, label: None, layer: None, begun: None, settling: None, is_queued: None }
    }

    /// Commits the result of `change`, which runs again if a value that it read has changed meanwhile.
    pub(crate) async fn run(
        &self,
        change: impl Fn(&mut Changes<A>) + Send,
    ) -> Result<Receipt<A::Registry>, CommitError> {
        let mut now = None;
        let order = self.order(&mut now);
        let (mut attempts, mut backoff) = (1, Backoff::default());
        let mut drops = CommitDrops::new(self.client);
        loop {
            let begun = Instant::now();
            let Changes { transaction, after, followed, written, marked, dropped, .. } =
                self.make(false, &change);
            // Before anything can be seen here.
            drops.send(dropped, self.is_queued).await;
            order.marks(marked);
            match transaction.commit_once_async().await {
                Ok(receipt) => {
                    drops.committed();
                    self.conclude(after, &followed, &written);
                    if let Some(revision) = receipt.revision() {
                        let written = || written.into_iter().map(|key| key.written()).collect();
                        order.wrote(revision.get(), written);
                    }
                    return Ok(receipt);
                }
                Err(CommitError::Conflict { .. }) if attempts < TRANSACT_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
            }
            back_off(backoff.next(begun.elapsed(), fastrand::f64())).await;
        }
    }

    /// Marks what `change` would write or mark, without running the hooks.
    pub(crate) async fn mark(&self, change: impl Fn(&mut Changes<A>) + Send) {
        let Changes { after, followed, written, marked, dropped, .. } = self.make(true, &change);
        let mut drops = CommitDrops::new(self.client);
        drops.send(dropped, self.is_queued).await;
        self.order(&mut None).marks(marked);
        self.conclude(after, &followed, &written);
        drops.committed();
    }

    /// The mutation that orders these changes: their own, or one that begins `now`.
    fn order<'n>(&self, now: &'n mut Option<RunningMutation<A>>) -> &'n RunningMutation<A>
    where
        'a: 'n,
    {
        match self.begun {
            Some(begun) => begun,
            None => now.insert(RunningMutation::new(self.client, None, Vec::new())),
        }
    }

    fn make(&self, marks_only: bool, change: &impl Fn(&mut Changes<A>)) -> Changes<A> {
        let mut changes = Changes::new(self.client, marks_only);
        if let Some(label) = self.label {
            changes.label(label);
        }
        if let Some(is_off) = &self.layer {
            changes.transaction.committed_flag(Arc::clone(is_off));
        }
        change(&mut changes);
        changes
    }

    fn conclude(
        &self,
        after: Vec<AfterCommit<A>>,
        followed: &[AnswerKey<A>],
        written: &[Box<dyn WrittenKey<A>>],
    ) {
        let memo = self.tree.map(|tree| &tree.memo);
        followed.iter().for_each(|key| key.forget(self.client, memo));
        let reloads: Vec<Reload> = after.into_iter().flat_map(|step| step(self.client, memo)).collect();
        written.iter().for_each(|key| key.forget(self.client, memo));
        if let Some(settling) = self.settling {
            settling.note(reloads, written.iter().map(|key| key.key().to_box()).collect());
        }
    }
}

/// Waits before the next attempt.
async fn back_off(time: Duration) {
    // Tokio's timers have a resolution of one millisecond.
    match time < Duration::from_millis(1) {
        true => tokio::task::yield_now().await,
        false => tokio::time::sleep(time).await,
    }
}
