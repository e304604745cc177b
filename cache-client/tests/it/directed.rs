//! An app whose loads run what a test has directed, in their own contexts.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cache_client::{App, Client, ClientBuilder, Context, Fetch, FetchMany, QueryError, TokioClock};
use cache_core::{Cache, Freshness, Holds, Query, Shape, Tag, registry};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::scripted::SECOND;

macro_rules! directed {
    ($($(#[$comment:meta])* $name:ident { $($option:tt)* })*) => {
        $(
            $(#[$comment])*
            #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
            #[query($($option)*)]
            pub struct $name(pub u32);
        )*
    };
}

directed! {
    GetPage { value = usize, capacity = 1_000, fresh = "60s", persist }
    /// Keeps the old value if a load returns an equal one.
    GetEqualPage { value = usize, capacity = 1_000, fresh = "60s", eq }
    /// Absent for the answer 0.
    GetMaybePage { value = Option<usize>, capacity = 1_000, fresh = "60s", absent_ttl = "5s" }
    /// A table that keeps nothing by itself.
    GetWeakPage { value = usize, fresh = "60s", eq }
    /// The keys of one load have the answer of the first.
    GetPageTogether { value = usize, capacity = 1_000, fresh = "60s", batch }
    GetItem { value = usize, capacity = 1_000, fresh = "60s", persist, tags("items"), tags_of = GetItem::tags }
    GetEqualItem { value = usize, capacity = 1_000, fresh = "60s", eq }
    GetWeakItem { value = usize, fresh = "60s" }
}

impl GetItem {
    fn tags(&self) -> [Tag; 1] {
        [Tag::new("item", self.0)]
    }
}

registry! {
    pub struct DirectedRegistry {
        crate::directed::GetPage,
        crate::directed::GetEqualPage,
        crate::directed::GetMaybePage,
        crate::directed::GetWeakPage,
        crate::directed::GetPageTogether,
        crate::directed::GetItem,
        crate::directed::GetEqualItem,
        crate::directed::GetWeakItem,
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DirectedError {
    #[error("the load failed")]
    Failed,
    #[error(transparent)]
    Query(#[from] QueryError<DirectedError>),
}

pub type Directed = Result<usize, DirectedError>;
type Load = Arc<dyn Fn(Context<DirectedApp>) -> Pin<Box<dyn Future<Output = Directed> + Send>> + Send + Sync>;

#[derive(Default)]
pub struct DirectedApp {
    directed: Mutex<HashMap<(&'static str, u32), Load>>,
    loads: Mutex<HashMap<(&'static str, u32), usize>>,
}

impl App for DirectedApp {
    type Registry = DirectedRegistry;
}

pub trait Numbered: Query {
    fn number(&self) -> u32;
}

impl DirectedApp {
    /// Directs all later loads of a key. Other loads answer at once with their number, counted from 1.
    pub fn direct<Q: Numbered, F>(&self, query: &Q, load: impl Fn(Context<Self>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Directed> + Send + 'static,
    {
        self.directed.lock().insert((Q::NAME, query.number()), Arc::new(move |cx| Box::pin(load(cx))));
    }

    /// The number of loads of a key that have started.
    pub fn loads<Q: Numbered>(&self, query: &Q) -> usize {
        self.loads.lock().get(&(Q::NAME, query.number())).copied().unwrap_or(0)
    }

    async fn load<Q: Numbered>(&self, query: &Q, cx: &Context<Self>) -> Directed {
        let at = (Q::NAME, query.number());
        let number = {
            let mut loads = self.loads.lock();
            let number = loads.entry(at).or_default();
            *number += 1;
            *number
        };
        let directed = self.directed.lock().get(&at).cloned();
        match directed {
            Some(load) => load(cx.clone()).await,
            None => Ok(number),
        }
    }
}

macro_rules! numbered {
    ($($name:ident),*) => {
        $(impl Numbered for $name {
            fn number(&self) -> u32 {
                self.0
            }
        })*
    };
}

macro_rules! loaded {
    ($($name:ident => $value:ty, $to_value:expr;)*) => {
        $(impl Fetch<DirectedApp> for $name {
            type Error = DirectedError;

            async fn fetch(&self, cx: &Context<DirectedApp>) -> Result<$value, DirectedError> {
                cx.app().load(self, cx).await.map($to_value)
            }

            fn is_retryable(_: &DirectedError) -> bool {
                true
            }

            fn retry_after(_: &DirectedError) -> Option<Duration> {
                Some(SECOND)
            }
        })*
    };
}

numbered!(
    GetPage,
    GetEqualPage,
    GetMaybePage,
    GetWeakPage,
    GetPageTogether,
    GetItem,
    GetEqualItem,
    GetWeakItem
);
loaded! {
    GetPage => usize, |value| value;
    GetEqualPage => usize, |value| value;
    GetMaybePage => Option<usize>, |value| Some(value).filter(|value| *value > 0);
    GetWeakPage => usize, |value| value;
    GetItem => usize, |value| value;
    GetEqualItem => usize, |value| value;
    GetWeakItem => usize, |value| value;
}

impl FetchMany<DirectedApp> for GetPageTogether {
    type Error = DirectedError;

    async fn fetch_many(keys: &[Self], cx: &Context<DirectedApp>) -> Vec<Directed> {
        let value = cx.app().load(&keys[0], cx).await.unwrap();
        keys.iter().map(|_| Ok(value)).collect()
    }
}

pub fn builder() -> ClientBuilder<DirectedApp> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, DirectedApp::default())
}

pub fn directed_client() -> Client<DirectedApp> {
    builder().build()
}

/// Whether the entry of a key is marked as invalidated.
pub fn is_marked<Q: Query>(client: &Client<DirectedApp>, query: &Q) -> bool
where
    DirectedRegistry: Holds<Q>,
{
    client.cache().peek_entry(query).expect("there is an entry").freshness() == Freshness::Invalidated
}
