//! The typed part of the client: what it asks of a query whose type it does not know. Compiled for each query that is
//! loaded, so it is kept small.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cache_core::{AnyTable, Cache, EntryState, Holds, Inputs, LoadingOptions, Watch};

use crate::app::{App, Fetch};
use crate::batch::loaded::Loaded;
use crate::context::Context;
use crate::erased::{AnyError, AnyKey, AnyValue, AnyWatch, Failure, typed_error, typed_value};
use crate::fly::attempts::Advice;
use crate::provider::shelf::AnyCodec;
use crate::telemetry::Labels;

/// What a query says of itself.
pub(crate) struct Facts {
    pub(crate) name: &'static str,
    pub(crate) loading: LoadingOptions,
    pub(crate) labels: Labels,
    /// Whether one load takes several keys, so that it is not that of a key which counts.
    pub(crate) is_batched: bool,
}

/// A load under way.
pub type Loading<'a> = Pin<Box<dyn Future<Output = Loaded> + Send + 'a>>;

/// How a key is loaded together with others.
#[allow(missing_debug_implementations, reason = "nobody outside can name it")]
pub struct Together<'a, A: App> {
    pub(crate) query: &'a dyn AnyQuery<A>,
    /// How many keys one load takes.
    pub(crate) most: u32,
}

/// The cache of an app.
type CacheOf<A> = Cache<<A as App>::Registry>;

/// A key of some query, with what loads it.
pub(crate) trait AnyQuery<A: App>: AnyKey {
    fn facts(&self) -> &'static Facts;
    fn to_query(&self) -> Arc<dyn AnyQuery<A>>;
    fn table<'c>(&self, cache: &'c CacheOf<A>) -> AnyTable<'c>;
    fn read(&self, cache: &CacheOf<A>, counts: bool) -> Option<(AnyValue, EntryState)>;
    /// A value that is fresh by the times of its table.
    fn plainly_fresh(&self, cache: &CacheOf<A>) -> Option<AnyValue>;
    fn watch(&self, cache: &CacheOf<A>) -> Arc<dyn AnyWatch>;
    /// A watch that calls `changed` for whatever happens to the key, until it is dropped.
    fn watch_with(&self, cache: &CacheOf<A>, changed: Box<dyn Fn() + Send + Sync>) -> Box<dyn Any + Send>;
    /// Keeps what is current under the key until it is dropped.
    fn pin(&self, cache: &CacheOf<A>) -> Box<dyn Any + Send>;
    /// Notes what a load has read.
    fn note(&self, cache: &CacheOf<A>, inputs: &mut Inputs, read: Read<'_>);
    fn load<'a>(&'a self, cx: &'a Context<A>, most: u32) -> Loading<'a>;
    /// What the query says to an error of its load.
    fn advice(&self, error: &dyn AnyError) -> Advice;
    fn is_expected(&self, error: &dyn AnyError) -> bool;
    fn fallback(&self, error: &Failure) -> Option<AnyValue>;
    fn is_absent(&self, value: &AnyValue) -> bool;
    /// How the key and its values are written; `None` if they are not kept elsewhere.
    fn codec(&self) -> Option<Box<dyn AnyCodec>>;
    /// The time before which copies that are kept elsewhere are out of date.
    fn copies_expire_before(&self, cache: &CacheOf<A>, now: u64) -> u64;
}

/// What a load was told of a key.
#[derive(Clone, Copy)]
pub(crate) struct Read<'a> {
    pub(crate) value: Option<&'a AnyValue>,
    /// It was known to be out of date.
    pub(crate) was_marked: bool,
    /// That of the load that gave the answer.
    pub(crate) watch: Option<&'a Arc<dyn AnyWatch>>,
}

impl<A: App, Q: Fetch<A>> AnyQuery<A> for Q
where
    A::Registry: Holds<Q>,
{
    fn facts(&self) -> &'static Facts {
        const {
            &Facts {
                name: Q::NAME,
                loading: Q::LOADING,
                labels: Labels::of::<Q>(),
                is_batched: Q::__IS_BATCHED,
            }
        }
    }

    fn to_query(&self) -> Arc<dyn AnyQuery<A>> {
        Arc::new(self.clone())
    }

    fn table<'c>(&self, cache: &'c CacheOf<A>) -> AnyTable<'c> {
        cache.any_table::<Q>()
    }

    fn read(&self, cache: &CacheOf<A>, counts: bool) -> Option<(AnyValue, EntryState)> {
        match cache.value_and_state(self, counts) {
            Some((value, state)) => Some((value, state)),
            None => None,
        }
    }

    fn plainly_fresh(&self, cache: &CacheOf<A>) -> Option<AnyValue> {
        match cache.plainly_fresh(self) {
            Some(value) => Some(value),
            None => None,
        }
    }

    fn watch(&self, cache: &CacheOf<A>) -> Arc<dyn AnyWatch> {
        Arc::new(cache.watch(self))
    }

    fn watch_with(&self, cache: &CacheOf<A>, changed: Box<dyn Fn() + Send + Sync>) -> Box<dyn Any + Send> {
        Box::new(cache.watch_with(self, changed))
    }

    fn pin(&self, cache: &CacheOf<A>) -> Box<dyn Any + Send> {
        Box::new(cache.pin(self))
    }

    fn note(&self, cache: &CacheOf<A>, inputs: &mut Inputs, read: Read<'_>) {
        let value = read.value.cloned().map(typed_value);
        let watch = read.watch.cloned().and_then(|watch| (watch as AnyValue).downcast::<Watch<Q>>().ok());
        inputs.note(cache, self, value.as_ref(), read.was_marked, watch.as_ref());
    }

    fn load<'a>(&'a self, cx: &'a Context<A>, most: u32) -> Loading<'a> {
        self.__load(cx, Together { query: self, most })
    }

    fn advice(&self, error: &dyn AnyError) -> Advice {
        let error = typed_error(error);
        let may_pass = Q::is_retryable(error);
        let asked = if may_pass { Q::retry_after(error) } else { None };
        Advice { may_pass, counts: Q::counts_as_failure(error), asked }
    }

    fn is_expected(&self, error: &dyn AnyError) -> bool {
        Q::is_expected(typed_error(error))
    }

    fn fallback(&self, error: &Failure) -> Option<AnyValue> {
        match Fetch::fallback(self, &error.clone().typed()) {
            Some(value) => Some(Arc::new(value)),
            None => None,
        }
    }

    fn is_absent(&self, value: &AnyValue) -> bool {
        (**value).downcast_ref().is_some_and(Q::is_absent)
    }

    fn codec(&self) -> Option<Box<dyn AnyCodec>> {
        match Q::persistence() {
            Some(persistence) => Some(Box::new(persistence)),
            None => None,
        }
    }

    fn copies_expire_before(&self, cache: &CacheOf<A>, now: u64) -> u64 {
        cache.copies_expire_before(self, now)
    }
}
