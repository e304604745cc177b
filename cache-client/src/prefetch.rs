//! Loads queries before they are needed: one query, several, or one after a delay.

use std::fmt::{self, Debug};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use cache_core::Holds;

use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::concurrency::{LoadSlot, while_lent};
use crate::context::{Access, Context, ContextEnd};
use crate::error::OptionsError;
use crate::fetch::Fetch;
use crate::flight::state::Flight;
use crate::flight::wait_graph::{FlightId, WaitEdge, WaitGraph};
use crate::plan::{Planned, Verdict};
use crate::query::caller::Caller;
use crate::query::set::{QueryList, QuerySet};
use crate::runtime::{ClientRuntime, Timer};
use crate::telemetry;

impl<A: App> Client<A> {
    /// Loads a query in the background, unless it is fresh or being loaded.
    ///
    /// The load has begun when this returns. The result may be dropped or [awaited](Prefetched::done). The answer is
    /// kept for at least the time of the option [`keep_prefetched`](cache_core::LoadingOptions::keep_prefetched)
    /// (default: 5 s), even by a table that keeps nothing by itself. Errors go to
    /// [`refresh_error`](Self::refresh_error). Invalid options are also an event of `tracing`, at level `WARN`. A query
    /// whose strategy stores or loads nothing is not loaded.
    ///
    /// # Panics
    /// If neither the client nor the caller has a [runtime](crate::guide::runtimes).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let title = client.prefetch(&GetTitle { id: 1 });
    /// let feed = client.prefetch(&GetFeed);
    /// title.and(feed).done().await;
    /// assert!(client.cached(&GetTitle { id: 1 }).is_some());
    /// assert!(client.cached(&GetFeed).is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefetch<Q: Fetch<A>>(&self, query: &Q) -> Prefetched
    where
        A::Registry: Holds<Q>,
    {
        let caller = Caller::without_context(self);
        caller.prefetched(caller.prefetch(query).into_iter().collect())
    }

    /// Loads a query in the background, even if it is fresh. Readers get the current value until the new one is stored.
    /// Joins a load that is running, so that many calls at once share one load.
    ///
    /// Otherwise as [`prefetch`](Self::prefetch). To wait for the new value instead, use the strategy
    /// [`Refresh`](cache_core::Strategy::Refresh). If the current value must not be served any more, use
    /// [`invalidate`](Self::invalidate).
    ///
    /// # Panics
    /// If neither the client nor the caller has a [runtime](crate::guide::runtimes).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.app().rename(1, "Uno");
    /// let update = client.update(&GetTitle { id: 1 });
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One");
    /// update.done().await;
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "Uno");
    /// # Ok(())
    /// # }
    /// ```
    pub fn update<Q: Fetch<A>>(&self, query: &Q) -> Prefetched
    where
        A::Registry: Holds<Q>,
    {
        let caller = Caller::without_context(self);
        caller.prefetched(caller.update(query).into_iter().collect())
    }

    /// Loads several queries in the background at the same time, as [`prefetch`](Self::prefetch) loads one: a slice of
    /// one query type, or a tuple of different queries.
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.prefetch_all(&[GetTitle { id: 1 }, GetTitle { id: 2 }]).done().await;
    /// assert_eq!(*client.cached(&GetTitle { id: 2 }).unwrap(), "Two");
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefetch_all<S: QuerySet<A>>(&self, queries: S) -> Prefetched {
        Caller::without_context(self).prefetch_all(&queries.__list())
    }

    /// Loads a query in the background after `delay`, as [`prefetch`](Self::prefetch) does, unless the guard is dropped
    /// first.
    ///
    /// For queries that are likely to be needed, such as that of a link under the pointer. Once the load has begun, it
    /// continues without the guard. Until then, a task keeps the client alive.
    ///
    /// # Panics
    /// If neither the client nor the caller has a [runtime](crate::guide::runtimes).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let stays = client.prefetch_after(&GetTitle { id: 1 }, Duration::from_millis(200));
    /// let leaves = client.prefetch_after(&GetTitle { id: 2 }, Duration::from_millis(200));
    /// drop(leaves);
    ///
    /// tokio::time::sleep(Duration::from_secs(1)).await;
    /// assert!(client.cached(&GetTitle { id: 1 }).is_some());
    /// assert!(client.cached(&GetTitle { id: 2 }).is_none());
    /// # drop(stays);
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefetch_after<Q: Fetch<A>>(&self, query: &Q, delay: Duration) -> PrefetchGuard
    where
        A::Registry: Holds<Q>,
    {
        let (client, query) = (self.clone(), query.clone());
        let runtime = self.runtime().get_unattended();
        PrefetchGuard { _timer: runtime.after(delay, move || drop(client.prefetch(&query))) }
    }
}

