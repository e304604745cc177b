//! The shortest ways to an answer: for what most calls meet, an answer in the cache that is fresh by the times of its table.
//! Whatever these do not find is left to the long way.

use std::sync::Arc;

use cache_core::Holds;

use super::Asker;
use super::layered::View;
use crate::app::{App, Fetch};
use crate::erased::{AnyValue, typed_value};
use crate::memo::Known;
use crate::plan;
use crate::query::AnyQuery;
use crate::telemetry::Subject;

impl<A: App> Asker<'_, A> {
    /// A fresh answer where nobody but the query has said anything of how it is to be got.
    #[inline]
    pub(super) fn at_once<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        let Self::Client(client) = *self else { return self.soon(query) };
        let is_plain = client.leaves_all_to_queries() && !client.layers().are_there();
        if !(is_plain && plan::is_plain(&Q::LOADING)) {
            return self.soon(query);
        }
        let value = client.cache().plainly_fresh(query)?;
        client.telemetry().hit(query, Q::LOADING.strategy.unwrap_or_default());
        Some(value)
    }

    fn soon<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        self.any_soon(query).map(typed_value)
    }

    /// A fresh answer by options that somebody else has given, in a request, or while there are layers of other keys.
    #[inline(never)]
    fn any_soon(&self, query: &dyn AnyQuery<A>) -> Option<AnyValue> {
        if let Some(node) = self.node() {
            if !node.may_answer_at_once() {
                return None;
            }
            match node.tree().memo.known(query) {
                Known::Answer(value) => return Some(value),
                Known::Asked => return None,
                Known::Nothing if node.token.is_cancelled() => return None,
                Known::Nothing => {}
            }
        }
        // Resolved by the first call that comes the long way.
        let cache = self.client().cache();
        let plan = self.client().plan_of(query.table(cache).index()).get()?.as_ref().ok()?;
        if !plan.is_plain() {
            return None;
        }
        // Before anything is read.
        let view = self.view(query);
        if view.as_ref().is_some_and(View::has_layers) {
            return None;
        }
        let value = query.plainly_fresh(cache)?;
        self.client().telemetry().hit_of(Subject::of(query), plan.strategy());
        Some(self.shown(query, self.keep(query, value), view))
    }
}
