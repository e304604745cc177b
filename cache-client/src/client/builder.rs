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
use crate::app::{App, Fetch};
use crate::breaker::Breakers;
use crate::breaker::options::BreakerOptions;
use crate::desk::Desks;
use crate::layer::Layers;
use crate::provider::Provider;
use crate::provider::tier::{TIMEOUT, Tier};
use crate::runtime::ClientRuntime;
use crate::telemetry::{self, Telemetry};
use crate::waits::Waits;

/// A client that is being configured. Made by [`Client::builder`].
#[must_use]
pub struct ClientBuilder<A: App> {
    app: A,
    cache: Cache<A::Registry>,
    settings: HashMap<TypeId, LoadingOptions, RandomState>,
    defaults: LoadingOptions,
    breakers: HashMap<&'static str, BreakerOptions, RandomState>,
    traces_keys: bool,
    tier: Option<Tier>,
    provider_timeout: Duration,
    runtime: Option<Handle>,
}

impl<A: App> ClientBuilder<A> {
    pub(super) fn new(cache: Cache<A::Registry>, app: A) -> Self {
        let (settings, breakers) = (HashMap::default(), HashMap::default());
        let defaults = LoadingOptions::new();
        let (tier, provider_timeout) = (None, TIMEOUT);
        let (traces_keys, runtime) = (false, None);
        Self { app, cache, settings, defaults, breakers, traces_keys, tier, provider_timeout, runtime }
    }

    /// Changes the options of one query. They come before those that it was derived with; `change` gets options that
    /// decide nothing, or those of the last call for the same query. Options that cannot work are errors of the calls that
    /// they are for.
    pub fn query<Q: Fetch<A>>(mut self, change: impl FnOnce(LoadingOptions) -> LoadingOptions) -> Self {
        let options = self.settings.entry(TypeId::of::<Q>()).or_default();
        *options = change(*options);
        self
    }

    /// Changes the options of all queries. Those that a query was derived with come before them, and so do the times of its
    /// table.
    pub fn defaults(mut self, change: impl FnOnce(LoadingOptions) -> LoadingOptions) -> Self {
        self.defaults = change(self.defaults);
        self
    }

    /// Sets when a circuit breaker opens, and for how long. Queries choose it by
    /// [`breaker`](LoadingOptions::breaker); that of a query's own has the name of the query. The last call for a name
    /// counts.
    pub fn breaker(mut self, name: &'static str, options: BreakerOptions) -> Self {
        self.breakers.insert(name, options);
        self
    }

    /// Whether spans and events about a key have it as a field, as its `Debug` prints it. Default: they have not, for keys
    /// may hold what is not for everybody's eyes. See [`telemetry`].
    pub fn trace_keys(mut self, traces_keys: bool) -> Self {
        self.traces_keys = traces_keys;
        self
    }

    /// Has the answers to queries that were derived with `persist` kept by a provider too, below the cache. The last
    /// call counts.
    ///
    /// The cache notes from now on which entries of such queries are changed, at a cost of 8 KiB for each of them.
    pub fn provider(mut self, provider: impl Provider) -> Self {
        self.tier = Some(Tier::new(provider));
        self
    }

    /// How long a call of the provider may take before it counts as failed. Default: 250 ms. A miss waits as long if the
    /// provider hangs; nothing waits for a write.
    pub fn provider_timeout(mut self, timeout: Duration) -> Self {
        self.provider_timeout = timeout;
        self
    }

    /// Sets the runtime on which loads and the tasks of observers run. Default: the one in which [`build`](Self::build)
    /// is called, or that of each caller if there is none.
    ///
    /// With a runtime that has threads of its own, queries may be awaited on any runtime, or on none. When the runtime has
    /// ended, or runs nothing for a second, what callers on other runtimes wait for is loaded there. See the
    /// [page on runtimes](crate::guide::runtimes).
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Makes the client.
    #[must_use]
    pub fn build(self) -> Client<A> {
        let Self { app, cache, settings, defaults, breakers, traces_keys, tier, provider_timeout, runtime } =
            self;
        let runtime = runtime.or_else(|| Handle::try_current().ok());
        if tier.is_some() {
            cache.keep_trails();
        }
        let tier = tier.map(|tier| Arc::new(tier.with_timeout(provider_timeout)));
        telemetry::describe();
        let leaves_all_to_queries = settings.is_empty() && defaults == LoadingOptions::new();
        Client(Arc::new(Shared {
            app,
            cache,
            settings,
            defaults,
            plans: A::Registry::describe().iter().map(|_| OnceLock::new()).collect(),
            leaves_all_to_queries,
            desks: Desks::default(),
            layers: Layers::default(),
            breakers: Breakers::new(breakers),
            runtime: Arc::new(ClientRuntime::new(runtime)),
            waits: Arc::new(Waits::default()),
            scopes: Arc::default(),
            tier,
            flights: AtomicU64::new(1),
            telemetry: Telemetry::new(traces_keys),
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
