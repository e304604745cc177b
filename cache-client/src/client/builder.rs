//! Building a client: options for all queries, and for single ones.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_core::{Cache, LoadingOptions, Registry};
use foldhash::fast::RandomState;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{Client, Shared};
use crate::app::App;
use crate::breaker::Breakers;
use crate::breaker::options::BreakerOptions;
use crate::concurrency::ConcurrencyLimit;
use crate::error::{ClientBuildError, OptionsError};
use crate::fetch::Fetch;
use crate::flight::wait_graph::WaitGraph;
use crate::layer::registry::LayerRegistry;
use crate::mutate::order::WriteOrder;
use crate::plan::{check_concurrency, check_values};
use crate::provider::Provider;
use crate::provider::tier::{TIMEOUT, Tier};
use crate::query_state::QueryStates;
use crate::runtime::ClientRuntime;
use crate::telemetry::{self, Telemetry};

/// Configures a client. Made by [`Client::builder`].
#[must_use]
pub struct ClientBuilder<A: App> {
    app: A,
    cache: Cache<A::Registry>,
    settings: HashMap<TypeId, Setting, RandomState>,
    defaults: LoadingOptions,
    breakers: HashMap<&'static str, BreakerOptions, RandomState>,
    traces_keys: bool,
    tier: Option<Tier>,
    provider_timeout: Duration,
    runtime: Option<Handle>,
    concurrency: Option<u32>,
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
            breakers: HashMap::default(),
            traces_keys: false,
            tier: None,
            provider_timeout: TIMEOUT,
            runtime: None,
            concurrency: None,
        }
    }

    /// Changes the options of one query. They override those it was derived with. `change` gets options that decide
    /// nothing, or those of the last call for the same query. Options that cannot work are errors of the calls they
    /// apply to, or of [`try_build`](Self::try_build).
    pub fn query<Q: Fetch<A>>(mut self, change: impl FnOnce(LoadingOptions) -> LoadingOptions) -> Self {
        let new = || Setting { query: Q::NAME, derived: Q::LOADING, options: LoadingOptions::new() };
        let setting = self.settings.entry(TypeId::of::<Q>()).or_insert_with(new);
        setting.options = change(setting.options);
        self
    }

    /// Changes the options of all queries. Options that a query was derived with override them, and so do the times of
    /// its table.
    pub fn defaults(mut self, change: impl FnOnce(LoadingOptions) -> LoadingOptions) -> Self {
        self.defaults = change(self.defaults);
        self
    }

    /// Sets when a circuit breaker opens, and for how long. Queries choose a breaker by the option
    /// [`breaker`](LoadingOptions::breaker). The breaker of a single query has the name of the query. The last call for
    /// a name counts.
    pub fn breaker(mut self, name: &'static str, options: BreakerOptions) -> Self {
        self.breakers.insert(name, options);
        self
    }

    /// Sets whether all spans and events about a key have the key as a field, formatted by its `Debug`; `(secret)` if
    /// its query is derived with `secret`. By default only the event `failed` has it. See [`telemetry`].
    pub fn trace_keys(mut self, traces_keys: bool) -> Self {
        self.traces_keys = traces_keys;
        self
    }

    /// Keeps the answers to queries derived with `persist` in a provider too, below the cache. The last call counts.
    ///
    /// From now on the cache notes which entries of such queries change. This costs 8 KiB for each of these queries.
    pub fn provider(mut self, provider: impl Provider) -> Self {
        self.tier = Some(Tier::new(provider));
        self
    }

    /// Sets how long a call of the provider may take before it counts as failed. Default: 250 ms. A miss waits that
    /// long if the provider hangs. No caller waits for a write. Writes and removals of a key wait for each other for at
    /// most that long.
    pub fn provider_timeout(mut self, timeout: Duration) -> Self {
        self.provider_timeout = timeout;
        self
    }

    /// Sets the runtime on which loads and the tasks of observers run. The default is the runtime in which
    /// [`build`](Self::build) is called. Without one, each caller's own runtime is used.
    ///
    /// With a multi-threaded runtime, queries may be awaited on any runtime, or on none. When the runtime has ended, or
    /// has run nothing for a second, callers on other runtimes load on their own. See the [page on
    /// runtimes](crate::guide::runtimes).
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Builds the client, if its options can work: the defaults, and those of single queries together with their derive
    /// and the defaults.
    ///
    /// A missing option, such as a freshness time, is not an error here, since calls may provide it.
    ///
    /// # Errors
    /// If an option cannot work, such as a time of zero or a `retry_first` longer than `retry_longest`.
    ///
    /// # Examples
    /// ```
    /// # use cache_client::{App, Client, TokioClock};
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = u64, capacity = 1_000, fresh = "30s")]
    /// # pub struct GetHits;
    /// # registry! { pub struct CacheRegistry { crate::GetHits } }
    /// # struct Blog;
    /// # impl App for Blog { type Registry = CacheRegistry; }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
    /// let error = Client::builder(cache, Blog).defaults(|options| options.retry_factor(0.5)).try_build().unwrap_err();
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
            .map_err(|(option, problem)| ClientBuildError::Defaults { option, problem })?;
        let mut settings: Vec<_> = self.settings.values().collect();
        // So that the same error is returned each time.
        settings.sort_unstable_by_key(|setting| setting.query);
        for &Setting { query, derived, options } in settings {
            check_values(&options.or(derived).or(self.defaults))
                .map_err(|(option, problem)| OptionsError { query, option, problem })?;
        }
        Ok(self.build())
    }

    /// Limits how many loads of all queries run at once; others wait for a place. A query may have a limit of its own
    /// as well, by the option [`concurrency`](LoadingOptions::concurrency). Default: no limit.
    ///
    /// A limit of 0 is an error of every call that the cache does not answer. See the
    /// [guide](crate::guide::many#how-many-loads-run-at-once).
    pub fn concurrency(mut self, most: u32) -> Self {
        self.concurrency = Some(most);
        self
    }

    /// Builds the client. Options that cannot work are errors of the calls they apply to; see
    /// [`try_build`](Self::try_build).
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
        let tables = A::Registry::describe().len();
        Client(Arc::new(Shared {
            leaves_all_to_queries: settings.is_empty() && self.defaults == LoadingOptions::new(),
            app: self.app,
            cache: self.cache,
            settings,
            defaults: self.defaults,
            plans: (0..tables).map(|_| OnceLock::new()).collect(),
            query_states: QueryStates::new(tables),
            layers: LayerRegistry::default(),
            breakers: Breakers::new(self.breakers),
            runtime: Arc::new(ClientRuntime::new(runtime)),
            wait_graph: Arc::new(WaitGraph::default()),
            scopes: Arc::default(),
            write_order: WriteOrder::default(),
            tier,
            concurrency: self.concurrency,
            limit: self.concurrency.map(ConcurrencyLimit::new),
            flights: AtomicU64::new(1),
            telemetry: Telemetry::new(self.traces_keys),
            is_active: watch::Sender::new(true),
        }))
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
