//! The handle of a client, and what all its clones share. The modules of the operations add their methods to it.

pub(crate) mod builder;
mod extension;

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use cache_core::{Cache, LoadingOptions, Strategy};
use foldhash::fast::RandomState;

use crate::app::App;
use crate::breaker::Breakers;
use crate::breaker::options::BreakerState;
use crate::concurrency::ConcurrencyLimit;
use crate::error::OptionsError;
use crate::extension::Extensions;
use crate::flight::wait_graph::{FlightId, WaitGraph};
use crate::inspect::report::Section;
use crate::layer::registry::LayerRegistry;
use crate::mutate::order::WriteOrder;
use crate::mutate::scope::Scopes;
use crate::notes::AnyStoreSteps;
use crate::plan::Plan;
use crate::presence::Presence;
use crate::provider::tier::Tier;
use crate::query_state::QueryStates;
use crate::runtime::ClientRuntime;
use crate::shared;
use crate::telemetry::Telemetry;

/// Reports on a part of a client, with at most this many rows. Called without locks.
pub(crate) type SectionOf<A> = fn(&Client<A>, usize) -> Section;

/// Loads what the cache does not have. Concurrent requests for a key share one load.
///
/// Cheap to clone; all clones are the same client. All methods may be called from any thread.
pub struct Client<A: App>(Arc<Shared<A>>);

pub(crate) struct Shared<A: App> {
    app: A,
    cache: Cache<A::Registry>,
    /// Options of single queries, by type.
    settings: HashMap<TypeId, LoadingOptions, RandomState>,
    defaults: LoadingOptions,
    /// Options of all queries with a strategy.
    strategy_defaults: HashMap<Strategy, LoadingOptions, RandomState>,
    /// The resolved options of calls without options of their own, by the index of the query's table.
    plans: Box<[PlanOfQuery]>,
    /// Whether there are neither settings nor defaults.
    has_no_options: bool,
    query_states: QueryStates,
    layers: LayerRegistry,
    breakers: Breakers,
    runtime: Arc<ClientRuntime>,
    wait_graph: Arc<WaitGraph>,
    scopes: Arc<Scopes>,
    write_order: WriteOrder<Client<A>>,
    /// The second tier, below the cache.
    tier: Option<Arc<Tier>>,
    /// The tier that several machines share.
    shared_tier: Option<Box<shared::Shared>>,
    /// How many loads may run at once.
    concurrency: Option<u32>,
    limit: Option<Arc<ConcurrencyLimit>>,
    flights: AtomicU64,
    telemetry: Telemetry,
    presence: Presence,
    /// Nothing more is loaded in the background.
    is_shut_down: AtomicBool,
    extensions: Extensions,
    steps: AnyStoreSteps,
    /// Parts of its report, by crates on top of the client.
    sections: Vec<SectionOf<A>>,
}

/// A handle that does not keep the client.
pub(crate) struct WeakClient<A: App>(Weak<Shared<A>>);

impl<A: App> WeakClient<A> {
    pub(crate) fn upgrade(&self) -> Option<Client<A>> {
        self.0.upgrade().map(Client)
    }
}

pub(crate) type PlanOfQuery = OnceLock<Result<Arc<Plan>, OptionsError>>;

