//! What a call shows of optimistic layers: those of its key, folded over its answer. Loads nothing.

use std::sync::Arc;

use cache_core::{Freshness, LoadingOptions};

use super::Asker;
use crate::app::App;
use crate::desk::Desk;
use crate::erased::AnyValue;
use crate::error::OptionsError;
use crate::layer::stack::{Layered, Sight};
use crate::query::AnyQuery;

/// The layers of a key before anything was read.
pub(super) struct View {
    desk: Arc<Desk>,
    sight: Option<Sight>,
}

impl View {
    pub(super) fn has_layers(&self) -> bool {
        self.sight.is_some()
    }
}

impl<A: App> Asker<'_, A> {
    /// The layers that the caller may see. `None` if there are none at all.
    #[inline]
    pub(super) fn view(&self, query: &dyn AnyQuery<A>) -> Option<View> {
        if self.client().layers().are_there() { self.view_of(query) } else { None }
    }

    #[cold]
    fn view_of(&self, query: &dyn AnyQuery<A>) -> Option<View> {
        let access = self.access();
        // What is being built by a load is stored, and must not have what is not true yet in it.
        if self.node().is_some_and(|node| node.hides_layers) || !access.reads || access.fresh_only {
            return None;
        }
        let desk = Arc::clone(self.client().existing_desk(query)?);
        let sight = desk.stacks.sight(query);
        Some(View { desk, sight })
    }

    /// What layers make of a key that the cache has nothing of: an answer, for who reads the cache first.
    pub(super) fn made_of_nothing(
        &self,
        query: &dyn AnyQuery<A>,
        options: Option<LoadingOptions>,
        view: Option<&View>,
    ) -> Result<Option<AnyValue>, OptionsError> {
        let Some(View { desk, sight: Some(_) }) = view else { return Ok(None) };
        if self.node().is_some_and(|node| node.has_ended())
            || !self.plan(query, options, self.access())?.reads_first()
        {
            return Ok(None);
        }
        let Layered { base, folded } = desk.stacks.read(query, || self.peek(query, false), |base| base);
        Ok(folded.filter(|_| base.is_none()))
    }

    /// An answer with the layers of its key. `view` is that of before the call.
    #[inline]
    pub(super) fn shown(&self, query: &dyn AnyQuery<A>, answer: AnyValue, view: Option<View>) -> AnyValue {
        match view.or_else(|| self.view(query)) {
            Some(view) => self.fold(query, answer, &view),
            None => answer,
        }
    }

    #[cold]
    fn fold(&self, query: &dyn AnyQuery<A>, answer: AnyValue, view: &View) -> AnyValue {
        // What is marked may be older than an answer that came too late to be stored.
        let again = || {
            let (value, state) = query.read(self.client().cache(), false)?;
            (state.freshness != Freshness::Invalidated).then_some(value)
        };
        let shown = view.desk.stacks.apply(query, view.sight.as_ref(), Arc::clone(&answer), again);
        match self.node() {
            Some(node) => node.tree().memo.show(query, &answer, shown),
            None => shown,
        }
    }

    /// What the cache has, with the layers of its key.
    pub(super) fn cached_and_shown(&self, query: &dyn AnyQuery<A>) -> Option<AnyValue> {
        let read = || self.peek(query, true);
        let Some(view) = self.view(query) else { return read() };
        let Layered { base, folded } = view.desk.stacks.read(query, read, |base| base);
        folded.or(base)
    }

    fn peek(&self, query: &dyn AnyQuery<A>, counts: bool) -> Option<AnyValue> {
        query.read(self.client().cache(), counts).map(|(value, _)| value)
    }
}
