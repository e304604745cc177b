//! Building a cache: options of tables, clock, hooks, listeners.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cache::Cache;
use crate::clock::{Clock, default_clock};
use crate::dynamic::Dynamic;
use crate::error::BuildError;
use crate::event::{Change, Listener, Removal};
use crate::hooks::{BoxError, Hook, Proposal};
use crate::options::TableOptions;
use crate::query::Query;
use crate::registry::{Assembly, Holds, Registry};
use crate::shared::Shared;
use crate::snapshot::shape::Shape;
use crate::snapshot::{DynamicTypes, RegisterError};

/// A cache that is being configured. Made by [`Cache::builder`].
#[must_use]
pub struct Builder<R: Registry> {
    options: HashMap<TypeId, TableOptions>,
    /// The system's, if there is none by the time when the cache is made.
    clock: Option<Box<dyn Clock>>,
    listeners: Vec<Listener>,
    hooks: Vec<Hook>,
    hash_seed: Option<u64>,
    types: DynamicTypes,
    problem: Option<RegisterError>,
    _registry: PhantomData<fn() -> R>,
}

impl<R: Registry> Cache<R> {
    /// An empty cache with the options that the queries were derived with.
    ///
    /// # Panics
    /// If a query cannot be persisted with the codec that it names, and on `wasm32-unknown-unknown`, which has no clock.
    /// [`Builder::build`] returns both as errors.
    #[must_use]
    pub fn new() -> Self {
        match Self::builder().build() {
            Ok(cache) => cache,
            Err(error) => panic!("{error}"),
        }
    }

    /// A cache with other options, a clock, hooks or listeners.
    pub fn builder() -> Builder<R> {
        Builder::new()
    }
}

impl<R: Registry> Builder<R> {
    fn new() -> Self {
        Self {
            options: HashMap::new(),
            clock: None,
            listeners: Vec::new(),
            hooks: Vec::new(),
            hash_seed: None,
            types: DynamicTypes::default(),
            problem: None,
            _registry: PhantomData,
        }
    }

    /// Changes the options of one table. `change` gets those that the query was derived with.
    pub fn table<Q: Query>(mut self, change: impl FnOnce(TableOptions) -> TableOptions) -> Self
    where
        R: Holds<Q>,
    {
        let options = self.options.get(&TypeId::of::<Q>()).copied().unwrap_or(Q::OPTIONS);
        self.options.insert(TypeId::of::<Q>(), change(options));
        self
    }

    /// Changes the options of the table of dynamic entries.
    pub fn dynamic(self, change: impl FnOnce(TableOptions) -> TableOptions) -> Self
    where
        R: Holds<Dynamic>,
    {
        self.table::<Dynamic>(change)
    }

    /// Reads the time from another clock. Default: [`SystemClock`](crate::SystemClock). On `wasm32-unknown-unknown` there is
    /// no default.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Asks `hook` before each commit of a transaction; an error refuses it, and reaches the committer as the cause.
    ///
    /// Hooks run in their order, outside all locks, once for each attempt of a commit. They must not commit to the
    /// same cache. [`Cache::insert`] does not ask them.
    pub fn before_commit(
        mut self,
        hook: impl Fn(&Proposal) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.push(Hook::Sync(Box::new(hook)));
        self
    }

    /// [`before_commit`](Self::before_commit) with a hook that may wait. The cache can then only be committed to by
    /// `commit_async`.
    pub fn before_commit_async<F>(mut self, hook: impl Fn(Proposal) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.hooks.push(Hook::Async(Box::new(move |proposal| Box::pin(hook(proposal)))));
        self
    }

    /// Tells `listener` of each key that a commit changed, in the order of the commits, outside all locks.
    ///
    /// One thread at a time does so, so that a commit may return before its listeners have run. A panic of a listener
    /// undoes nothing; it is counted in [`Inspection::listener_panics`](crate::Inspection).
    pub fn after_commit(mut self, listener: impl Fn(&Change) + Send + Sync + 'static) -> Self {
        self.listeners.push(Listener::Change(Box::new(listener)));
        self
    }

    /// Tells `listener` of each value that left: evicted, expired, removed, replaced or cleared. Through the same
    /// queue as [`after_commit`](Self::after_commit).
    pub fn on_removal(mut self, listener: impl Fn(&Removal) + Send + Sync + 'static) -> Self {
        self.listeners.push(Listener::Removal(Box::new(listener)));
        self
    }

    /// Saves dynamic values of type `T` in snapshots, as `tag`. Those of other types are reported by a save.
    pub fn register<T>(mut self, tag: &'static str) -> Self
    where
        T: Shape + Serialize + DeserializeOwned + Send + Sync,
    {
        if let Err(problem) = self.types.register::<T>(tag) {
            self.problem.get_or_insert(problem);
        }
        self
    }

    /// Makes the tables hash their keys in the same way in each run, for tests that foretell what the hashes decide.
    #[doc(hidden)]
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.hash_seed = Some(seed);
        self
    }

    /// Makes the cache.
    ///
    /// # Errors
    /// - [`BuildError::Options`]: the options of a table cannot work: a bound of zero.
    /// - [`BuildError::Codec`]: a persisted query reaches a type that its codec cannot carry.
    /// - [`BuildError::Register`]: two types of dynamic values have one tag, or the like.
    /// - [`BuildError::NoClock`]: the platform has no clock, and the builder was given none.
    pub fn build(self) -> Result<Cache<R>, BuildError> {
        let clock = self.clock.or_else(default_clock).ok_or(BuildError::NoClock)?;
        let shared = Arc::new(Shared::new(clock, self.listeners, self.hooks, self.hash_seed));
        if let Some(problem) = self.problem {
            return Err(problem.into());
        }
        let mut assembly = Assembly::new(Arc::clone(&shared), &self.options, self.types);
        let cache = Cache::from_parts(R::assemble(&mut assembly), shared);
        assembly.finish()?;
        Ok(cache)
    }
}

impl<R: Registry> Default for Cache<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Registry> Debug for Builder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("clock", &self.clock).finish_non_exhaustive()
    }
}
