//! The typed part of the client: what it asks of a query whose type it does not know. Compiled for each query that is
//! loaded, so it is kept small.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cache_core::client_support::{
    AnyHome, AnyKey, AnyTable, AnyWatch, Inputs, Persistence, StoredAs, ValueHandle,
};
use cache_core::{Cache, EntryCodec, EntryState, EntryTimes, Holds, LoadingOptions};

use crate::app::{App, Fetch};
use crate::batch::loaded::Loaded;
use crate::context::Context;
use crate::erased::{AnyError, AnyValue, Failure, misplaced, typed_error, typed_value};
use crate::fly::attempts::Advice;
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
    /// Where the table lives.
    fn home(&self, cache: &CacheOf<A>) -> AnyHome;
    fn read(&self, cache: &CacheOf<A>, counts: bool) -> Option<(AnyValue, EntryState)>;
    /// A value that is fresh by the times of its table.
    fn plainly_fresh(&self, cache: &CacheOf<A>) -> Option<AnyValue>;
    /// Watches the key. Rings the bell for whatever happens to it.
    fn watch(&self, cache: &CacheOf<A>, bell: Option<Arc<dyn Fn() + Send + Sync>>) -> AnyWatch;
    /// Stores a loaded value that was built from these.
    fn store(&self, watch: &AnyWatch, value: AnyValue, times: &EntryTimes, inputs: &Inputs) -> StoredAs;
    /// The handle of a value, as the store has it.
    fn to_handle(&self, value: &AnyValue) -> ValueHandle;
    /// The value of such a handle.
    fn to_value(&self, handle: ValueHandle) -> AnyValue;
    fn load<'a>(&'a self, cx: &'a Context<A>, most: u32) -> Loading<'a>;
    /// What the query says to an error of its load.
    fn advice(&self, error: &dyn AnyError) -> Advice;
    fn is_expected(&self, error: &dyn AnyError) -> bool;
    fn fallback(&self, error: &Failure) -> Option<AnyValue>;
    fn is_absent(&self, value: &AnyValue) -> bool;
    /// How the key and its values are written; `None` if they are not kept elsewhere.
    fn codec(&self) -> Option<EntryCodec>;
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

    fn home(&self, cache: &CacheOf<A>) -> AnyHome {
        cache.table_home::<Q>()
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

    fn watch(&self, cache: &CacheOf<A>, bell: Option<Arc<dyn Fn() + Send + Sync>>) -> AnyWatch {
        AnyWatch::new(cache.table_home::<Q>(), self.clone(), bell)
    }

    fn store(&self, watch: &AnyWatch, value: AnyValue, times: &EntryTimes, inputs: &Inputs) -> StoredAs {
        watch.store(self.clone(), typed_value(value), times, inputs)
    }

    fn to_handle(&self, value: &AnyValue) -> ValueHandle {
        ValueHandle::new::<Q>(typed_value(Arc::clone(value)))
    }

    fn to_value(&self, handle: ValueHandle) -> AnyValue {
        match handle.value::<Q>() {
            Some(value) => value.clone(),
            None => misplaced(),
        }
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

    fn codec(&self) -> Option<EntryCodec> {
        Q::persistence().map(Persistence::entry_codec)
    }
}
