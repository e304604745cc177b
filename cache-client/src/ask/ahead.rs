//! Loading a query before anybody asks for it, and waiting for the end of that.

use std::future::Future;
use std::sync::Arc;

use super::Asker;
use crate::app::App;
use crate::concurrency::LoadSlot;
use crate::error::OptionsError;
use crate::flight::Flight;
use crate::plan::Verdict;
use crate::query::AnyQuery;
use crate::telemetry;
use crate::waits::Waiting;

impl<A: App> Asker<'_, A> {
    /// Loads a query behind the caller's back, unless there is no need. Returns the load, if there is one.
    pub(crate) fn prefetch(&self, query: &dyn AnyQuery<A>) -> Option<Arc<Flight>> {
        let access = self.access();
        let needs_none = self.node().is_some_and(|node| node.has_ended() || node.answer(query).is_some());
        if access.is_private || needs_none {
            return None;
        }
        let plan = match self.planned(query, None, access) {
            Ok(plan) => plan,
            Err(error) => {
                self.refuse(query, error);
                return None;
            }
        };
        if !plan.stores() {
            return None;
        }
        match self.look(query, &plan, false) {
            Some((_, Verdict::Fresh)) => None,
            Some((_, Verdict::Ending)) => {
                self.load_behind(query, &plan.shared(), true).map(|behind| behind.flight)
            }
            _ => self.load_behind(query, &plan.shared(), false).map(|behind| behind.flight),
        }
    }

    /// The slot of the load that asks, if it needs one.
    pub(crate) fn slot_around(&self) -> Option<Arc<LoadSlot>> {
        self.context(self.access())?.slot.clone()
    }

    /// Says of a query whose options cannot work why it is not loaded.
    fn refuse(&self, query: &dyn AnyQuery<A>, error: OptionsError) {
        telemetry::prefetch_refused(&error);
        let watch = Arc::new(query.watch(self.client().cache(), None));
        self.client().desk_of(query).failures.note(query.to_query(), watch, error.into(), None);
    }

    /// Waits for the end of a load without a seat, so that what it brings is kept for who comes later.
    pub(crate) fn end_of(&self, flight: Arc<Flight>) -> impl Future<Output = ()> + Send + use<A> {
        let context = self.context(self.access());
        let from = context.and_then(|node| Some((Arc::clone(node.client.waits()), node.flight?)));
        let token = self.node().map(|node| node.token.clone()).unwrap_or_default();
        let runtime = Arc::clone(self.client().runtime());
        async move {
            let _waiting = match from.map(|(waits, id)| Waiting::begin(&waits, id, flight.id)) {
                Some(None) => return,
                waiting => waiting,
            };
            tokio::select! {
                () = token.cancelled() => {}
                _ = flight.landed() => {}
                () = flight.runtime.until_idle(&runtime) => {}
            }
        }
    }
}
