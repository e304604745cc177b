//! The public face: a cheap handle to one client.

pub(crate) mod builder;
pub(crate) mod invalidation;

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use cache_core::{Cache, Holds, LoadingOptions};
use foldhash::fast::RandomState;
use tokio::sync::watch;

use crate::app::{Answer, App, Fetch};
use crate::ask::Asker;
use crate::breaker::Breakers;
use crate::breaker::state::BreakerState;
use crate::concurrency::{ConcurrencyLimit, LoadSlot};
use crate::context::{Context, Name, Node};
use crate::desk::{Desk, Desks};
use crate::erased::Failure;
use crate::error::{OptionsError, QueryError};
use crate::layer::Layers;
use crate::mutate::{Scopes, WriteOrder};
use crate::plan::Plan;
use crate::provider::tier::Tier;
use crate::query::AnyQuery;
use crate::runtime::{ClientRuntime, TaskRuntime};
use crate::telemetry::Telemetry;
use crate::token::Token;
use crate::waits::{FlightId, Waits};
use builder::ClientBuilder;

/// Loads what the cache does not have, once for all who ask at the same time.
///
/// Cheap to clone; all clones are one client. All methods may be called from any thread.
pub struct Client<A: App>(Arc<Shared<A>>);

pub(crate) struct Shared<A: App> {
    app: A,
    cache: Cache<A::Registry>,
    /// Options of single queries, by type.
    settings: HashMap<TypeId, LoadingOptions, RandomState>,
    defaults: LoadingOptions,
    /// What calls without options of their own do, by the place of the query's table.
    plans: Box<[PlanOfQuery]>,
    /// Neither settings nor defaults.
    leaves_all_to_queries: bool,
    desks: Desks,
    layers: Layers,
    breakers: Breakers,
    runtime: Arc<ClientRuntime>,
    waits: Arc<Waits>,
    scopes: Arc<Scopes>,
    write_order: WriteOrder<A>,
    /// Where answers are kept below the cache.
    tier: Option<Arc<Tier>>,
    /// Of all loads that run at once.
    concurrency: Option<u32>,
    limit: Option<Arc<ConcurrencyLimit>>,
    flights: AtomicU64,
    telemetry: Telemetry,
    /// Whether anybody can see what is observed.
    is_active: watch::Sender<bool>,
}

type PlanOfQuery = OnceLock<Result<Arc<Plan>, OptionsError>>;

impl<A: App> Client<A> {
    /// A client that is being configured: over a cache, with the program's own state.
    pub fn builder(cache: Cache<A::Registry>, app: A) -> ClientBuilder<A> {
        ClientBuilder::new(cache, app)
    }

    /// The program's own state.
    #[must_use]
    pub fn app(&self) -> &A {
        &self.0.app
    }

    /// The cache that the client works on. What is written, marked, removed or cleared there retires the loads that it
    /// concerns: who waits gets their results, and they are not stored. Observers see it as any change.
    #[must_use]
    pub fn cache(&self) -> &Cache<A::Registry> {
        &self.0.cache
    }

    /// Starts a request: a tree of contexts with a memo of its own.
    #[must_use]
    pub fn request(&self, name: impl Into<Arc<str>>) -> Context<A> {
        Context(Node::root(self.clone(), Name::Given(name.into()), Token::default(), None))
    }

    /// The answer to a query: from the cache or a load, as its strategy says. Without a memo. Inside a load nothing stale
    /// is the answer, as by the context of that.
    ///
    /// A hit costs one read of the store and one of its clock, and allocates nothing.
    ///
    /// # Errors
    /// - [`QueryError::Failed`], [`QueryError::Panicked`], [`QueryError::Miscounted`]: the load gave no answer, and nothing
    ///   may stand in for it. Those who waited for it share the error; the next call loads again, unless the query has an
    ///   `error_ttl`.
    /// - [`QueryError::CircuitOpen`]: too many loads have failed, and none was made.
    /// - [`QueryError::Interrupted`]: the load cancelled its own context, or its [runtime](crate::guide::runtimes) has ended
    ///   and the caller has no other.
    /// - [`QueryError::Cycle`]: this is called in the load of something that the query needs.
    /// - [`QueryError::Options`]: the options of the query cannot work.
    ///
    /// # Panics
    /// If something has to be loaded, the client has no [runtime](crate::guide::runtimes), and the caller is in none.
    ///
    /// # Cancellation
    /// May be dropped at any time. The load goes on: for others that wait for it, and then for as long as the option `linger`
    /// says.
    pub fn query<'a, Q: Fetch<A>>(&'a self, query: &'a Q) -> impl Future<Output = Answer<A, Q>> + Send + 'a
    where
        A::Registry: Holds<Q>,
    {
        Asker::without_context(self).query(query)
    }

