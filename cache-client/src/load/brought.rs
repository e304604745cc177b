//! Entries that a load brings along for other keys: stored with its answer, kept for their next callers, and copied to
//! the provider.

use std::any::TypeId;
use std::sync::Arc;

use cache_core::Moment;
use cache_core::client_support::{AnyKey, AnyPin, BroughtEntries};

use super::LoadTask;
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::context::Node;
use crate::erased::AnyValue;
use crate::notes::{AnswerTerms, AnyBrought};
use crate::plan::Plan;
use crate::query_state::QueryState;
use crate::telemetry::Telemetry;

/// A query of entries that a load brings along.
pub(crate) struct BroughtQuery<A: App> {
    as_query: AsQuery<A>,
    /// The options of the query.
    plan: Arc<Plan>,
}

/// Returns a key of the query as what can be loaded.
pub(crate) type AsQuery<A> = fn(&dyn AnyKey) -> &dyn AnyQuery<A>;

/// All entries that a load brings along. Boxed, since most loads bring none.
pub(crate) struct BroughtAnswers<A: App> {
    /// The entries of one query each.
    pub(super) entries: Vec<BroughtEntries>,
    /// In the order of the lists.
    queries: Vec<BroughtQuery<A>>,
}

/// A stored answer for another key.
pub(super) struct BroughtAnswer<'a, A: App> {
    pub(super) query: &'a dyn AnyQuery<A>,
    pub(super) value: AnyValue,
    pub(super) plan: &'a Plan,
}

impl<A: App> BroughtQuery<A> {
    pub(crate) fn new(as_query: AsQuery<A>, plan: Arc<Plan>) -> Self {
        Self { as_query, plan }
    }

    fn set_times(&self, entries: &mut BroughtEntries, started: Moment) {
        let times = |is_absent| self.plan.times(is_absent, started, &AnswerTerms::default());
        match self.plan.varies_times() {
            true => entries.set_times_of(|entries, number| {
                times(self.plan.checks_absence() && self.is_absent(entries, number))
            }),
            false => entries.set_times(times(false)),
        }
    }

    /// Whether the value of an entry means "absent".
    fn is_absent(&self, entries: &BroughtEntries, number: usize) -> bool {
        let (Some(key), Some(handle)) = (entries.key(number), entries.handle(number)) else { return false };
        let query = (self.as_query)(key);
        query.is_absent(&query.to_value(handle))
    }
}

impl<A: App> BroughtAnswers<A> {
    /// Returns the entries of a query, if the load has brought any.
    pub(crate) fn of(brought: &mut AnyBrought, query: TypeId) -> Option<&mut BroughtEntries> {
        let Self { entries, .. } = brought.downcast_mut()?;
        entries.iter_mut().find(|entries| entries.query() == query)
    }

    /// Notes entries, to be stored with the answer of this context's load.
    pub(crate) fn note(node: &Node<A>, entries: BroughtEntries, query: BroughtQuery<A>) {
        node.note(|notes| {
            let empty = || Box::new(Self { entries: Vec::new(), queries: Vec::new() });
            let brought = notes.brought_mut().get_or_insert_with(|| empty());
            if let Some(present) = Self::of(brought, entries.query()) {
                // Another task of the load has noted some meanwhile.
                present.append(entries);
            } else if let Some(brought) = brought.downcast_mut::<Self>() {
                brought.entries.push(entries);
                brought.queries.push(query);
            }
        });
    }

    /// Whether there are entries to keep: stored ones, which the store has left here.
    fn any_kept(&self) -> bool {
        self.entries.iter().any(|entries| !entries.is_empty() && entries.any_stored())
    }

    /// The answers that were stored.
    pub(super) fn stored(&self) -> impl Iterator<Item = BroughtAnswer<'_, A>> {
        let lists = self.entries.iter().zip(&self.queries);
        lists.flat_map(|(entries, BroughtQuery { as_query, plan })| {
            let stored = (0..entries.len()).filter(|&number| entries.is_stored(number));
            stored.filter_map(|number| {
                let query = as_query(entries.key(number)?);
                Some(BroughtAnswer { query, value: query.to_value(entries.handle(number)?), plan })
            })
        })
    }
}

impl<A: App> LoadTask<A> {
    /// Takes the entries that the load brings along, with the times of their own queries.
    pub(super) fn take_brought(&self, started: Moment) -> Option<Box<BroughtAnswers<A>>> {
        let mut brought = self.node.take_brought()?.downcast::<BroughtAnswers<A>>().ok()?;
        for (entries, query) in brought.entries.iter_mut().zip(&brought.queries) {
            query.set_times(entries, started);
            if self.needs_stored(entries, query) {
                entries.keep();
            }
        }
        Some(brought)
    }

    /// Whether anything is done with entries after their store.
    fn needs_stored(&self, entries: &BroughtEntries, query: &BroughtQuery<A>) -> bool {
        !self.plan.keep_prefetched.is_zero()
            || self.node.client.tier().is_some()
            || self.reports_stored(entries, query).is_some()
    }

    /// Returns the state of the query, if any, if something is told about its entries after their store. An error that
    /// is remembered later is overtaken by the store.
    fn reports_stored(
        &self,
        entries: &BroughtEntries,
        query: &BroughtQuery<A>,
    ) -> Option<Option<&QueryState>> {
        let first = entries.key(0).map(query.as_query);
        let query_state = first.and_then(|query| self.node.client.existing_query_state(query));
        let query_state = query_state.filter(|query_state| query_state.errors.any_exist());
        (Telemetry::reports_stores() || query_state.is_some()).then(|| query_state.map(|state| &**state))
    }

    /// Reports the entries that were stored, and forgets the others.
    pub(super) fn report_stored(&self, brought: &mut BroughtAnswers<A>) {
        let client = &self.node.client;
        for (entries, query) in brought.entries.iter_mut().zip(&brought.queries) {
            if let Some(query_state) = self.reports_stored(entries, query) {
                for number in (0..entries.len()).filter(|&number| entries.is_stored(number)) {
                    let Some(key) = entries.key(number) else { continue };
                    let stored = (query.as_query)(key);
                    client.telemetry().store(stored.subject(), query.plan.strategy(), false);
                    if let Some(query_state) = query_state {
                        query_state.errors.forget(stored);
                    }
                }
            }
            entries.forget_unstored();
        }
    }
}

/// The values that a task keeps for a while after its load, for later callers.
pub(super) struct KeptAfterLoad<A: App> {
    _pin: Option<AnyPin>,
    pub(super) brought: Option<Box<BroughtAnswers<A>>>,
}

impl<A: App> KeptAfterLoad<A> {
    /// Boxed, since most tasks keep nothing.
    pub(super) fn new(pin: Option<AnyPin>, brought: Option<Box<BroughtAnswers<A>>>) -> Option<Box<Self>> {
        let brought = brought.filter(|brought| brought.any_kept());
        (pin.is_some() || brought.is_some()).then(|| Box::new(Self { _pin: pin, brought }))
    }
}
