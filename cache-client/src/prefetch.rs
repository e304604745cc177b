//! Loading ahead of who will ask: one query, all that a page needs, or after a while. What one such load does is told in
//! `ask/ahead`.

mod several;

use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cache_core::Holds;
use several::{Crew, Several};

use crate::app::{App, Fetch};
use crate::ask::Asker;
use crate::client::Client;
use crate::concurrency::{LoadSlot, while_lent};
use crate::context::Context;
use crate::runtime::Timer;

impl<A: App> Client<A> {
    /// Loads a query behind the caller's back, unless it is fresh or being loaded. What is loaded is kept for at least
    /// five seconds, also by a table that keeps nothing by itself. Errors go to [`refresh_error`](Self::refresh_error);
    /// options that cannot work are an event of `tracing` too, at level `WARN`.
    /// A query whose strategy stores nothing is not loaded.
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
    pub fn prefetch<Q: Fetch<A>>(&self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        Asker::without_context(self).prefetch(query);
    }

    /// [`prefetch`](Self::prefetch) for several queries at the same time: a tuple of up to twelve of different types, or
    /// a slice, an array or a vector of one type. All loads are under way when this returns; what it returns may be
    /// dropped, or waited for.
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
    ///
    /// # Examples
    /// ```
    /// # use cache_client::{App, Client, Context, Fetch, TokioClock};
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 1_000, fresh = "30s")]
    /// # pub struct GetTitle { pub id: u64 }
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = u64, capacity = 1_000, fresh = "30s")]
    /// # pub struct CountReaders;
    /// # registry! { pub struct CacheRegistry { crate::GetTitle, crate::CountReaders } }
    /// # struct Blog;
    /// # impl App for Blog { type Registry = CacheRegistry; }
    /// # impl Fetch<Blog> for GetTitle {
    /// #     type Error = std::io::Error;
    /// #     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> { Ok("Notes".to_owned()) }
    /// # }
    /// # impl Fetch<Blog> for CountReaders {
    /// #     type Error = std::io::Error;
    /// #     async fn fetch(&self, _: &Context<Blog>) -> Result<u64, std::io::Error> { Ok(7) }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
    /// # let client = Client::builder(cache, Blog).build();
    /// client.prefetch_all((&GetTitle { id: 7 }, &CountReaders)).done().await;
    /// assert!(client.cached(&CountReaders).is_some());
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn prefetch_all(&self, queries: impl Prefetch<A>) -> Prefetched {
        Crew::start(Asker::without_context(self), queries)
    }

    /// [`prefetch`](Self::prefetch) when `delay` has passed, unless the guard is dropped before: for what is likely to be
    /// asked for and may not be, as under a pointer that rests. Once it has begun, the load goes on without the guard.
    ///
    /// Keeps the client until then, by a task.
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
    pub fn prefetch_after<Q: Fetch<A>>(&self, query: &Q, delay: Duration) -> PrefetchGuard
    where
        A::Registry: Holds<Q>,
    {
        let (client, query) = (self.clone(), query.clone());
        let runtime = self.runtime().get_unattended();
        PrefetchGuard { _timer: runtime.after(delay, move || client.prefetch(&query)) }
    }
}

impl<A: App> Context<A> {
    /// Loads a query behind the caller's back, unless the tree has its answer, or it is fresh or being loaded. The load
    /// belongs to nobody: it goes on when the tree is cancelled.
    ///
    /// It is a load into the cache that all share; so a tree that is kept from the cache, that was given answers or has
    /// replacements prefetches nothing. Nor does one that is cancelled.
    ///
    /// Otherwise as [`Client::prefetch`].
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
    pub fn prefetch<Q: Fetch<A>>(&self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        Asker::of(&self.0).prefetch(query);
    }

    /// [`prefetch`](Self::prefetch) for several queries at the same time; as [`Client::prefetch_all`].
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
    pub fn prefetch_all(&self, queries: impl Prefetch<A>) -> Prefetched {
        Crew::start(Asker::of(&self.0), queries)
    }

    /// [`prefetch`](Self::prefetch) when `delay` has passed, unless the guard is dropped before; as
    /// [`Client::prefetch_after`]. What the tree may do counts when the time has come.
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
    pub fn prefetch_after<Q: Fetch<A>>(&self, query: &Q, delay: Duration) -> PrefetchGuard
    where
        A::Registry: Holds<Q>,
    {
        let (context, query) = (self.clone(), query.clone());
        let runtime = self.client().runtime().get_unattended();
        PrefetchGuard { _timer: runtime.after(delay, move || context.prefetch(&query)) }
    }
}

/// Queries that can be prefetched together: a tuple of references to one up to twelve queries, or a reference to a slice,
/// an array or a vector of queries of one type.
pub trait Prefetch<A: App>: Several<A> {}

impl<A: App, S: Several<A>> Prefetch<A> for S {}

/// The loads of several queries, which go on by themselves. May be dropped without effect on them.
pub struct Prefetched {
    loads: Vec<Load>,
    /// That of the load which prefetches.
    slot: Option<Arc<LoadSlot>>,
}

/// Ends when a load does.
type Load = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Prefetched {
    /// Waits until all loads have ended, whatever they came to; for a [`Context`] also until it is cancelled. Does not
    /// wait for loads that wait for the one that prefetches.
    ///
    /// # Cancellation
    /// May be dropped at any time. The loads go on.
    pub async fn done(self) {
        let ends = async {
            for load in self.loads {
                load.await;
            }
        };
        while_lent(self.slot, ends).await;
    }
}

impl Debug for Prefetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefetched").field("loads", &self.loads.len()).finish()
    }
}

/// A prefetch that is to come. Dropped before its time, it calls the prefetch off; later it does nothing.
#[derive(Debug)]
#[must_use = "a prefetch whose guard is dropped does not begin"]
pub struct PrefetchGuard {
    _timer: Timer,
}
