//! Optimistic layers in the answer of a call: those of its key, folded over the answer. Loads nothing.

use std::sync::Arc;

use cache_core::{Freshness, LoadingOptions};

use super::caller::Caller;
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::erased::AnyValue;
use crate::error::OptionsError;
use crate::layer::stack::{LayerSteps, Layered};
use crate::query_state::QueryState;

/// The layers that a key had before the call read anything.
pub(super) struct LayersBefore {
    query_state: Arc<QueryState>,
    steps: Option<LayerSteps>,
}

impl LayersBefore {
    pub(super) fn has_layers(&self) -> bool {
        self.steps.is_some()
    }
}

impl<A: App> Caller<'_, A> {
    /// The layers that the caller may see. `None` if there are none.
    #[inline]
    pub(super) fn layers_before(&self, query: &dyn AnyQuery<A>) -> Option<LayersBefore> {
        if self.client().layers().any_exist() { self.any_layers_before(query) } else { None }
    }

    #[cold]
    fn any_layers_before(&self, query: &dyn AnyQuery<A>) -> Option<LayersBefore> {
        let access = self.access();
        // The answer of a load is stored, and must not contain unconfirmed changes.
        if self.node().is_some_and(|node| node.hides_layers) || !access.reads || access.fresh_only {
            return None;
        }
        let query_state = Arc::clone(self.client().existing_query_state(query)?);
        let steps = query_state.stacks.steps(query);
        Some(LayersBefore { query_state, steps })
    }

    /// The answer that layers alone give for a key without a value, for calls that read the cache first.
    pub(super) fn answer_of_layers_alone(
        &self,
        query: &dyn AnyQuery<A>,
        options: Option<LoadingOptions>,
        layers: Option<&LayersBefore>,
    ) -> Result<Option<AnyValue>, OptionsError> {
        let Some(LayersBefore { query_state, steps: Some(_) }) = layers else { return Ok(None) };
        if self.node().is_some_and(|node| node.has_ended())
            || !self.plan(query, options, self.access())?.reads_first()
        {
            return Ok(None);
        }
        let Layered { base, folded } =
            query_state.stacks.read(query, || self.read_value(query, false), |base| base);
        Ok(folded.filter(|_| base.is_none()))
    }

    /// An answer with the layers of its key. `layers` are those from before the call.
    #[inline]
    pub(super) fn with_layers(
        &self,
        query: &dyn AnyQuery<A>,
        answer: AnyValue,
        layers: Option<&LayersBefore>,
    ) -> AnyValue {
        if let Some(layers) = layers {
            return self.fold(query, answer, layers);
        }
        match self.layers_before(query) {
            Some(layers) => self.fold(query, answer, &layers),
            None => answer,
        }
    }

    #[cold]
    fn fold(&self, query: &dyn AnyQuery<A>, answer: AnyValue, layers: &LayersBefore) -> AnyValue {
        // A marked value may be older than an answer that came too late to be stored.
        let again = || {
            let (value, state) = query.read(self.client().cache(), false)?;
            (state.freshness != Freshness::Invalidated).then_some(value)
        };
        let with_layers =
            layers.query_state.stacks.apply(query, layers.steps.as_ref(), Arc::clone(&answer), again);
        match self.node() {
            Some(node) => node.tree().memo.show(query, &answer, with_layers),
            None => with_layers,
        }
    }

    /// The value in the cache, with the layers of its key.
    pub(super) fn cached_with_layers(&self, query: &dyn AnyQuery<A>) -> Option<AnyValue> {
        let read = || self.read_value(query, true);
        let Some(layers) = self.layers_before(query) else { return read() };
        let Layered { base, folded } = layers.query_state.stacks.read(query, read, |base| base);
        folded.or(base)
    }

    fn read_value(&self, query: &dyn AnyQuery<A>, counts: bool) -> Option<AnyValue> {
        query.read(self.client().cache(), counts).map(|(value, _)| value)
    }
}
