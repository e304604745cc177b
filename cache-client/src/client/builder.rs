//! Building a client: options for all queries, and for single ones.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_core::{Cache, LoadingOptions, Registry, Strategy};
use foldhash::fast::RandomState;
use tokio::runtime::Handle;

use super::{Client, SectionOf, Shared};
use crate::app::App;
use crate::breaker::Breakers;
use crate::breaker::options::BreakerOptions;
use crate::concurrency::ConcurrencyLimit;
use crate::error::{ClientBuildError, OptionsError};
use crate::extension::Extensions;
use crate::fetch::Fetch;
use crate::flight::wait_graph::WaitGraph;
use crate::inspect::report::Section;
use crate::layer::registry::LayerRegistry;
use crate::mutate::order::WriteOrder;
use crate::notes::AnyStoreSteps;
use crate::plan::{OptionProblem, check_concurrency, check_of_strategy, check_values};
use crate::presence::Presence;
use crate::provider::Provider;
use crate::provider::tier::{TIMEOUT, Tier};
use crate::query_state::QueryStates;
use crate::runtime::ClientRuntime;
use crate::shared::{self, ClientClock, SharedTier};
use crate::store_step::{self, AnswerStore, Start, Step};
use crate::telemetry::{self, Telemetry};

/// Configures a client. Created by [`Client::builder`].
#[must_use]
pub struct ClientBuilder<A: App> {
    app: A,
    cache: Cache<A::Registry>,
    settings: HashMap<TypeId, Setting, RandomState>,
    defaults: LoadingOptions,
    strategy_defaults: HashMap<Strategy, LoadingOptions, RandomState>,
    breakers: HashMap<&'static str, BreakerOptions, RandomState>,
    traces_keys: bool,
    tier: Option<Tier>,
    provider_timeout: Duration,
    shared: Option<SharedTier>,
    runtime: Option<Handle>,
    concurrency: Option<u32>,
    steps: AnyStoreSteps,
    built: Vec<fn(&Client<A>)>,
    sections: Vec<SectionOf<A>>,
}

/// Options of one query.
struct Setting {
    /// Name of the query.
    query: &'static str,
    derived: LoadingOptions,
    options: LoadingOptions,
}

impl<A: App> Client<A> {
    /// Starts to configure a client over a cache, with the program's own state.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
    /// let client = Client::builder(cache, Blog::new()).concurrency(100).build();
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One");
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(cache: Cache<A::Registry>, app: A) -> ClientBuilder<A> {
        ClientBuilder::new(cache, app)
    }
}

impl<A: App> ClientBuilder<A> {
    fn new(cache: Cache<A::Registry>, app: A) -> Self {
        Self {
            app,
            cache,
            settings: HashMap::default(),
            defaults: LoadingOptions::new(),
            strategy_defaults: HashMap::default(),
            breakers: HashMap::default(),
            traces_keys: false,
            tier: None,
            provider_timeout: TIMEOUT,
            shared: None,
            runtime: None,
            concurrency: None,
            steps: AnyStoreSteps::default(),
            built: Vec::new(),
            sections: Vec::new(),
        }
    }

