//! The fast path of a call: a value in the cache that is fresh by the times of its table. Everything else is left to
//! the slow path.

use std::sync::Arc;

use cache_core::Holds;

use super::caller::Caller;
use super::optimistic::LayersBefore;
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::context::memo::MemoAnswer;
use crate::erased::{AnyValue, typed_value};
use crate::fetch::Fetch;
use crate::plan;

impl<A: App> Caller<'_, A> {
    /// A fresh value, if only the query's own options apply.
    #[inline]
    pub(super) fn fresh_hit<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        let Self::Client(client) = *self else { return self.planned_hit(query) };
        let is_plain = client.has_no_options() && !client.layers().any_exist();
        if !(is_plain && plan::is_plain(&Q::LOADING)) {
            return self.planned_hit(query);
        }
        // Before the value.
        if Q::SHARING.is_some() && !client.is_within_lag() {
            return None;
        }
        let value = client.cache().plainly_fresh(query)?;
        client.telemetry().hit(query, Q::LOADING.strategy.unwrap_or_default());
        Some(value)
    }

    fn planned_hit<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        self.any_planned_hit(query).map(typed_value)
    }

    /// A fresh value by the options of the client, in a request, or while there are layers of other keys.
    #[inline(never)]
    fn any_planned_hit(&self, query: &dyn AnyQuery<A>) -> Option<AnyValue> {
        if let Some(node) = self.node() {
            if !node.may_answer_at_once() {
                return None;
            }
            match node.tree().memo.known(query) {
                MemoAnswer::Answer(value) => return Some(value),
                MemoAnswer::Requested => return None,
                MemoAnswer::Unknown if node.has_ended() => return None,
                MemoAnswer::Unknown => {}
            }
        }
        // Resolved by the first call on the slow path.
        let cache = self.client().cache();
        let plan = self.client().plan_of(query.table(cache).index()).get()?.as_ref().ok()?;
        if !plan.is_plain() {
            return None;
        }
        // Before the value.
        if plan.is_shared() && !self.client().is_within_lag() {
            return None;
        }
        // Before anything is read.
        let layers = self.layers_before(query);
        if layers.as_ref().is_some_and(LayersBefore::has_layers) {
            return None;
        }
        let value = query.plainly_fresh(cache)?;
        self.client().telemetry().hit_of(query.subject(), plan.strategy());
        Some(self.with_layers(query, self.remember(query, value), layers.as_ref()))
    }
}
