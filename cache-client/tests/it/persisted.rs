//! An app with persisted queries, which can restart over the same provider.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_client::{App, Client, ClientBuilder, Context, Fetch, Provider, QueryError, TokioClock};
use cache_core::{Cache, Clock, Query, Shape, Tag, registry};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

pub use crate::scripted::spawn_query;

use crate::scripted::SECOND;
use crate::weighing;

macro_rules! kept {
    ($($(#[$comment:meta])* $name:ident { $($option:tt)* })*) => {$(
        $(#[$comment])*
        #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[query($($option)*)]
        pub struct $name(pub u32);
    )*};
}

kept! {
    /// The value is the number of the load, counted from 1. Each load takes a second.
    GetKept { value = usize, capacity = 1_000, fresh = "10s", persist, tags("kept"), tags_of = GetKept::tags }
    /// A weak table: only readers and the provider keep the value.
    GetKeptWeak { value = usize, fresh = "10s", persist }
    GetKeptStale {
        value = usize, capacity = 1_000, strategy = "stale-while-revalidate", fresh = "10s", swr = "60s", persist
    }
    /// Fresh for longer than its time to live.
    GetKeptShortly { value = usize, capacity = 1_000, fresh = "60s", ttl = "10s", persist }
    /// Absent for odd keys.
    GetKeptMaybe { value = Option<usize>, capacity = 1_000, fresh = "100s", absent_ttl = "5s", persist }
    /// Its load queries a [`GetKept`].
    GetKeptWhole { value = usize, capacity = 1_000, fresh = "10s", persist }
    /// Not derived with `persist`.
    GetUnkept { value = usize, capacity = 1_000, fresh = "10s" }
    /// Has a weight function, which runs between the end of the load and its store.
    GetKeptWeighed { value = usize, max_weight = 1_000, weigh = GetKeptWeighed::weight, fresh = "10s", persist }
}

impl GetKept {
    fn tags(&self) -> [Tag; 1] {
        [Tag::new("kept", self.0)]
    }
}

/// The value is always the same.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u8, capacity = 1_000, fresh = "10s", eq, persist)]
pub struct GetKeptEqual(pub u32);

/// A key that does not survive serialization unchanged.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = usize, capacity = 1_000, fresh = "10s", persist, opaque)]
pub struct GetLossy(pub u32, #[serde(skip)] pub u32);

/// A value that panics when it is serialized (key 1) or deserialized (key 2).
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Uncodable, capacity = 1_000, fresh = "10s", persist, opaque)]
pub struct GetUncodable(pub u32);

#[derive(Debug)]
pub struct Uncodable(pub u32);

impl Serialize for Uncodable {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(self.0, 1, "cannot be serialized");
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Uncodable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        assert_ne!(number, 2, "cannot be deserialized");
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
        crate::persisted::GetUncodable,
    }
}

/// Counts the loads of all clients that share it.
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
    /// The number of loads of a query that have started.
    pub fn loads<Q: Query>(&self) -> usize {
        self.0.loads.lock().get(Q::NAME).copied().unwrap_or(0)
    }

    /// Makes the next `count` loads fail.
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
    GetUncodable => Uncodable: |query, _| Uncodable(query.0);
}

impl Fetch<PersistedApp> for GetKeptWhole {
    type Error = PersistedError;

    async fn fetch(&self, cx: &Context<PersistedApp>) -> Result<usize, PersistedError> {
        cx.app().load::<Self>().await?;
        Ok(*cx.query(&GetKept(self.0)).await? + 100)
    }
}

impl GetKeptWeighed {
    fn weight(&self, _: &usize) -> u32 {
        weighing::weigh::<Self>(self.0)
    }

    /// Runs an action once, when the value of this key is loaded and about to be stored.
    pub fn when_weighed(&self, act: impl Fn() + Send + 'static) {
        weighing::once::<Self>(self.0, act);
    }
}

/// Builds a client for each restart, with an empty cache, one provider and one clock.
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
        // With a random seed, a key and a tag can share a slot of the recorded changes. The key then counts as changed.
        let cache = Cache::builder().clock(clock).hash_seed(1).build().unwrap();
        Client::builder(cache, self.app.clone()).provider(Arc::clone(&self.provider))
    }

    pub fn client(&self) -> Client<PersistedApp> {
        self.builder().build()
    }
}
