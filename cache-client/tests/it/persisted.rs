//! A program whose answers are kept by a provider, and that can be started again over the same one.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_client::{App, Client, ClientBuilder, Context, Fetch, Provider, QueryError, TokioClock};
use cache_core::{Cache, Clock, Query, Shape, Tag, registry};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

pub use crate::scripted::ask;

use crate::scripted::SECOND;

macro_rules! kept {
    ($($(#[$comment:meta])* $name:ident { $($option:tt)* })*) => {$(
        $(#[$comment])*
        #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[query($($option)*)]
        pub struct $name(pub u32);
    )*};
}

kept! {
    /// The value is the number of the load, from 1 on; each load takes a second.
    GetKept { value = usize, capacity = 1_000, fresh = "10s", persist, tags("kept"), tags_of = GetKept::tags }
    /// Kept by its readers and the provider.
    GetKeptWeak { value = usize, fresh = "10s", persist }
    GetKeptStale {
        value = usize, capacity = 1_000, strategy = "stale-while-revalidate", fresh = "10s", swr = "60s", persist
    }
    /// Fresh for longer than it is kept.
    GetKeptShortly { value = usize, capacity = 1_000, fresh = "60s", ttl = "10s", persist }
    /// Has none for odd keys.
    GetKeptMaybe { value = Option<usize>, capacity = 1_000, fresh = "100s", absent_ttl = "5s", persist }
    /// Asks for a kept one.
    GetKeptWhole { value = usize, capacity = 1_000, fresh = "10s", persist }
    /// Not derived with `persist`.
    GetUnkept { value = usize, capacity = 1_000, fresh = "10s" }
    /// Is weighed between the end of its load and its store.
    GetKeptWeighed { value = usize, max_weight = 1_000, weigh = GetKeptWeighed::weight, fresh = "10s", persist }
}

impl GetKept {
    fn tags(&self) -> [Tag; 1] {
        [Tag::new("kept", self.0)]
    }
}

/// Always the same.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u8, capacity = 1_000, fresh = "10s", eq, persist)]
pub struct GetKeptEqual(pub u32);

/// A key that loses something on its way to the provider.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = usize, capacity = 1_000, fresh = "10s", persist, opaque)]
pub struct GetLossy(pub u32, #[serde(skip)] pub u32);

/// Does not like to be written or read, by its key: 1 and 2 panic.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Shy, capacity = 1_000, fresh = "10s", persist, opaque)]
pub struct GetShy(pub u32);

#[derive(Debug)]
pub struct Shy(pub u32);

impl Serialize for Shy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(self.0, 1, "does not like to be written");
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Shy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        assert_ne!(number, 2, "does not like to be read");
        Ok(Self(number))
    }
}

registry! {
    pub struct PersistedRegistry {
        crate::persisted::GetKept,
        crate::persisted::GetKeptWeak,
        crate::persisted::GetKeptStale,
        crate::persisted::GetKeptShortly,
        crate::persisted::GetKeptMaybe,
        crate::persisted::GetKeptEqual,
        crate::persisted::GetKeptWhole,
        crate::persisted::GetUnkept,
        crate::persisted::GetKeptWeighed,
        crate::persisted::GetLossy,
        crate::persisted::GetShy,
    }
}

/// The loads of all programs that share it.
#[derive(Clone, Debug, Default)]
pub struct PersistedApp(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    loads: Mutex<HashMap<&'static str, usize>>,
    failing: AtomicUsize,
}

impl App for PersistedApp {
    type Registry = PersistedRegistry;
}

impl PersistedApp {
    /// Loads that were begun of a query.
    pub fn loads<Q: Query>(&self) -> usize {
        self.0.loads.lock().get(Q::NAME).copied().unwrap_or(0)
    }

    /// Has the next so many loads fail.
    pub fn fail_next(&self, count: usize) {
        self.0.failing.store(count, Ordering::SeqCst);
    }

    async fn load<Q: Query>(&self) -> Result<usize, PersistedError> {
        let number = {
            let mut loads = self.0.loads.lock();
            let number = loads.entry(Q::NAME).or_default();
            *number += 1;
            *number
        };
        crate::scripted::takes(SECOND).await;
        let less = |count: usize| count.checked_sub(1);
        match self.0.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => Err(PersistedError::NoLuck),
            Err(_) => Ok(number),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PersistedError {
    #[error("no luck")]
    NoLuck,
    #[error(transparent)]
    Query(#[from] QueryError<PersistedError>),
}

macro_rules! loaded {
    ($($query:ident => $value:ty: $make:expr;)*) => {
        $(impl Fetch<PersistedApp> for $query {
            type Error = PersistedError;

            async fn fetch(&self, cx: &Context<PersistedApp>) -> Result<$value, PersistedError> {
                let make: fn(&Self, usize) -> $value = $make;
                cx.app().load::<Self>().await.map(|number| make(self, number))
            }
        })*
    };
}

loaded! {
    GetKept => usize: |_, number| number;
    GetKeptWeak => usize: |_, number| number;
    GetKeptStale => usize: |_, number| number;
    GetKeptShortly => usize: |_, number| number;
    GetKeptMaybe => Option<usize>: |query, number| query.0.is_multiple_of(2).then_some(number);
    GetKeptEqual => u8: |_, _| 7;
    GetUnkept => usize: |_, number| number;
    GetKeptWeighed => usize: |_, number| number;
    GetLossy => usize: |_, number| number;
    GetShy => Shy: |query, _| Shy(query.0);
}

impl Fetch<PersistedApp> for GetKeptWhole {
    type Error = PersistedError;

    async fn fetch(&self, cx: &Context<PersistedApp>) -> Result<usize, PersistedError> {
        cx.app().load::<Self>().await?;
        Ok(*cx.query(&GetKept(self.0)).await? + 100)
    }
}

type Act = Box<dyn Fn() + Send>;

/// What is done when a key is weighed, once; each test has keys of its own.
static WEIGHING: Mutex<Vec<(u32, Act)>> = Mutex::new(Vec::new());

impl GetKeptWeighed {
    fn weight(&self, _: &usize) -> u32 {
        let act = {
            let mut acts = WEIGHING.lock();
            let at = acts.iter().position(|(key, _)| *key == self.0);
            at.map(|at| acts.swap_remove(at).1)
        };
        if let Some(act) = act {
            act();
        }
        1
    }

    /// Does something once, when the value of this key has been loaded and is about to be stored.
    pub fn when_weighed(&self, act: impl Fn() + Send + 'static) {
        WEIGHING.lock().push((self.0, Box::new(act)));
    }
}

/// Starts the program again and again: each time with an empty cache, by one clock.
pub struct Restarts<P> {
    pub provider: Arc<P>,
    pub app: PersistedApp,
    clock: Arc<TokioClock>,
}

impl<P: Provider> Restarts<P> {
    pub fn new(provider: P) -> Self {
        let (provider, app) = (Arc::new(provider), PersistedApp::default());
        Self { provider, app, clock: Arc::new(TokioClock::new()) }
    }

    pub fn builder(&self) -> ClientBuilder<PersistedApp> {
        self.builder_with_clock(Arc::clone(&self.clock))
    }

    pub fn builder_with_clock(&self, clock: impl Clock) -> ClientBuilder<PersistedApp> {
        // With a seed of its own a key may share its place among the changes with a tag, and count as changed with it.
        let cache = Cache::builder().clock(clock).hash_seed(1).build().unwrap();
        Client::builder(cache, self.app.clone()).provider(Arc::clone(&self.provider))
    }

    pub fn client(&self) -> Client<PersistedApp> {
        self.builder().build()
    }
}