impl<A: App> Context<A> {
    /// Loads a query in the background, unless the tree has its answer, or it is fresh or being loaded. The load does
    /// not belong to the tree: it continues when the tree is cancelled.
    ///
    /// The answer goes into the shared cache. So a tree that bypasses the cache or has answers of its own prefetches
    /// nothing. Nor does a cancelled tree.
    ///
    /// Otherwise like [`Client::prefetch`].
    ///
    /// # Panics
    /// If neither the client nor the caller has a [runtime](crate::guide::runtimes).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// let next = cx.prefetch(&GetTitle { id: 2 });
    /// let title = cx.query(&GetTitle { id: 1 }).await?;
    /// next.done().await;
    /// assert_eq!(*cx.cached(&GetTitle { id: 2 }).unwrap(), "Two");
    /// # assert_eq!(*title, "One");
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefetch<Q: Fetch<A>>(&self, query: &Q) -> Prefetched
    where
        A::Registry: Holds<Q>,
    {
        let caller = Caller::of(&self.0);
        caller.prefetched(caller.prefetch(query).into_iter().collect())
    }

    /// Loads several queries in the background at the same time, as [`prefetch`](Self::prefetch) loads one: a slice of
    /// one query type, or a tuple of different queries.
    ///
    /// # Panics
    /// If neither the client nor the caller has a [runtime](crate::guide::runtimes).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts");
    /// cx.prefetch_all(&[GetTitle { id: 1 }, GetTitle { id: 2 }]).done().await;
    /// assert_eq!(*cx.cached(&GetTitle { id: 2 }).unwrap(), "Two");
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefetch_all<S: QuerySet<A>>(&self, queries: S) -> Prefetched {
        Caller::of(&self.0).prefetch_all(&queries.__list())
    }

    /// Loads a query in the background after `delay`, as [`Client::prefetch_after`] does, unless the guard is dropped
    /// first.
    ///
    /// Whether the tree may prefetch is decided after the delay.
    ///
    /// # Panics
    /// If neither the client nor the caller has a [runtime](crate::guide::runtimes).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// let guard = cx.prefetch_after(&GetTitle { id: 2 }, Duration::from_millis(200));
    /// cx.cancel();
    ///
    /// tokio::time::sleep(Duration::from_secs(1)).await;
    /// assert!(client.cached(&GetTitle { id: 2 }).is_none());
    /// # drop(guard);
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefetch_after<Q: Fetch<A>>(&self, query: &Q, delay: Duration) -> PrefetchGuard
    where
        A::Registry: Holds<Q>,
    {
        let (context, query) = (self.clone(), query.clone());
        let runtime = self.client().runtime().get_unattended();
        PrefetchGuard { _timer: runtime.after(delay, move || drop(context.prefetch(&query))) }
    }
}

