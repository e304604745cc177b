//! Invalidation: marks entries now, and says when the observed ones have been loaded again. The store marks; observer
//! tasks load.

use std::any::TypeId;
use std::fmt::{self, Debug};
use std::sync::Arc;

use cache_core::client_support::AnyKey;
use cache_core::{Holds, Tag};

use crate::app::App;
use crate::client::Client;
use crate::concurrency::{LoadSlot, while_lent};
use crate::erased::typed_key;
use crate::fetch::Fetch;
use crate::mutate::order::MarkTarget;
use crate::mutate::running::RunningMutation;
use crate::observer::registry::Reload;
use crate::query::caller::Caller;
use crate::runtime::ClientRuntime;
use crate::shared::PendingDrop;
use crate::shared::protocol::Mark;
use crate::sharing;

/// The result of an invalidation. Dropping it has no effect on the loads.
#[non_exhaustive]
pub struct Invalidation {
    /// The number of entries that were marked.
    pub count: usize,
    /// Loads of the observed keys that were marked.
    reloads: Vec<Reload>,
    runtime: Arc<ClientRuntime>,
    /// The slot of the load that made the call, if it needs one.
    slot: Option<Arc<LoadSlot>>,
    /// What other machines are told, if the keys are shared.
    told: Option<PendingDrop>,
}

impl Invalidation {
    /// Waits until each observed key that was marked has been loaded again, has failed to load, or is no longer
    /// observed.
    ///
    /// # Cancellation
    /// May be dropped at any time. The loads continue.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let observer = client.observe(&GetTitle { id: 1 });
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.app().rename(1, "Uno");
    /// client.invalidate(&GetTitle { id: 1 }).reloaded().await;
    /// assert_eq!(observer.state().value().map(|title| title.as_str()), Some("Uno"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reloaded(self) {
        let Self { reloads, runtime, slot, .. } = self;
        let all = async {
            for reload in reloads {
                reload.done(&runtime).await;
            }
        };
        while_lent(slot, all).await;
    }
}

impl Invalidation {
    /// Waits until the [shared tier](crate::shared) has been told, so that other machines see it within its lag. Returns
    /// `false` if it has not acknowledged that within the time limit of a request: the others are told later, and may
    /// show what was there before. `true` at once if no shared query is concerned.
    ///
    /// They are told whether or not anything waits here, and this machine asks the tier for none of these keys until then.
    ///
    /// # Cancellation
    /// May be dropped and called again.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// assert!(client.invalidate(&GetTitle { id: 1 }).told().await);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn told(&mut self) -> bool {
        match &mut self.told {
            Some(told) => told.acknowledged().await.is_ok(),
            None => true,
        }
    }

    /// Adds what tells other machines of these marks, which was begun before them.
    fn told_by(self, told: Option<PendingDrop>) -> Self {
        if let Some(told) = &told {
            told.marked();
        }
        Self { told, ..self }
    }

    pub(crate) fn into_reloads(self) -> Vec<Reload> {
        self.reloads
    }
}

impl Debug for Invalidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, reloads, .. } = self;
        f.debug_struct("Invalidation").field("count", count).field("reloads", &reloads.len()).finish()
    }
}

