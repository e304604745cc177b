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

/// Configures a cache. Created by [`Cache::builder`].
#[must_use]
pub struct Builder<R: Registry> {
    settings: Settings,
    _registry: PhantomData<fn() -> R>,
}

/// What a builder has been told. Does not depend on the registry, so it is compiled once.
#[derive(Default)]
struct Settings {
    options: HashMap<TypeId, TableOptions>,
    /// `None` means the system clock, chosen when the cache is built.
    clock: Option<Box<dyn Clock>>,
    listeners: Vec<Listener>,
    hooks: Vec<Hook>,
    hash_seed: Option<u64>,
    types: DynamicTypes,
    problem: Option<RegisterError>,
}

impl<R: Registry> Cache<R> {
    /// Creates an empty cache with the options that the queries were derived with.
    ///
    /// # Panics
    /// If a query cannot be persisted with the codec that it names, and on `wasm32-unknown-unknown`, which has no
    /// clock. [`Builder::build`] returns both as errors.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    ///
    /// // A clone is another handle to the same cache.
    /// assert!(cache.clone().contains(&GetName { id: 7 }));
    /// ```
    #[must_use]
    pub fn new() -> Self {
        match Self::builder().build() {
            Ok(cache) => cache,
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts the configuration of a cache with other options, a clock, hooks or listeners.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// // The query sets no bound; this program keeps 10 names.
    /// let cache = Cache::<CacheRegistry>::builder().table::<GetName>(|table| table.capacity(10)).build()?;
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert!(cache.contains(&GetName { id: 7 }));
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    pub fn builder() -> Builder<R> {
        Builder::new()
    }
}

impl<R: Registry> Builder<R> {
    fn new() -> Self {
        Self { settings: Settings::default(), _registry: PhantomData }
    }

    /// Changes the options of one table. `change` gets the options that the query was derived with.
    ///
    /// A second call for the same query gets the result of the first.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Bound, Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::builder()
    ///     .table::<GetName>(|table| table.lru(2).history(1))
    ///     .build()?;
    /// assert_eq!(cache.inspect().tables[0].bound, Some(Bound::Lru(2)));
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    pub fn table<Q: Query>(mut self, change: impl FnOnce(TableOptions) -> TableOptions) -> Self
    where
        R: Holds<Q>,
    {
        let options = self.settings.options.get(&TypeId::of::<Q>()).copied().unwrap_or(Q::OPTIONS);
        self.settings.options.insert(TypeId::of::<Q>(), change(options));
        self
    }

    /// Changes the options of the table of dynamic entries. By default it keeps 1,000 entries.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::builder().dynamic(|table| table.unbounded()).build()?;
    /// // Without a bound or times, the table keeps only what the program holds.
    /// cache.dynamic().insert::<u64>("visits", 42);
    /// assert!(cache.dynamic().get_as::<u64>("visits")?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dynamic(self, change: impl FnOnce(TableOptions) -> TableOptions) -> Self
    where
        R: Holds<Dynamic>,
    {
        self.table::<Dynamic>(change)
    }

    /// Makes the cache read the time from another clock. Default: [`SystemClock`](crate::SystemClock).
    ///
    /// There is no default on `wasm32-unknown-unknown`.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use cache_core::{Cache, ManualClock, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "30s")]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let clock = Arc::new(ManualClock::new());
    /// let cache = Cache::<CacheRegistry>::builder().clock(Arc::clone(&clock)).build()?;
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    ///
    /// // A test need not wait.
    /// clock.advance(Duration::from_secs(30));
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings.clock = Some(Box::new(clock));
        self
    }

    /// Calls `hook` before each commit of a transaction. An error refuses the commit, and the committer gets it as the
    /// cause.
    ///
    /// Hooks run in the order in which they were added, outside all locks, once for each attempt of a commit. They must
    /// not commit to the same cache. [`Cache::insert`] does not call them.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, CommitError, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::builder()
    ///     .before_commit(|proposal| {
    ///         let mut names = proposal.of::<GetName>().filter_map(|(_, name)| name);
    ///         if names.any(|name| name.is_empty()) { Err("a name must not be empty".into()) } else { Ok(()) }
    ///     })
    ///     .build()?;
    /// let mut tx = cache.begin();
    /// tx.set(GetName { id: 7 }, String::new());
    /// assert!(matches!(tx.commit(), Err(CommitError::Refused(_))));
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    pub fn before_commit(
        mut self,
        hook: impl Fn(&Proposal) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.settings.hooks.push(Hook::Sync(Box::new(hook)));
        self
    }

    /// Calls `hook` before each commit, as [`before_commit`](Self::before_commit) does, and waits for its future.
    ///
    /// Transactions of such a cache can be committed only by
    /// [`Transaction::commit_async`](crate::Transaction::commit_async) and [`Cache::transact_async`].
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) { return output }
    /// #     }
    /// # }
    /// # async fn audit(_label: Option<&str>) -> bool { true }
    /// let cache = Cache::<CacheRegistry>::builder()
    ///     .before_commit_async(|proposal| async move {
    ///         if audit(proposal.label()).await { Ok(()) } else { Err("not allowed".into()) }
    ///     })
    ///     .build()?;
    /// let mut tx = cache.begin();
    /// tx.label("import").set(GetName { id: 7 }, "Seven".to_owned());
    /// block_on(tx.commit_async())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn before_commit_async<F>(mut self, hook: impl Fn(Proposal) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.settings.hooks.push(Hook::Async(Box::new(move |proposal| Box::pin(hook(proposal)))));
        self
    }

    /// Calls `listener` for each key that a commit changed, in the order of the commits, outside all locks.
    ///
    /// One thread at a time calls the listeners, so a commit may return before its listeners have run. A panic of a
    /// listener undoes nothing; it is counted in [`Inspection::listener_panics`](crate::Inspection).
    ///
    /// # Examples
    /// ```
    /// # use std::sync::mpsc;
    /// # use cache_core::{Cache, ChangeKind, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let (sender, changes) = mpsc::channel();
    /// let cache = Cache::<CacheRegistry>::builder()
    ///     .after_commit(move |change| _ = sender.send((change.table(), change.kind())))
    ///     .build()?;
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// cache.remove(&GetName { id: 7 });
    /// let reported: Vec<_> = changes.try_iter().collect();
    /// assert_eq!(reported, [("get_name", ChangeKind::Set), ("get_name", ChangeKind::Removed)]);
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    pub fn after_commit(mut self, listener: impl Fn(&Change) + Send + Sync + 'static) -> Self {
        self.settings.listeners.push(Listener::Change(Box::new(listener)));
        self
    }

    /// Calls `listener` for each value that leaves the cache: evicted, expired, removed, replaced or cleared.
    ///
    /// These calls and those of [`after_commit`](Self::after_commit) are in one order. The same rules apply.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::mpsc;
    /// # use cache_core::{Cache, Query, RemovalCause, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let (sender, removals) = mpsc::channel();
    /// let cache = Cache::<CacheRegistry>::builder()
    ///     .on_removal(move |removal| _ = sender.send(removal.cause()))
    ///     .build()?;
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// cache.insert(GetName { id: 7 }, "VII".to_owned());
    /// cache.remove(&GetName { id: 7 });
    /// let causes: Vec<_> = removals.try_iter().collect();
    /// assert_eq!(causes, [RemovalCause::Replaced, RemovalCause::Removed]);
    /// # Ok::<(), cache_core::BuildError>(())
    /// ```
    pub fn on_removal(mut self, listener: impl Fn(&Removal) + Send + Sync + 'static) -> Self {
        self.settings.listeners.push(Listener::Removal(Box::new(listener)));
        self
    }

    /// Makes snapshots include dynamic values of type `T`, under the name `tag`.
    ///
    /// A save reports the dynamic values of other types and leaves them out. The tag must stay the same from one
    /// version of the program to the next.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let open = || Cache::<CacheRegistry>::builder().register::<u64>("visits").build();
    /// let cache = open()?;
    /// cache.dynamic().insert::<u64>("home page", 42);
    /// let mut snapshot = Vec::new();
    /// cache.save_to(&mut snapshot)?;
    ///
    /// let restarted = open()?;
    /// restarted.restore_from(snapshot.as_slice())?;
    /// assert_eq!(restarted.dynamic().get_as::<u64>("home page")?.as_deref(), Some(&42));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn register<T>(mut self, tag: &'static str) -> Self
    where
        T: Shape + Serialize + DeserializeOwned + Send + Sync,
    {
        if let Err(problem) = self.settings.types.register::<T>(tag) {
            self.settings.problem.get_or_insert(problem);
        }
        self
    }

    /// Makes the tables hash their keys in the same way in each run, for tests that depend on the hashes.
    #[doc(hidden)]
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.settings.hash_seed = Some(seed);
        self
    }

    /// Creates the cache.
    ///
    /// # Errors
    /// - [`BuildError::Options`]: the options of a table cannot work, for example a bound of zero.
    /// - [`BuildError::Codec`]: a persisted query contains a type that its codec cannot save.
    /// - [`BuildError::Register`]: a type of dynamic values cannot be registered, for example because two
    ///   types have the same tag.
    /// - [`BuildError::NoClock`]: the platform has no clock, and none was given to the builder.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{BuildError, Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let built = Cache::<CacheRegistry>::builder().table::<GetName>(|table| table.capacity(0)).build();
    /// assert!(matches!(built, Err(BuildError::Options { table: "get_name", .. })));
    /// ```
    pub fn build(self) -> Result<Cache<R>, BuildError> {
        let mut cache = None;
        self.settings.build(&mut |assembly, shared| {
            cache = Some(Cache::from_parts(R::assemble(assembly), shared));
        })?;
        Ok(cache.expect("the settings assemble a registry"))
    }
}

impl Settings {
    /// Checks the settings, and calls `assemble` once to make the tables.
    fn build(self, assemble: &mut dyn FnMut(&mut Assembly<'_>, Arc<Shared>)) -> Result<(), BuildError> {
        let clock = self.clock.or_else(default_clock).ok_or(BuildError::NoClock)?;
        let shared = Arc::new(Shared::new(clock, self.listeners, self.hooks, self.hash_seed));
        if let Some(problem) = self.problem {
            return Err(problem.into());
        }
        let mut assembly = Assembly::new(Arc::clone(&shared), &self.options, self.types);
        assemble(&mut assembly, shared);
        assembly.finish()
    }
}

impl<R: Registry> Default for Cache<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Registry> Debug for Builder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("clock", &self.settings.clock).finish_non_exhaustive()
    }
}
