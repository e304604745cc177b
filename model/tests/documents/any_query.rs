//! Stands in for the client's queries of unknown type: what a step needs of them.

use std::sync::Arc;

use cache_model::client_support::{AnyKey, AnyTable, AnyTableRef, AnyWatch, ValueHandle};
use cache_model::{Cache, EntryState, Holds, Query};

use crate::app::App;
use crate::erased::{AnyValue, typed_value};

pub(crate) type CacheOf<A> = Cache<<A as App>::Registry>;

pub(crate) trait AnyQuery<A: App>: AnyKey {
    fn table<'a>(&self, cache: &'a CacheOf<A>) -> AnyTable<'a>;
    fn home(&self, cache: &CacheOf<A>) -> AnyTableRef;
    fn read(&self, cache: &CacheOf<A>, counts: bool) -> Option<(AnyValue, EntryState)>;
    fn watch(&self, cache: &CacheOf<A>) -> AnyWatch;
    fn to_handle(&self, value: &AnyValue) -> ValueHandle;
}

impl<A: App, Q: Query<Value: Sized>> AnyQuery<A> for Q
where
    A::Registry: Holds<Q>,
{
    fn table<'a>(&self, cache: &'a CacheOf<A>) -> AnyTable<'a> {
        cache.any_table::<Q>()
    }

    fn home(&self, cache: &CacheOf<A>) -> AnyTableRef {
        cache.any_table_ref::<Q>()
    }

    fn read(&self, cache: &CacheOf<A>, counts: bool) -> Option<(AnyValue, EntryState)> {
        let (value, state) = cache.value_and_state(self, counts)?;
        Some((value, state))
    }

    fn watch(&self, cache: &CacheOf<A>) -> AnyWatch {
        AnyWatch::new(cache.any_table_ref::<Q>(), self.clone(), None)
    }

    fn to_handle(&self, value: &AnyValue) -> ValueHandle {
        ValueHandle::new::<Q>(typed_value(Arc::clone(value)))
    }
}
