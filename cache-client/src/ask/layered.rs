//! What a call shows of optimistic layers: those of its key, folded over its answer. Loads nothing.

use std::sync::Arc;

use cache_core::{Freshness, Holds, LoadingOptions};

use super::Asker;
use crate::app::{App, Fetch};
use crate::desk::Desk;
use crate::error::OptionsError;
use crate::layer::stack::{Layered, Sight};

/// The layers of a key before anything was read.
pub(super) struct View<A: App, Q: Fetch<A>> {
    desk: Arc<Desk<Q, Q::Error>>,
    sight: Option<Sight<Q::Value>>,
}

impl<A: App, Q: Fetch<A>> View<A, Q> {
    pub(super) fn has_layers(&self) -> bool {
        self.sight.is_some()
    }
}

impl<A: App> Asker<'_, A> {
    /// The layers that the caller may see. `None` if there are none at all.
    #[inline]
    pub(super) fn view<Q: Fetch<A>>(&self, query: &Q) -> Option<View<A, Q>> {
        if self.client().layers().are_there() { self.view_of(query) } else { None }
    }

    #[cold]
    fn view_of<Q: Fetch<A>>(&self, query: &Q) -> Option<View<A, Q>> {
        let access = self.access();
        // What is being built by a load is stored, and must not have what is not true yet in it.
        if self.node().is_some_and(|node| node.hides_layers) || !access.reads || access.fresh_only {
            return None;
        }
        let desk = self.client().desks().existing::<Q, Q::Error>()?;
        let sight = desk.stacks.sight(query);
        Some(View { desk, sight })
    }

    /// What layers make of a key that the cache has nothing of: an answer, for who reads the cache first.
    pub(super) fn made_of_nothing<Q: Fetch<A>>(
        &self,
        query: &Q,
        options: Option<LoadingOptions>,
        view: Option<&View<A, Q>>,
    ) -> Result<Option<Arc<Q::Value>>, OptionsError>
    where
        A::Registry: Holds<Q>,
    {
        let Some(View { desk, sight: Some(_) }) = view else { return Ok(None) };
        if self.node().is_some_and(|node| node.has_ended())
            || !self.plan::<Q>(options, self.access())?.reads_first()
        {
            return Ok(None);
        }
        let Layered { base, folded } =
            desk.stacks.read(query, || self.client().cache().peek(query), |base| base);
        Ok(folded.filter(|_| base.is_none()))
    }

    /// An answer with the layers of its key. `view` is that of before the call.
    #[inline]
    pub(super) fn shown<Q: Fetch<A>>(
        &self,
        query: &Q,
        answer: Arc<Q::Value>,
        view: Option<View<A, Q>>,
    ) -> Arc<Q::Value>
    where
        A::Registry: Holds<Q>,
    {
        match view.or_else(|| self.view(query)) {
            Some(view) => self.fold(query, answer, &view),
            None => answer,
        }
    }

    #[cold]
    fn fold<Q: Fetch<A>>(&self, query: &Q, answer: Arc<Q::Value>, view: &View<A, Q>) -> Arc<Q::Value>
    where
        A::Registry: Holds<Q>,
    {
        // What is marked may be older than an answer that came too late to be stored.
        let again = || {
            let (value, state) = self.client().cache().value_and_state(query, false)?;
            (state.freshness != Freshness::Invalidated).then_some(value)
        };
        let shown = view.desk.stacks.apply(query, view.sight.as_ref(), Arc::clone(&answer), again);
        match self.node() {
            Some(node) => node.tree.memo.show::<Q, Q::Error>(query, &answer, shown),
            None => shown,
        }
    }

    /// What the cache has, with the layers of its key.
    pub(super) fn cached_and_shown<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        let read = || self.client().cache().get(query);
        let Some(view) = self.view(query) else { return read() };
        let Layered { base, folded } = view.desk.stacks.read(query, read, |base| base);
        folded.or(base)
    }
}
