//! Remembers answers in the tree of a call, and notes them for the load that makes the call.

use std::sync::Arc;

use cache_core::client_support::AnyWatch;

use super::caller::Caller;
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::context::Node;
use crate::erased::AnyValue;
use crate::flight::state::Flight;

impl<A: App> Caller<'_, A> {
    /// The answer that the tree already has.
    pub(super) fn known(&self, query: &dyn AnyQuery<A>) -> Option<AnyValue> {
        self.node().and_then(|node| node.answer(query))
    }

    /// Puts an answer into the memo, if there is one. Returns the answer to use.
    pub(super) fn remember(&self, query: &dyn AnyQuery<A>, value: AnyValue) -> AnyValue {
        let Some(node) = self.node() else { return value };
        let kept = node.tree().memo.keep(query.to_query(), value);
        self.note_read(query, Some(&kept), None);
        kept
    }

    /// Puts the answer of a flight into the memo, if there is one. Returns the answer to use.
    pub(super) fn remember_landed(
        &self,
        query: &dyn AnyQuery<A>,
        flight: &Arc<Flight>,
        value: AnyValue,
    ) -> AnyValue {
        let Some(node) = self.node() else { return value };
        let kept = node.tree().memo.keep_landed(flight, value);
        self.note_read(query, Some(&kept), flight.watch.as_ref());
        kept
    }

    /// Whether the caller is a load whose inputs are compared when its answer is stored.
    pub(super) fn notes_reads(&self) -> bool {
        self.node().is_some_and(|node| node.tree().notes_reads() && !node.access().is_private)
    }

    /// Notes for a load which answer it received for a key. `watch` is that of the flight that the answer comes from.
    #[inline]
    pub(super) fn note_read(
        &self,
        query: &dyn AnyQuery<A>,
        value: Option<&AnyValue>,
        watch: Option<&AnyWatch>,
    ) {
        if let Some(node) = self.node()
            && self.notes_reads()
        {
            self.note_in(node, query, value, false, watch);
        }
    }

    pub(super) fn note_in(
        &self,
        node: &Node<A>,
        query: &dyn AnyQuery<A>,
        value: Option<&AnyValue>,
        was_marked: bool,
        watch: Option<&AnyWatch>,
    ) {
        if node.tree().notes_reads() {
            let (home, value) =
                (query.home(self.client().cache()), value.map(|value| query.to_handle(value)));
            node.tree().note_read(home, query, value, was_marked, watch);
        }
    }
}
