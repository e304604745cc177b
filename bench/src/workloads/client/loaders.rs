//! Caches that load a missing key once for all concurrent callers: our client, and the peers that can do that.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;

use cache_client::{Client, Fetch};
use cached::macros::cached;
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;

use super::{ENTRIES, GetLoaded, Load, NoWork, cache, entries, runtime};
use crate::peers::{Hasher, Value, value_of};

/// Capacity of each cache, the same as our table's.
const CAPACITY: usize = 2 * ENTRIES as usize;

/// A cache that loads missing keys. Cheap to clone.
pub trait Loader: Clone + Send + Sync + 'static {
    const NAME: &'static str;

    /// A cache with the keys `0..held` in it.
    fn holding(held: u32) -> Self;

    /// The value of a key. `None` if its load failed, which no load here does.
    fn query(&self, id: u64) -> impl Future<Output = Option<Value>> + Send;
}

impl<A: Load> Loader for Client<A>
where
    GetLoaded: Fetch<A>,
{
    const NAME: &'static str = "ours";

    fn holding(held: u32) -> Self {
        Client::builder(cache(held), A::default()).build()
    }

    async fn query(&self, id: u64) -> Option<Value> {
        self.query(&GetLoaded { id }).await.ok()
    }
}

/// `moka`, the async variant.
#[derive(Clone)]
pub struct Moka<A = NoWork>(moka::future::Cache<u64, Value, Hasher>, PhantomData<A>);

impl<A: Load> Loader for Moka<A> {
    const NAME: &'static str = "moka";

    fn holding(held: u32) -> Self {
        let moka = moka::future::Cache::builder();
        let moka = moka.max_capacity(CAPACITY as u64).build_with_hasher(Hasher::default());
        runtime().block_on(async {
            for (id, value) in entries(held) {
                moka.insert(id, value).await;
            }
            moka.run_pending_tasks().await;
        });
        Self(moka, PhantomData)
    }

    async fn query(&self, id: u64) -> Option<Value> {
        Some(self.0.get_with(id, A::load(id)).await)
    }
}

/// `quick_cache`, whose guard tells waiting callers that there is a value.
#[derive(Clone)]
pub struct QuickCache<A = NoWork>(
    Arc<quick_cache::sync::Cache<u64, Value, UnitWeighter, Hasher>>,
    PhantomData<A>,
);

impl<A: Load> Loader for QuickCache<A> {
    const NAME: &'static str = "quick_cache";

    fn holding(held: u32) -> Self {
        let cache = quick_cache::sync::Cache::with(
            CAPACITY,
            CAPACITY as u64,
            UnitWeighter,
            Hasher::default(),
            DefaultLifecycle::default(),
        );
        entries(held).for_each(|(id, value)| cache.insert(id, value));
        Self(Arc::new(cache), PhantomData)
    }

    async fn query(&self, id: u64) -> Option<Value> {
        let load = async { Ok::<_, Infallible>(A::load(id).await) };
        self.0.get_or_insert_async(&id, load).await.ok()
    }
}

/// `cached` in the form that its manual recommends for this: a function with its macro, which runs once for all
/// concurrent callers with one key. The cache is a static, with the hasher that the macro uses.
#[derive(Clone)]
pub struct Cached;

#[cached(max_size = 200_000, sync_writes = "by_key")]
async fn cached_value_of(id: u64) -> Value {
    value_of(id)
}

impl Loader for Cached {
    const NAME: &'static str = "cached";

    fn holding(held: u32) -> Self {
        runtime().block_on(async {
            for id in 0..held {
                drop(cached_value_of(id.into()).await);
            }
        });
        Self
    }

    async fn query(&self, id: u64) -> Option<Value> {
        Some(cached_value_of(id).await)
    }
}