    /// Changes the options of one query. They override those it was derived with. `change` receives empty options, or
    /// those of the previous call for the same query. Invalid options are errors of the calls they apply to, or of
    /// [`try_build`](Self::try_build).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let client = Client::builder(blog_cache(), Blog::new())
    ///     .query::<GetTitle>(|options| options.strategy(Strategy::NetworkOnly))
    ///     .build();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.query(&GetTitle { id: 1 }).await?;
    /// assert_eq!(client.app().loads(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn query<Q: Fetch<A>>(mut self, change: impl FnOnce(LoadingOptions) -> LoadingOptions) -> Self {
        let new = || Setting { query: Q::NAME, derived: Q::LOADING, options: LoadingOptions::new() };
        let setting = self.settings.entry(TypeId::of::<Q>()).or_insert_with(new);
        setting.options = change(setting.options);
        self
    }

    /// Changes the options of all queries. The options that a query was derived with, and the times of its table,
    /// override them.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let client = Client::builder(blog_cache(), Blog::new())
    ///     .defaults(|options| options.error_ttl(Duration::from_secs(10)))
    ///     .build();
    /// assert!(client.query(&GetTitle { id: 404 }).await.is_err());
    /// assert!(client.query(&GetTitle { id: 404 }).await.is_err());
    /// assert_eq!(client.app().loads(), 1, "the error is remembered");
    /// # Ok(())
    /// # }
    /// ```
    pub fn defaults(mut self, change: impl FnOnce(LoadingOptions) -> LoadingOptions) -> Self {
        self.defaults = change(self.defaults);
        self
    }

    /// Changes the options of all queries with one strategy, even if a call chooses that strategy. Options of a call,
    /// of a query and of its table override them; they override the [defaults](Self::defaults) of all queries. `change`
    /// gets empty options, or those of the last call for the same strategy.
    ///
    /// So each strategy can have the times that it needs. If the strategy of a query still lacks one, calls of the
    /// query fail before anything is read or loaded. The strategy itself and `concurrency` cannot be set here.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let minute = Duration::from_secs(60);
    /// let client = Client::builder(blog_cache(), Blog::new())
    ///     .defaults_for(Strategy::StaleWhileRevalidate, |options| options.swr(minute))
    ///     .build();
    /// let swr = Strategy::StaleWhileRevalidate;
    /// assert!(client.query_with(&GetTitle { id: 1 }, |options| options.strategy(swr)).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn defaults_for(
        mut self,
        strategy: Strategy,
        change: impl FnOnce(LoadingOptions) -> LoadingOptions,
    ) -> Self {
        let options = self.strategy_defaults.entry(strategy).or_default();
        *options = change(*options);
        self
    }

    /// Sets when a circuit breaker opens, and for how long. Queries choose a breaker by the option
    /// [`breaker`](LoadingOptions::breaker). The breaker of a single query has the name of the query. The last call for
    /// a name wins.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let client = Client::builder(blog_cache(), Blog::new())
    ///     .query::<GetTitle>(|options| options.breaker("blog"))
    ///     .breaker("blog", BreakerOptions::new().failures(2))
    ///     .build();
    /// for id in [404, 405] {
    ///     assert!(client.query(&GetTitle { id }).await.is_err());
    /// }
    /// let error = client.query(&GetTitle { id: 1 }).await.unwrap_err();
    /// assert!(matches!(error, QueryError::CircuitOpen { .. }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn breaker(mut self, name: &'static str, options: BreakerOptions) -> Self {
        self.breakers.insert(name, options);
        self
    }

    /// Sets whether all spans and events about a key have the key as a field, formatted by its `Debug`; `(secret)` if
    /// its query is derived with `secret`. By default only the event `failed` has it. See [`telemetry`].
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # use std::fmt::{self, Debug};
    /// # use tracing::field::{Field, Visit};
    /// # use tracing::span::{Attributes, Id};
    /// # use tracing_subscriber::layer::{Context as LayerContext, SubscriberExt};
    /// # #[derive(Clone, Default)]
    /// # struct Keys(Arc<Mutex<Vec<String>>>);
    /// # impl Visit for Keys {
    /// #     fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
    /// #         if field.name() == "key" { self.0.lock().unwrap().push(format!("{value:?}")) }
    /// #     }
    /// # }
    /// # impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Keys {
    /// #     fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: LayerContext<'_, S>) {
    /// #         span.record(&mut self.clone());
    /// #     }
    /// # }
    /// # let keys = Keys::default();
    /// # let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(keys.clone()));
    /// # let traced_keys = || keys.0.lock().unwrap().clone();
    /// let client = Client::builder(blog_cache(), Blog::new()).trace_keys(true).build();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// assert!(traced_keys().contains(&"GetTitle { id: 1 }".to_owned()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn trace_keys(mut self, traces_keys: bool) -> Self {
        self.traces_keys = traces_keys;
        self
    }

    /// Also keeps the answers to queries derived with `persist` in a provider, below the cache. The last call wins.
    ///
    /// From now on the cache records which entries of these queries change. This costs 8 KiB per query.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let provider = Arc::new(MemoryProvider::new(1_000));
    /// let client = |blog| Client::builder(blog_cache(), blog).provider(Arc::clone(&provider)).build();
    /// let first = client(Blog::new());
    /// first.query(&GetTitle { id: 1 }).await?;
    /// # while provider.is_empty() { tokio::task::yield_now().await }
    ///
    /// // After a restart:
    /// let second = client(Blog::new());
    /// assert_eq!(*second.query(&GetTitle { id: 1 }).await?, "One");
    /// assert_eq!(second.app().loads(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn provider(mut self, provider: impl Provider) -> Self {
        self.tier = Some(Tier::new(provider));
        self
    }

    /// Sets how long a call to the provider may take before it counts as failed. Default: 250 ms. A miss waits that
    /// long if the provider hangs. No caller waits for a write. Writes and removals of a key wait for each other for at
    /// most that long.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # use cache_core::BoxError;
    /// struct Hangs;
    ///
    /// impl Provider for Hangs {
    ///     async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, BoxError> { std::future::pending().await }
    ///     # async fn set(&self, _: &str, _: Vec<u8>, _: Duration) -> Result<(), BoxError> { Ok(()) }
    ///     # async fn remove(&self, _: &str) -> Result<(), BoxError> { Ok(()) }
    /// }
    ///
    /// let client = Client::builder(blog_cache(), Blog::new())
    ///     .provider(Hangs)
    ///     .provider_timeout(Duration::from_millis(50))
    ///     .build();
    /// let start = tokio::time::Instant::now();
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One");
    /// assert!(start.elapsed() < Duration::from_millis(100));
    /// # Ok(())
    /// # }
    /// ```
    pub fn provider_timeout(mut self, timeout: Duration) -> Self {
        self.provider_timeout = timeout;
        self
    }

    /// Shares the answers to queries derived with `share` with other machines, by a [shared tier](crate::shared). The last
    /// call wins.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// use cache_client::shared::{SharedTier, SimTier};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let tier = SharedTier::builder(SimTier::new()).connect().await?;
    /// let client = Client::builder(blog_cache(), Blog::new()).shared(tier).build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn shared(mut self, tier: SharedTier) -> Self {
        self.shared = Some(tier);
        self
    }

    /// Sets the runtime on which loads and the tasks of observers run. The default is the runtime in which
    /// [`build`](Self::build) is called. Without one, each caller's own runtime is used.
    ///
    /// With a multi-threaded runtime, queries may be awaited on any runtime, or on none. When the runtime has ended, or
    /// has run nothing for a second, callers on other runtimes load on their own. See the [page on
    /// runtimes](crate::guide::runtimes).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # fn main() -> Result<(), Box<dyn Error>> {
    /// let background = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    /// let client = Client::builder(blog_cache(), Blog::new()).runtime(background.handle().clone()).build();
    ///
    /// let short = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// assert_eq!(*short.block_on(client.query(&GetTitle { id: 1 }))?, "One");
    /// # Ok(())
    /// # }
    /// ```
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Replaces the store of all answers that are a `V`: of loads, found in the provider, and pushed by
    /// [`Changes`](crate::Changes). `step` gets the answer and its commit, and returns the value to be stored. It works
    /// like the step of a [single load](crate::Context::store_with), which takes precedence over it. In a commit of
    /// `Changes`, hooks run as usual. The last step for a type counts.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let client = Client::builder(blog_cache(), Blog::new())
    ///     .store_with(|feed: Arc<Feed>, store| {
    ///         for &id in &feed.0 {
    ///             store.fill(GetTitle { id }, format!("Post {id}"), cache_core::EntryTimes::new());
    ///         }
    ///         feed
    ///     })
    ///     .build();
    /// client.query(&GetFeed).await?;
    /// assert_eq!(*client.cached(&GetTitle { id: 3 }).unwrap(), "Post 3");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(hidden)]
    pub fn store_with<V: Send + Sync + 'static>(
        mut self,
        step: impl Fn(Arc<V>, &mut AnswerStore<'_, A>) -> Arc<V> + Send + Sync + 'static,
    ) -> Self {
        let step: Step<A> = store_step::step(step, None);
        self.steps.insert(TypeId::of::<V>(), Arc::new(step));
        self
    }

    /// Works as [`store_with`](Self::store_with). `start` is called whenever an attempt to load such an answer begins. The
    /// step gets what it returns, by [`AnswerStore::started`]. It is dropped when the answer is stored, or the load ends
    /// without one.
    #[doc(hidden)]
    pub fn started_with<V: Send + Sync + 'static, T: Send + Sync + 'static>(
        mut self,
        start: impl Fn(&Client<A>) -> T + Send + Sync + 'static,
        step: impl Fn(Arc<V>, &mut AnswerStore<'_, A>) -> Arc<V> + Send + Sync + 'static,
    ) -> Self {
        let start: Start<A> = Box::new(move |client| Arc::new(start(client)));
        let step: Step<A> = store_step::step(step, Some(start));
        self.steps.insert(TypeId::of::<V>(), Arc::new(step));
        self
    }

    /// Calls `built` with the client as soon as it is built, before the program has it.
    #[doc(hidden)]
    pub fn built_with(mut self, built: fn(&Client<A>)) -> Self {
        self.built.push(built);
        self
    }

    /// Adds a section to [`Client::inspect`]. `section` gets the number of rows that it may list, and must visit no more
    /// than about that many.
    #[doc(hidden)]
    pub fn inspected_with(mut self, section: fn(&Client<A>, usize) -> Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Builds the client, if its options are valid: the defaults, and those of single queries together with their
    /// derive and the defaults.
    ///
    /// A missing option, such as a freshness time, is not an error here, since calls may provide it.
    ///
    /// # Errors
    /// If an option is invalid, such as a time of zero or a `retry_first` longer than `retry_longest`.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let builder = Client::builder(blog_cache(), Blog::new()).defaults(|options| options.retry_factor(0.5));
    /// let error = builder.try_build().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "defaults of the client: `retry_factor` must be a number that is at least 1, as in `retry_factor = 2.0`"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_build(self) -> Result<Client<A>, ClientBuildError> {
        check_values(&self.defaults)
            .and_then(|()| check_concurrency(self.concurrency))
            .and_then(|()| self.check_strategy_defaults())
            .map_err(|(option, problem)| ClientBuildError::Defaults { option, problem })?;
        let mut settings: Vec<_> = self.settings.values().collect();
        // So that the same error is returned each time.
        settings.sort_unstable_by_key(|setting| setting.query);
        for &Setting { query, derived, options } in settings {
            let own = options.or(derived);
            let strategy = own.or(self.defaults).strategy.unwrap_or_default();
            let of_strategy = self.strategy_defaults.get(&strategy).copied().unwrap_or_default();
            check_values(&own.or(of_strategy).or(self.defaults))
                .map_err(|(option, problem)| OptionsError { query, option, problem })?;
        }
        Ok(self.build())
    }

    fn check_strategy_defaults(&self) -> Result<(), OptionProblem> {
        let mut all: Vec<_> = self.strategy_defaults.iter().collect();
        // So that the same error is returned each time.
        all.sort_unstable_by_key(|(strategy, _)| format!("{strategy:?}"));
        all.into_iter().try_for_each(|(&strategy, &options)| {
            check_of_strategy(&options)?;
            check_values(&options.strategy(strategy).or(self.defaults))
        })
    }

    /// Limits how many loads of all queries run at once; others wait for a place. A query may have a limit of its own
    /// as well, by the option [`concurrency`](LoadingOptions::concurrency). Default: no limit.
    ///
    /// A limit of 0 is an error of every call that the cache does not answer. See the
    /// [guide](crate::guide::many#how-many-loads-run-at-once).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let client = Client::builder(blog_cache(), Blog::new()).concurrency(2).build();
    /// let answers = client.query_all(&[GetTitle { id: 1 }, GetTitle { id: 2 }, GetTitle { id: 3 }]).await;
    /// assert!(answers.iter().all(|answer| answer.is_ok()), "two at once, then the third");
    /// # Ok(())
    /// # }
    /// ```
    pub fn concurrency(mut self, max: u32) -> Self {
        self.concurrency = Some(max);
        self
    }

    /// Builds the client. Invalid options are errors of the calls they apply to; see [`try_build`](Self::try_build).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let client = Client::builder(blog_cache(), Blog::new())
    ///     .query::<GetTitle>(|options| options.jitter(2.0))
    ///     .build();
    /// let error = client.query(&GetTitle { id: 1 }).await.unwrap_err();
    /// assert!(matches!(error, QueryError::Options(_)));
    /// assert!(client.query(&GetFeed).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn build(self) -> Client<A> {
        if self.tier.is_some() {
            self.cache.record_changes();
        }
        telemetry::describe();
        let runtime = self.runtime.or_else(|| Handle::try_current().ok());
        let tier = self.tier.map(|tier| Arc::new(tier.with_timeout(self.provider_timeout)));
        let settings: HashMap<_, _, _> =
            self.settings.into_iter().map(|(query, set)| (query, set.options)).collect();
        let runtime = Arc::new(ClientRuntime::new(runtime));
        let shared_tier = self.shared.map(|tier| {
            let clock = ClientClock::of(&self.cache);
            Box::new(shared::Shared::new(tier, clock, Arc::clone(&runtime)))
        });
        let tables = A::Registry::describe().len();
        let client = Client(Arc::new(Shared {
            has_no_options: settings.is_empty()
                && self.strategy_defaults.is_empty()
                && self.defaults == LoadingOptions::new(),
            app: self.app,
            cache: self.cache,
            settings,
            defaults: self.defaults,
            strategy_defaults: self.strategy_defaults,
            plans: (0..tables).map(|_| OnceLock::new()).collect(),
            query_states: QueryStates::new(tables),
            layers: LayerRegistry::default(),
            breakers: Breakers::new(self.breakers),
            runtime,
            wait_graph: Arc::new(WaitGraph::default()),
            scopes: Arc::default(),
            write_order: WriteOrder::default(),
            tier,
            shared_tier,
            concurrency: self.concurrency,
            limit: self.concurrency.map(ConcurrencyLimit::new),
            flights: AtomicU64::new(1),
            telemetry: Telemetry::new(self.traces_keys),
            presence: Presence::default(),
            is_shut_down: AtomicBool::new(false),
            extensions: Extensions::default(),
            steps: self.steps,
            sections: self.sections,
        }));
        self.built.iter().for_each(|built| built(&client));
        if let Some(shared_tier) = client.shared_tier() {
            client.begin_sharing();
            client.tell_direct_changes();
            shared_tier.start(client.mark_sink());
        }
        client
    }
}

impl<A: App> Debug for ClientBuilder<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("cache", &self.cache)
            .field("defaults", &self.defaults)
            .finish_non_exhaustive()
    }
}