impl<A: App> Client<A> {
    /// Returns the program's own state.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// assert_eq!(client.app().loads(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn app(&self) -> &A {
        &self.0.app
    }

    /// Returns the cache that the client works on. A write, mark, removal or clear there retires the loads of the keys
    /// concerned: callers that wait get the results, which are not stored. Observers see it like any other change.
    ///
    /// Keys of [shared](crate::shared) queries that are written or removed there are told to other machines, after they
    /// can be seen here and without waiting. [`change`](Self::change) tells them first. Marks and clears are not told.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.cache().insert(GetTitle { id: 9 }, "Nine".to_owned());
    /// assert_eq!(*client.query(&GetTitle { id: 9 }).await?, "Nine");
    /// assert_eq!(client.app().loads(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cache(&self) -> &Cache<A::Registry> {
        &self.0.cache
    }

    /// Returns the state of a circuit breaker. The breaker of a single query has the name of the query. `None` if the
    /// breaker has not been used yet, and the client was built without options for it.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let client = Client::builder(blog_cache(), Blog::new())
    ///     .query::<GetTitle>(|options| options.breaker("blog"))
    ///     .breaker("blog", BreakerOptions::new().failures(1))
    ///     .build();
    /// assert!(matches!(client.breaker_state("blog"), Some(BreakerState::Closed)));
    ///
    /// assert!(client.query(&GetTitle { id: 404 }).await.is_err());
    /// assert!(matches!(client.breaker_state("blog"), Some(BreakerState::Open { .. })));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn breaker_state(&self, name: &str) -> Option<BreakerState> {
        self.0.breakers.state(name)
    }

    /// Returns how often the provider failed so far: calls that failed, panicked or timed out, and entries that are
    /// damaged or cannot be written. Each is also an event of `tracing` at level `WARN`. 0 without a provider.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # use cache_core::BoxError;
    /// struct Broken;
    ///
    /// impl Provider for Broken {
    ///     async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, BoxError> { Err("no connection".into()) }
    ///     # async fn set(&self, _: &str, _: Vec<u8>, _: Duration) -> Result<(), BoxError> { Ok(()) }
    ///     # async fn remove(&self, _: &str) -> Result<(), BoxError> { Ok(()) }
    /// }
    ///
    /// let client = Client::builder(blog_cache(), Blog::new()).provider(Broken).build();
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One");
    /// assert_eq!(client.provider_errors(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn provider_errors(&self) -> u64 {
        self.tier().map_or(0, |tier| tier.errors.count())
    }

    /// Returns how the client stands to its [shared tier](crate::shared). `None` without one.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// use cache_client::shared::{SharedTier, SimTier};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let tier = SharedTier::builder(SimTier::new()).connect().await?;
    /// let client = Client::builder(blog_cache(), Blog::new()).shared(tier).build();
    /// tokio::time::sleep(Duration::from_millis(100)).await;
    /// let state = client.shared_state().unwrap();
    /// assert!(state.is_usable && state.lag < Some(Duration::from_secs(1)));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn shared_state(&self) -> Option<shared::SharedState> {
        self.shared_tier().map(shared::Shared::state)
    }

    /// Ends the work of the client in an orderly way, before the program ends: nothing is polled or loaded in the background
    /// any more, and the [shared tier](crate::shared) gets what it has to know. The client gives up its leases, so that
    /// other machines need not wait for them, and sends the drops that it could not send before. Takes at most `limit`.
    ///
    /// Queries still work. They load without the shared tier.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let report = client.shutdown(Duration::from_secs(5)).await;
    /// assert!(report.is_complete());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn shutdown(&self, limit: Duration) -> shared::ShutdownReport {
        self.set_active(false);
        self.0.is_shut_down.store(true, Ordering::Release);
        match self.shared_tier() {
            Some(tier) => tier.shutdown(limit).await,
            None => shared::ShutdownReport::default(),
        }
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.0.is_shut_down.load(Ordering::Acquire)
    }

    /// Tells the client whether its data is visible to anybody, such as in a window in the foreground. An inactive
    /// client does not poll. When it becomes active again, it loads each observed key once if the key is stale or
    /// observed with `poll`. A new client is active.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let observer = client.observe_with(&GetTitle { id: 1 }, |options| options.poll(Duration::from_secs(10)));
    /// client.set_active(false);
    /// tokio::time::sleep(Duration::from_secs(60)).await;
    /// assert_eq!(client.app().loads(), 1, "only the first load");
    ///
    /// client.set_active(true);
    /// tokio::time::sleep(Duration::from_secs(1)).await;
    /// assert_eq!(client.app().loads(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_active(&self, is_active: bool) {
        self.0.presence.change(|state| state.is_active = is_active);
    }

    /// Sets whether the source of the loads can be reached. While it cannot, loads, retries and polls pause instead of
    /// failing: a call that has to load waits, and a load that fails now is loaded again later. When the client is
    /// online again, they continue, and each observed key is loaded once if it is stale or observed with `poll`. A new
    /// client is online. Mutations and [sources](crate::Source) are not affected.
    ///
    /// See the page on [runtimes, sleep and offline use](crate::guide::runtimes#offline).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.set_online(false);
    /// let observer = client.observe(&GetTitle { id: 1 });
    /// tokio::time::sleep(Duration::from_secs(60)).await;
    /// assert!(observer.state().is_pending());
    /// assert_eq!(client.app().loads(), 0);
    ///
    /// client.set_online(true);
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_online(&self, is_online: bool) {
        self.0.presence.change(|state| state.is_online = is_online);
    }

    /// Returns whether the client is online, as set by [`set_online`](Self::set_online).
    #[must_use]
    pub fn is_online(&self) -> bool {
        !self.0.presence.is_offline()
    }

    /// Returns whether both are handles of the same client.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A handle that does not keep the client.
    pub(crate) fn downgrade(&self) -> WeakClient<A> {
        WeakClient(Arc::downgrade(&self.0))
    }

    pub(crate) fn presence(&self) -> &Presence {
        &self.0.presence
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    pub(crate) fn sections(&self) -> &[SectionOf<A>] {
        &self.0.sections
    }

    pub(crate) fn steps(&self) -> &AnyStoreSteps {
        &self.0.steps
    }

    #[inline]
    pub(crate) fn settings(&self, query: TypeId) -> LoadingOptions {
        match self.0.settings.is_empty() {
            true => LoadingOptions::new(),
            false => self.0.settings.get(&query).copied().unwrap_or_default(),
        }
    }

    /// Whether the client was built without options.
    #[inline]
    pub(crate) fn has_no_options(&self) -> bool {
        self.0.has_no_options
    }

    /// The resolved options of calls without options of their own, for the query of a table. The first call resolves
    /// them.
    #[inline]
    pub(crate) fn plan_of(&self, table: usize) -> &PlanOfQuery {
        &self.0.plans[table]
    }

    #[inline]
    pub(crate) fn defaults(&self) -> LoadingOptions {
        self.0.defaults
    }

    /// The options of all queries with a strategy.
    pub(crate) fn defaults_for(&self, strategy: Strategy) -> LoadingOptions {
        self.0.strategy_defaults.get(&strategy).copied().unwrap_or_default()
    }

    pub(crate) fn query_states(&self) -> &QueryStates {
        &self.0.query_states
    }

    #[inline]
    pub(crate) fn layers(&self) -> &LayerRegistry {
        &self.0.layers
    }

    pub(crate) fn breakers(&self) -> &Breakers {
        &self.0.breakers
    }

    #[inline]
    pub(crate) fn runtime(&self) -> &Arc<ClientRuntime> {
        &self.0.runtime
    }

    #[inline]
    pub(crate) fn telemetry(&self) -> Telemetry {
        self.0.telemetry
    }

    pub(crate) fn tier(&self) -> Option<&Arc<Tier>> {
        self.0.tier.as_ref()
    }

    /// The tier that several machines share, if the client has one.
    #[inline]
    pub(crate) fn shared_tier(&self) -> Option<&shared::Shared> {
        self.0.shared_tier.as_deref()
    }

    pub(crate) fn wait_graph(&self) -> &Arc<WaitGraph> {
        &self.0.wait_graph
    }

    pub(crate) fn scopes(&self) -> &Arc<Scopes> {
        &self.0.scopes
    }

    pub(crate) fn write_order(&self) -> &WriteOrder<Self> {
        &self.0.write_order
    }

    /// How many loads may run at once, as set by the builder.
    pub(crate) fn concurrency(&self) -> Option<u32> {
        self.0.concurrency
    }

    /// The limit of all loads of the client.
    pub(crate) fn limit(&self) -> Option<Arc<ConcurrencyLimit>> {
        self.0.limit.clone()
    }

    pub(crate) fn next_flight(&self) -> FlightId {
        FlightId(self.0.flights.fetch_add(1, Ordering::Relaxed))
    }
}

impl<A: App> Clone for Client<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: App> Debug for Client<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("cache", &self.0.cache).finish_non_exhaustive()
    }
}