impl<A: App> Caller<'_, A> {
    fn prefetch_all(&self, queries: &QueryList<'_, A>) -> Prefetched {
        self.prefetched(queries.0.iter().filter_map(|&query| self.prefetch(query)).collect())
    }

    /// Loads a query in the background, unless there is no need. Returns the load, if there is one.
    fn prefetch(&self, query: &dyn AnyQuery<A>) -> Option<Arc<Flight>> {
        let access = self.access();
        let needs_none = self.node().is_some_and(|node| node.has_ended() || node.answer(query).is_some());
        if access.is_private || needs_none {
            return None;
        }
        let plan = self.plan_in_background(query, access)?;
        let loads = match self.read_and_judge(query, &plan, false) {
            Some((_, Verdict::Fresh)) => return None,
            Some((_, Verdict::Ending)) => true,
            _ => false,
        };
        self.load_in_background(query, &plan.shared(), loads).map(|load| load.flight)
    }

    /// Loads a query in the background, unless its strategy stores nothing. Returns the load, if there is one.
    fn update(&self, query: &dyn AnyQuery<A>) -> Option<Arc<Flight>> {
        let plan = self.plan_in_background(query, self.access())?;
        self.load_in_background(query, &plan.shared(), true).map(|load| load.flight)
    }

    /// The options of a load in the background. `None` if they are invalid, which is reported, or if nothing is stored.
    fn plan_in_background(&self, query: &dyn AnyQuery<A>, access: Access) -> Option<Planned<'_>> {
        match self.planned(query, None, access) {
            Ok(plan) => (plan.stores() && !plan.never_loads()).then_some(plan),
            Err(error) => {
                self.report_options(query, error);
                None
            }
        }
    }

    /// Reports a query that is not loaded because its options are invalid.
    fn report_options(&self, query: &dyn AnyQuery<A>, error: OptionsError) {
        telemetry::prefetch_refused(&error);
        let watch = query.watch(self.client().cache(), None);
        self.client().state_of(query).errors.note(query.to_query(), watch, error.into(), None);
    }

    fn prefetched(&self, flights: Vec<Arc<Flight>>) -> Prefetched {
        if flights.is_empty() {
            return Prefetched { loads: Vec::new(), slot: None };
        }
        let context = self.context(self.access());
        let load =
            context.as_ref().and_then(|node| Some((Arc::clone(node.client.wait_graph()), node.flight?)));
        let runtime = Arc::clone(self.client().runtime());
        let slot = context.and_then(|node| node.slot.clone());
        let loads = flights.into_iter();
        let loads = loads.map(|flight| PrefetchedLoad {
            flight,
            load: load.clone(),
            end: self.node().map(|node| node.end()),
            runtime: Arc::clone(&runtime),
        });
        Prefetched { loads: loads.collect(), slot }
    }
}

/// The loads of prefetched queries. They continue when this is dropped.
pub struct Prefetched {
    loads: Vec<PrefetchedLoad>,
    /// The slot of the load that made the prefetch.
    slot: Option<Arc<LoadSlot>>,
}

/// A load that was started by a prefetch, with what is needed to wait for its end.
struct PrefetchedLoad {
    flight: Arc<Flight>,
    /// The load that made the prefetch, if there is one.
    load: Option<(Arc<WaitGraph>, FlightId)>,
    /// Ends the wait with the context.
    end: Option<ContextEnd>,
    runtime: Arc<ClientRuntime>,
}

impl Prefetched {
    /// Waits until all loads have ended, whether or not they failed. For a [`Context`], waits at most until it is
    /// cancelled. Does not wait for loads that wait for the load that made the prefetch.
    ///
    /// # Cancellation
    /// May be dropped at any time. The loads continue.
    pub async fn done(self) {
        let ends = async {
            for load in self.loads {
                load.ended().await;
            }
        };
        while_lent(self.slot, ends).await;
    }

    /// Combines two results, so that their loads can be awaited together.
    pub fn and(mut self, other: Self) -> Self {
        self.loads.extend(other.loads);
        Self { slot: self.slot.or(other.slot), ..self }
    }
}

impl PrefetchedLoad {
    /// Waits for the end of the load without being one of its waiters, so that the load still counts as one without
    /// callers.
    async fn ended(self) {
        let Self { flight, load, end, runtime } = self;
        let _edge = match load.map(|(graph, id)| WaitEdge::begin(&graph, id, flight.id)) {
            Some(None) => return,
            edge => edge,
        };
        let cancelled = async {
            match &end {
                Some(end) => end.reached().await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = cancelled => {}
            _ = flight.landed() => {}
            () = flight.runtime.until_idle(&runtime) => {}
        }
    }
}

impl Debug for Prefetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefetched").field("loads", &self.loads.len()).finish()
    }
}

/// A scheduled prefetch. Dropping it before the delay has passed cancels the prefetch; dropping it later has no effect.
#[derive(Debug)]
#[must_use = "a prefetch whose guard is dropped does not begin"]
pub struct PrefetchGuard {
    _timer: Timer,
}
