//! The typed part of the client: implements `AnyQuery` for each query that is loaded.

use std::any::TypeId;
use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::{
    AnswerFacts, AnyStoreOutcome, AnyTable, AnyTableRef, AnyWatch, Persistence, ValueHandle,
};
use cache_core::{EntryCodec, EntryState, Holds, Moment};

use super::Fetch;
use crate::any_query::{AnyQuery, CacheOf, LoadFuture, LoadTarget, QueryFacts};
use crate::app::App;
use crate::context::Context;
use crate::erased::{AnyError, AnyQueryError, AnyValue, typed_error, typed_value, wrong_type};
use crate::flight::outcome::ErrorAdvice;
use crate::telemetry::Labels;

impl<A: App, Q: Fetch<A>> AnyQuery<A> for Q
where
    A::Registry: Holds<Q>,
{
    fn facts(&self) -> &'static QueryFacts {
        const {
            &QueryFacts {
                name: Q::NAME,
                value: TypeId::of::<Q::Value>(),
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

    fn home(&self, cache: &CacheOf<A>) -> AnyTableRef {
        cache.any_table_ref::<Q>()
    }

    fn read(&self, cache: &CacheOf<A>, counts: bool) -> Option<(AnyValue, EntryState)> {
        match cache.value_and_state(self, counts) {
            Some((value, state)) => Some((value, state)),
            None => None,
        }
    }

    fn plainly_fresh(&self, cache: &CacheOf<A>) -> Option<(AnyValue, Moment)> {
        match cache.plainly_fresh_since(self) {
            Some((value, as_of)) => Some((value, as_of)),
            None => None,
        }
    }

    fn watch(&self, cache: &CacheOf<A>, on_change: Option<Arc<dyn Fn() + Send + Sync>>) -> AnyWatch {
        AnyWatch::new(cache.any_table_ref::<Q>(), self.clone(), on_change)
    }

    fn store(&self, watch: &AnyWatch, value: AnyValue, facts: AnswerFacts<'_>) -> AnyStoreOutcome {
        watch.store(self.clone(), typed_value(value), facts)
    }

    fn to_handle(&self, value: &AnyValue) -> ValueHandle {
        ValueHandle::new::<Q>(typed_value(Arc::clone(value)))
    }

    fn to_value(&self, handle: ValueHandle) -> AnyValue {
        match handle.value::<Q>() {
            Some(value) => value.clone(),
            None => wrong_type(),
        }
    }

    fn load<'a>(&'a self, cx: &'a Context<A>, max_keys: u32, present: Option<AnyValue>) -> LoadFuture<'a> {
        self.__load(cx, LoadTarget { query: self, max_keys, present })
    }

    fn advice(&self, error: &dyn AnyError) -> ErrorAdvice {
        let error = typed_error(error);
        let is_retryable = Q::is_retryable(error);
        let requested = if is_retryable { Q::retry_after(error) } else { None };
        ErrorAdvice { is_retryable, counts: Q::counts_as_failure(error), requested }
    }

    fn is_expected(&self, error: &dyn AnyError) -> bool {
        Q::is_expected(typed_error(error))
    }

    fn fallback(&self, error: &AnyQueryError) -> Option<AnyValue> {
        match Fetch::fallback(self, &error.clone().typed()) {
            Some(value) => Some(Arc::new(value)),
            None => None,
        }
    }

    fn is_absent(&self, value: &AnyValue) -> bool {
        (**value).downcast_ref().is_some_and(Q::is_absent)
    }

    fn next_poll(&self, value: &AnyValue, period: Option<Duration>) -> Option<Duration> {
        match (**value).downcast_ref() {
            Some(value) => Q::next_poll(self, value, period),
            None => wrong_type(),
        }
    }

    fn codec(&self) -> Option<EntryCodec> {
        Q::persistence().map(Persistence::entry_codec)
    }
}