    /// [`query`](Self::query) with options for this call: `change` gets options that decide nothing. It is called at
    /// once, all else when the future is polled.
    ///
    /// # Errors
    /// As [`query`](Self::query); so are panics and cancellation.
    pub fn query_with<'a, Q: Fetch<A>>(
        &'a self,
        query: &'a Q,
        change: impl FnOnce(LoadingOptions) -> LoadingOptions,
    ) -> impl Future<Output = Answer<A, Q>> + Send + 'a
    where
        A::Registry: Holds<Q>,
    {
        Asker::without_context(self).query_with(query, change(LoadingOptions::new()))
    }

    /// The answers to several queries, in their order. What has to be loaded is loaded at the same time, by few loads if
    /// the query is one of [`FetchMany`](crate::FetchMany); each answer may fail alone, as [`query`](Self::query) does.
    ///
    /// # Panics
    /// If something has to be loaded, the client has no [runtime](crate::guide::runtimes), and the caller is in none.
    ///
    /// # Cancellation
    /// May be dropped at any time. The loads go on: for others that wait for them, and then for as long as the option `linger`
    /// says.
    pub fn query_all<'a, Q: Fetch<A>>(
        &'a self,
        queries: &'a [Q],
    ) -> impl Future<Output = Vec<Answer<A, Q>>> + Send + 'a
    where
        A::Registry: Holds<Q>,
    {
        Asker::without_context(self).query_all(queries)
    }

    /// What the cache has, fresh or not, with the optimistic layers of the key; never loads. Counts as a use.
    #[must_use]
    pub fn cached<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        Asker::without_context(self).cached(query)
    }

    /// Why the last load of a key failed whose error nobody waited for, or something stood in for; also one that those who
    /// waited were told, if the query has an `error_ttl` or `stale_if_error`, and one of options that a prefetch could not
    /// work with. `None` once it has been loaded, written, removed or invalidated. The errors of the last 1,024 keys of a
    /// query are kept.
    #[must_use]
    pub fn refresh_error<Q: Fetch<A>>(&self, query: &Q) -> Option<QueryError<Q::Error>> {
        let desk = self.0.desks.existing_of(TypeId::of::<Q>())?;
        desk.failures.last(query).map(Failure::typed)
    }

    /// What a circuit breaker does now; that of a query's own has the name of the query. `None` if no load has come to it
    /// yet, and the client was built without options for it.
    #[must_use]
    pub fn breaker_state(&self, name: &str) -> Option<BreakerState> {
        self.0.breakers.state(name)
    }

    /// How often the provider was of no use so far: calls that failed, panicked or took too long, and entries that are
    /// damaged or cannot be written. Each is also an event of `tracing`, at level `WARN`. 0 without a provider.
    #[must_use]
    pub fn provider_troubles(&self) -> u64 {
        self.tier().map_or(0, |tier| tier.troubles.count())
    }

    /// Tells the client whether anybody can see what it shows. While it is inactive nothing is polled; when it is active
    /// again, all that is observed with `poll` is loaded at once, once. A new client is active.
    pub fn set_active(&self, is_active: bool) {
        self.0.is_active.send_if_modified(|present| std::mem::replace(present, is_active) != is_active);
    }

    // Inside

    /// Whether the other handle is one of the same client.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn activity(&self) -> watch::Receiver<bool> {
        self.0.is_active.subscribe()
    }

    #[inline]
    pub(crate) fn settings(&self, query: TypeId) -> LoadingOptions {
        match self.0.settings.is_empty() {
            true => LoadingOptions::new(),
            false => self.0.settings.get(&query).copied().unwrap_or_default(),
        }
    }

    /// Whether the client was built with no options.
    #[inline]
    pub(crate) fn leaves_all_to_queries(&self) -> bool {
        self.0.leaves_all_to_queries
    }

    /// What calls without options of their own do with the query of a table, resolved by the first of them.
    #[inline]
    pub(crate) fn plan_of(&self, table: usize) -> &PlanOfQuery {
        &self.0.plans[table]
    }

    /// What is kept of a query, made by its first load.
    pub(crate) fn desk_of(&self, query: &dyn AnyQuery<A>) -> &Arc<Desk> {
        let table = query.table(self.cache()).index();
        self.0.desks.existing(table).unwrap_or_else(|| self.0.desks.of(table, query.type_id()))
    }

    /// What is kept of a query, if it was ever loaded.
    pub(crate) fn existing_desk(&self, query: &dyn AnyQuery<A>) -> Option<&Arc<Desk>> {
        self.0.desks.existing(query.table(self.cache()).index())
    }

    #[inline]
    pub(crate) fn defaults(&self) -> LoadingOptions {
        self.0.defaults
    }

    pub(crate) fn desks(&self) -> &Desks {
        &self.0.desks
    }

    #[inline]
    pub(crate) fn layers(&self) -> &Layers {
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

    pub(crate) fn waits(&self) -> &Arc<Waits> {
        &self.0.waits
    }

    pub(crate) fn scopes(&self) -> &Arc<Scopes> {
        &self.0.scopes
    }

    pub(crate) fn write_order(&self) -> &WriteOrder<A> {
        &self.0.write_order
    }

    /// How many loads may run at once, as the client was built.
    pub(crate) fn concurrency(&self) -> Option<u32> {
        self.0.concurrency
    }

    /// What a load of a query needs to run. `None` if nothing limits it.
    pub(crate) fn slot_of(
        &self,
        query: &dyn AnyQuery<A>,
        desk: &Desk,
        runtime: &TaskRuntime,
    ) -> Option<Arc<LoadSlot>> {
        let own = || self.settings(query.type_id()).or(query.facts().loading);
        let limit = desk.limit(|| own().or(self.defaults()).concurrency);
        LoadSlot::new(limit, self.0.limit.clone(), (runtime, &self.0.runtime))
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
