//! A query of unknown type: what the client needs from it, as small methods. The implementation is compiled for each
//! query that is loaded, so it is kept small.

use std::any::TypeId;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::{
    AnswerFacts, AnyKey, AnyStoreOutcome, AnyTable, AnyTableRef, AnyWatch, ValueHandle,
};
use cache_core::{Cache, EntryCodec, EntryState, LoadingOptions, Moment};

use crate::app::App;
use crate::client::Client;
use crate::concurrency::LoadSlot;
use crate::context::Context;
use crate::erased::{AnyError, AnyQueryError, AnyValue};
use crate::flight::outcome::{ErrorAdvice, LoadOutcome};
use crate::plan::Plan;
use crate::query_state::QueryState;
use crate::runtime::TaskRuntime;
use crate::telemetry::{Labels, Subject};

/// Facts about a query.
pub(crate) struct QueryFacts {
    pub(crate) name: &'static str,
    /// The type of the values.
    pub(crate) value: TypeId,
    pub(crate) loading: LoadingOptions,
    pub(crate) labels: Labels,
    /// Whether one load takes several keys, so that the load of a single key takes no slot.
    pub(crate) is_batched: bool,
}

/// A running load.
pub type LoadFuture<'a> = Pin<Box<dyn Future<Output = LoadOutcome> + Send + 'a>>;

/// A key to be loaded, perhaps together with others.
#[allow(missing_debug_implementations, reason = "cannot be named outside this crate")]
pub struct LoadTarget<'a, A: App> {
    pub(crate) query: &'a dyn AnyQuery<A>,
    /// The maximum number of keys of one load.
    pub(crate) max_keys: u32,
    /// The cached value, if its load may report that it is unchanged.
    pub(crate) present: Option<AnyValue>,
}

/// The cache of an app.
pub(crate) type CacheOf<A> = Cache<<A as App>::Registry>;

/// A key of a query of unknown type, which can be loaded.
pub(crate) trait AnyQuery<A: App>: AnyKey {
    fn facts(&self) -> &'static QueryFacts;
    fn to_query(&self) -> Arc<dyn AnyQuery<A>>;
    fn table<'c>(&self, cache: &'c CacheOf<A>) -> AnyTable<'c>;
    /// The table of the query.
    fn home(&self, cache: &CacheOf<A>) -> AnyTableRef;
    /// Reads the entry. `counts` says whether this counts as a use of it.
    fn read(&self, cache: &CacheOf<A>, counts: bool) -> Option<(AnyValue, EntryState)>;
    /// A value that is fresh by the times of its table, and since when it is true.
    fn plainly_fresh(&self, cache: &CacheOf<A>) -> Option<(AnyValue, Moment)>;
    /// Watches the key. Calls `on_change` whenever the key changes.
    fn watch(&self, cache: &CacheOf<A>, on_change: Option<Arc<dyn Fn() + Send + Sync>>) -> AnyWatch;
    /// Stores a loaded value, and the entries that its load brings along.
    fn store(&self, watch: &AnyWatch, value: AnyValue, facts: AnswerFacts<'_>) -> AnyStoreOutcome;
    /// The handle of a value, as the store has it.
    fn to_handle(&self, value: &AnyValue) -> ValueHandle;
    /// The value of such a handle.
    fn to_value(&self, handle: ValueHandle) -> AnyValue;
    /// Loads the value. If `present` is given, the load may report that it is unchanged.
    fn load<'a>(&'a self, cx: &'a Context<A>, max_keys: u32, present: Option<AnyValue>) -> LoadFuture<'a>;
    /// How the query judges an error of its load.
    fn advice(&self, error: &dyn AnyError) -> ErrorAdvice;
    fn is_expected(&self, error: &dyn AnyError) -> bool;
    fn fallback(&self, error: &AnyQueryError) -> Option<AnyValue>;
    fn is_absent(&self, value: &AnyValue) -> bool;
    /// How long to wait before the next poll.
    fn next_poll(&self, value: &AnyValue, period: Option<Duration>) -> Option<Duration>;
    /// How the key and its values are encoded; `None` if they are not persisted.
    fn codec(&self) -> Option<EntryCodec>;
}

impl<A: App> dyn AnyQuery<A> + '_ {
    /// The query as telemetry names it.
    pub(crate) fn subject(&self) -> Subject<'_> {
        let facts = self.facts();
        Subject::new(facts.name, facts.labels, self)
    }

    /// Whether a value means "absent", if the plan depends on that.
    pub(crate) fn counts_as_absent(&self, plan: &Plan, value: &AnyValue) -> bool {
        plan.checks_absence() && self.is_absent(value)
    }
}

impl<A: App> Client<A> {
    /// The state of a query, created by its first load.
    pub(crate) fn state_of(&self, query: &dyn AnyQuery<A>) -> &Arc<QueryState> {
        let table = query.table(self.cache()).index();
        self.query_states().existing(table).unwrap_or_else(|| self.query_states().of(table, query.type_id()))
    }

    /// The state of a query, if it was ever loaded.
    pub(crate) fn existing_query_state(&self, query: &dyn AnyQuery<A>) -> Option<&Arc<QueryState>> {
        self.query_states().existing(query.table(self.cache()).index())
    }

    /// The slot of a load of a query. `None` if there is no limit.
    pub(crate) fn slot_of(
        &self,
        query: &dyn AnyQuery<A>,
        query_state: &QueryState,
        runtime: &TaskRuntime,
    ) -> Option<Arc<LoadSlot>> {
        let own = || self.settings(query.type_id()).or(query.facts().loading);
        let limit = query_state.limit(|| own().or(self.defaults()).concurrency);
        LoadSlot::new(limit, self.limit(), (runtime, self.runtime()))
    }
}
