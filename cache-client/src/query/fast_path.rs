//! The fast path of a call: a value in the cache that is fresh by the times of its table. Everything else is left to
//! the slow path.

use std::sync::Arc;

use cache_core::{Holds, Moment};

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
        self.any_planned_hit(query).map(|(value, _)| typed_value(value))
    }

    /// A fresh value, and since when it is true. `None` in place of the latter if the value is not simply that of an
    /// entry without times of its own.
    pub(super) fn dated_hit<Q: Fetch<A>>(&self, query: &Q) -> Option<(Arc<Q::Value>, Option<Moment>)>
    where
        A::Registry: Holds<Q>,
    {
        self.any_planned_hit(query).map(|(value, as_of)| (typed_value(value), as_of))
    }

    /// A fresh value by the options of the client, in a request, or while there are layers of other keys. With it the
    /// time of [`dated_hit`](Self::dated_hit).
    #[inline(never)]
    fn any_planned_hit(&self, query: &dyn AnyQuery<A>) -> Option<(AnyValue, Option<Moment>)> {
        if let Some(node) = self.node() {
            if !node.may_answer_at_once() {
                return None;
            }
            match node.tree().memo.known(query) {
                MemoAnswer::Answer(value) => return Some((value, None)),
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
        let (value, as_of) = query.plainly_fresh(cache)?;
        self.client().telemetry().hit_of(query.subject(), plan.strategy());
        // Another call may have put an answer into the memo meanwhile, or a layer over it. Each of these exists while
        // the value that it replaces does, so their addresses differ.
        let read = Arc::as_ptr(&value);
        let kept = self.remember(query, value);
        let is_kept = std::ptr::addr_eq(Arc::as_ptr(&kept), read);
        let answer = self.with_layers(query, kept, layers.as_ref());
        let is_read = is_kept && std::ptr::addr_eq(Arc::as_ptr(&answer), read);
        Some((answer, is_read.then_some(as_of)))
    }
}
