//! Invalidation: marks entries now, and tells when the observed ones have been loaded again. The store marks; observer
//! tasks load.

use std::any::TypeId;
use std::fmt::{self, Debug};
use std::sync::Arc;

use cache_core::client_support::AnyKey;
use cache_core::{Holds, Tag};

use crate::any_query::AnyQuery;
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

/// What an invalidation came to. May be dropped without effect on the loads.
#[non_exhaustive]
pub struct Invalidation {
    /// Entries that were marked.
    pub count: usize,
    /// Of the observed keys that were meant.
    reloads: Vec<Reload>,
    runtime: Arc<ClientRuntime>,
    /// Of the load that it was made in, if that needs one.
    slot: Option<Arc<LoadSlot>>,
}

impl Invalidation {
    /// Waits until all observed keys that were meant have been loaded again, or have failed to, or are observed no more.
    ///
    /// # Cancellation
    /// May be dropped at any time. The loads go on.
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

impl Debug for Invalidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, reloads, .. } = self;
        f.debug_struct("Invalidation").field("count", count).field("reloads", &reloads.len()).finish()
    }
}

impl<A: App> Client<A> {
    /// Marks a key, so that the very next read loads it, and retires its load: who waits for that gets its result, which
    /// is not stored. If the key is observed it is loaded at once; its observers keep the old value until then.
    ///
    /// It is no removal: the value stays, for those who take any ([`cached`](Self::cached)). If a [mutation](crate::Mutate)
    /// that is running now writes the key later, the key is marked again.
    pub fn invalidate<Q: Fetch<A>>(&self, query: &Q) -> Invalidation
    where
        A::Registry: Holds<Q>,
    {
        self.note_mark(|| MarkTarget::Key((query as &dyn AnyKey).wide_hash()));
        self.mark(query)
    }

    /// [`invalidate`](Self::invalidate) for one that has noted that by itself.
    pub(crate) fn mark<Q: Fetch<A>>(&self, query: &Q) -> Invalidation
    where
        A::Registry: Holds<Q>,
    {
        // Marks first: an observer task that is told to load again looks for the mark.
        let count = usize::from(self.cache().invalidate(query));
        self.remove_copy(query);
        let query_state = self.existing_query_state(query);
        self.invalidation(
            count,
            query_state.and_then(|query_state| query_state.observed.reload(query)).into_iter().collect(),
        )
    }

    /// Has a key that was marked loaded again, if it is observed.
    pub(crate) fn reload(&self, query: &dyn AnyQuery<A>) {
        if let Some(query_state) = self.existing_query_state(query) {
            drop(query_state.observed.reload(query));
        }
    }

    /// [`reload`](Self::reload) for all keys of a query that `matches`.
    pub(crate) fn reload_where<Q: Fetch<A>>(&self, matches: impl Fn(&Q) -> bool) {
        drop(self.reloads_where(TypeId::of::<Q>(), &|key| matches(typed_key(key))));
    }

    fn reloads_where(&self, query: TypeId, matches: &dyn Fn(&dyn AnyKey) -> bool) -> Vec<Reload> {
        let query_state = self.query_states().existing_of(query);
        query_state.map(|query_state| query_state.observed.reload_where(matches)).unwrap_or_default()
    }

    /// [`invalidate`](Self::invalidate) for all keys of a query that `matches`. Visits all entries of its table; what is
    /// written meanwhile may be marked.
    pub fn invalidate_where<Q: Fetch<A>>(&self, matches: impl Fn(&Q) -> bool) -> Invalidation
    where
        A::Registry: Holds<Q>,
    {
        self.note_mark(|| MarkTarget::Query(TypeId::of::<Q>()));
        self.mark_where(matches)
    }

    pub(crate) fn mark_where<Q: Fetch<A>>(&self, matches: impl Fn(&Q) -> bool) -> Invalidation
    where
        A::Registry: Holds<Q>,
    {
        let count = self.cache().invalidate_where(&matches);
        let reloads = self.reloads_where(TypeId::of::<Q>(), &|key| matches(typed_key(key)));
        self.invalidation(count, reloads)
    }

    /// [`invalidate`](Self::invalidate) for all keys of a query. Visits all entries of its table.
    pub fn invalidate_query<Q: Fetch<A>>(&self) -> Invalidation
    where
        A::Registry: Holds<Q>,
    {
        self.invalidate_where::<Q>(|_| true)
    }

    /// [`invalidate`](Self::invalidate) for all keys with a tag.
    ///
    /// With a tag of a query, as in `#[query(tags("posts"))]`, this visits all entries of its table. With a
    /// [tag of single entries](cache_core::Query::TAGS_OF), as in `#[query(tags_of = GetPost::tags)]`, it visits those that have
    /// it, and looks at each running load and observed key of the query.
    pub fn invalidate_tag(&self, tag: impl Into<Tag>) -> Invalidation {
        let tag = tag.into();
        self.note_mark(|| MarkTarget::Tag(tag.clone()));
        self.mark_tagged(&tag)
    }

    pub(crate) fn mark_tagged(&self, tag: &Tag) -> Invalidation {
        let count = self.cache().invalidate_tag(tag);
        self.invalidation(count, self.query_states().reload(Some(tag)))
    }

    /// [`invalidate`](Self::invalidate) for all keys of all queries. Visits all entries.
    pub fn invalidate_all(&self) -> Invalidation {
        self.note_mark(|| MarkTarget::All);
        self.mark_all()
    }

    pub(crate) fn mark_all(&self) -> Invalidation {
        let count = self.cache().invalidate_all();
        self.invalidation(count, self.query_states().reload(None))
    }

    /// Notes what is about to be marked, for mutations whose answers take the marks away.
    fn note_mark(&self, marked: impl FnOnce() -> MarkTarget) {
        if self.write_order().has_running() {
            RunningMutation::new(self, None, Vec::new()).marks(vec![marked()]);
        }
    }

    fn invalidation(&self, count: usize, reloads: Vec<Reload>) -> Invalidation {
        let slot = if reloads.is_empty() { None } else { Caller::without_context(self).enclosing_slot() };
        Invalidation { count, reloads, runtime: Arc::clone(self.runtime()), slot }
    }
}