impl<A: App> Client<A> {
    /// Marks a key, so that the next read loads it, and retires its running load: callers that wait for it get its
    /// result, which is not stored. An observed key is loaded at once; its observers keep the old value until then.
    ///
    /// This does not remove the value: it stays for callers that accept a stale one ([`cached`](Self::cached)). If a
    /// [mutation](crate::Mutate) that is running now writes the key later, the key is marked again.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.app().rename(1, "Uno");
    /// assert_eq!(client.invalidate(&GetTitle { id: 1 }).count, 1);
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "Uno");
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate<Q: Fetch<A>>(&self, query: &Q) -> Invalidation
    where
        A::Registry: Holds<Q>,
    {
        let mark = || sharing::mark_of(self.cache().any_table::<Q>(), query);
        // Known to the compiler.
        let told = if Q::SHARING.is_some() { self.tell(mark) } else { None };
        self.note_mark(|| MarkTarget::Key((query as &dyn AnyKey).wide_hash()));
        self.mark(query).told_by(told)
    }

    /// [`invalidate`](Self::invalidate) for a caller that has already noted the mark.
    pub(crate) fn mark<Q: Fetch<A>>(&self, query: &Q) -> Invalidation
    where
        A::Registry: Holds<Q>,
    {
        // Marks first: an observer task that receives the request to load again looks for the mark.
        let count = usize::from(self.cache().invalidate(query));
        self.remove_copy(query);
        let query_state = self.existing_query_state(query);
        self.invalidation(
            count,
            query_state.and_then(|query_state| query_state.observed.reload(query)).into_iter().collect(),
        )
    }

    /// Loads a marked or missing key again, if it is observed.
    pub(crate) fn reload_key(&self, key: &dyn AnyKey) -> Option<Reload> {
        self.query_states().existing_of(key.type_id())?.observed.reload(key)
    }

    /// [`reload_key`](Self::reload_key) for all keys of a query for which `matches` returns `true`.
    pub(crate) fn reload_where<Q: Fetch<A>>(&self, matches: impl Fn(&Q) -> bool) -> Vec<Reload> {
        self.reloads_where(TypeId::of::<Q>(), &|key| matches(typed_key(key)))
    }

    fn reloads_where(&self, query: TypeId, matches: &dyn Fn(&dyn AnyKey) -> bool) -> Vec<Reload> {
        let query_state = self.query_states().existing_of(query);
        query_state.map(|query_state| query_state.observed.reload_where(matches)).unwrap_or_default()
    }

    /// Marks all keys of a query that `matches` accepts, as [`invalidate`](Self::invalidate) marks one.
    ///
    /// Visits all entries of the table. Entries that are written meanwhile may be marked too.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query_all(&[GetTitle { id: 1 }, GetTitle { id: 2 }, GetTitle { id: 3 }]).await;
    /// let marked = client.invalidate_where(|key: &GetTitle| key.id > 1);
    /// assert_eq!(marked.count, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_where<Q: Fetch<A>>(&self, matches: impl Fn(&Q) -> bool) -> Invalidation
    where
        A::Registry: Holds<Q>,
    {
        // Other machines do not know the predicate. Too much is never wrong.
        let mark = || Some(Mark::Table(self.cache().name_of::<Q>().into()));
        let told = if Q::SHARING.is_some() { self.tell(mark) } else { None };
        self.note_mark(|| MarkTarget::Query(TypeId::of::<Q>()));
        self.mark_where(matches).told_by(told)
    }

    pub(crate) fn mark_where<Q: Fetch<A>>(&self, matches: impl Fn(&Q) -> bool) -> Invalidation
    where
        A::Registry: Holds<Q>,
    {
        let count = self.cache().invalidate_where(&matches);
        let reloads = self.reloads_where(TypeId::of::<Q>(), &|key| matches(typed_key(key)));
        self.invalidation(count, reloads)
    }

    /// Marks all keys of a query, as [`invalidate`](Self::invalidate) marks one. Visits all entries of its table.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query_all(&[GetTitle { id: 1 }, GetTitle { id: 2 }]).await;
    /// assert_eq!(client.invalidate_query::<GetTitle>().count, 2);
    ///
    /// client.query(&GetTitle { id: 1 }).await?;
    /// assert_eq!(client.app().loads(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_query<Q: Fetch<A>>(&self) -> Invalidation
    where
        A::Registry: Holds<Q>,
    {
        self.invalidate_where::<Q>(|_| true)
    }

    /// Marks all keys with a tag, as [`invalidate`](Self::invalidate) marks one.
    ///
    /// With a tag of a query, as in `#[query(tags("posts"))]`, this visits all entries of its table. With a [tag of
    /// single entries](cache_core::Query::TAGS_OF), as in `#[query(tags_of = GetPost::tags)]`, it visits the entries
    /// with the tag, and each running load and observed key of the query.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.query(&GetFeed).await?;
    ///
    /// // Both queries are derived with `tags("posts")`.
    /// assert_eq!(client.invalidate_tag("posts").count, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_tag(&self, tag: impl Into<Tag>) -> Invalidation {
        let tag = tag.into();
        let told = self.tell(|| self.mark_of_tag(&tag));
        self.note_mark(|| MarkTarget::Tag(tag.clone()));
        self.mark_tagged(&tag).told_by(told)
    }

    pub(crate) fn mark_tagged(&self, tag: &Tag) -> Invalidation {
        let count = self.cache().invalidate_tag(tag);
        self.invalidation(count, self.query_states().reload(Some(tag)))
    }

    /// Marks all keys of all queries, as [`invalidate`](Self::invalidate) marks one. Visits all entries.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.query(&GetFeed).await?;
    /// assert_eq!(client.invalidate_all().count, 2);
    /// assert!(client.cached(&GetFeed).is_some(), "nothing is removed");
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_all(&self) -> Invalidation {
        let told = self.tell(|| self.mark_of_all());
        self.note_mark(|| MarkTarget::All);
        self.mark_all().told_by(told)
    }

    pub(crate) fn mark_all(&self) -> Invalidation {
        let count = self.cache().invalidate_all();
        self.invalidation(count, self.query_states().reload(None))
    }

    /// Tells other machines what is marked here now. Before the mark, so that no load that begins after it finds in the
    /// tier what was there before.
    fn tell(&self, mark: impl FnOnce() -> Option<Mark>) -> Option<PendingDrop> {
        let tier = self.shared_tier()?;
        Some(tier.begin_drop(vec![mark()?], true))
    }

    /// Notes what is about to be marked, since the answers of running mutations remove marks.
    fn note_mark(&self, marked: impl FnOnce() -> MarkTarget) {
        if self.write_order().has_running() {
            RunningMutation::new(self, None, Vec::new()).marks(vec![marked()]);
        }
    }

    fn invalidation(&self, count: usize, reloads: Vec<Reload>) -> Invalidation {
        let slot = if reloads.is_empty() { None } else { Caller::without_context(self).enclosing_slot() };
        Invalidation { count, reloads, runtime: Arc::clone(self.runtime()), slot, told: None }
    }
}
