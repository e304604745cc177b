//! How a call reads the cache. Waits for nothing.

use std::sync::Arc;
use std::time::Duration;

use cache_core::{EntryState, Freshness, Moment};

use super::caller::Caller;
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::context::Access;
use crate::erased::{AnyQueryError, AnyValue};
use crate::error::QueryError;
use crate::plan::{Plan, Planned, Verdict};
use crate::telemetry::Substitute;

/// What a call has found in the cache before it loads anything.
pub(super) enum Found {
    Answer(AnyValue),
    /// A value that is no answer.
    Unusable,
    Nothing,
}

impl<A: App> Caller<'_, A> {
    /// Reads the cache before anything is loaded. Loads the key again in the background if the answer is stale or about
    /// to be.
    pub(super) fn read(&self, query: &dyn AnyQuery<A>, plan: &Planned<'_>, access: Access) -> Found {
        let (telemetry, subject, strategy) = (self.telemetry(), query.subject(), plan.strategy());
        match self.read_and_judge(query, plan, true) {
            Some((value, Verdict::Fresh)) => {
                telemetry.hit_of(subject, strategy);
                Found::Answer(value)
            }
            Some((value, Verdict::Ending)) => {
                telemetry.hit_of(subject, strategy);
                self.refresh(query, &plan.shared(), true);
                Found::Answer(value)
            }
            Some((value, Verdict::Stale)) if !access.fresh_only => {
                telemetry.stale_hit(subject, strategy);
                if !plan.never_loads() {
                    // Another machine may have loaded it again already.
                    self.refresh(query, &plan.shared(), !plan.is_shared());
                }
                Found::Answer(value)
            }
            found => {
                telemetry.miss(subject, strategy);
                if found.is_some() { Found::Unusable } else { Found::Nothing }
            }
        }
    }

    fn refresh(&self, query: &dyn AnyQuery<A>, plan: &Arc<Plan>, loads: bool) {
        if self.load_in_background(query, plan, loads).is_some_and(|load| load.is_new) {
            self.telemetry().refresh(query.subject(), plan.strategy());
        }
    }

    /// The value in the cache, and the plan's verdict on it.
    #[inline]
    pub(crate) fn read_and_judge(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Plan,
        counts: bool,
    ) -> Option<(AnyValue, Verdict)> {
        // Before the entry.
        let oldest = self.client().oldest_fresh(plan);
        let (value, state) = query.read(self.client().cache(), counts)?;
        let verdict = self.judge(query, plan, (&value, &state), oldest);
        Some((value, verdict))
    }

    fn judge(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Plan,
        (value, state): (&AnyValue, &EntryState),
        oldest: Option<Moment>,
    ) -> Verdict {
        plan.judge(query.counts_as_absent(plan, value), state, oldest, || {
            let query_state = self.client().existing_query_state(query);
            query_state.map(|query_state| query_state.load_time()).unwrap_or_default()
        })
    }

    /// Reads the cache for a load, which sees no layers. It may find a marked entry.
    pub(super) fn cached_for_load(&self, query: &dyn AnyQuery<A>) -> Option<AnyValue> {
        let node = self.node()?;
        // Value and mark come from one read, so that they are of the same moment.
        let found = query.read(self.client().cache(), true);
        let was_marked = found.as_ref().is_some_and(|(_, state)| state.freshness == Freshness::Invalidated);
        let value = found.map(|(value, _)| value);
        self.note_in(node, query, value.as_ref(), was_marked, None);
        value
    }

    /// The value in the cache, its age, and whether it is stale by the options of the query.
    pub(super) fn cached_state(&self, query: &dyn AnyQuery<A>) -> Option<(AnyValue, Duration, bool)> {
        let plan = self.plan_of_query(query);
        // Before the entry.
        let oldest = self.client().oldest_fresh(&plan);
        let (value, state) = query.read(self.client().cache(), false)?;
        let is_fresh = plan.is_fresh(query.counts_as_absent(&plan, &value), &state);
        let is_stale = !is_fresh || oldest.is_some_and(|oldest| state.as_of < oldest);
        Some((value, state.age, is_stale))
    }

    /// The answer to a call that never loads, when neither the cache nor the provider has one.
    pub(super) fn not_cached(&self, query: &dyn AnyQuery<A>) -> AnyQueryError {
        if self.notes_reads() {
            // For a load, a stale value is not an answer, but a later change of it may be.
            let present = query.read(self.client().cache(), false);
            self.note_read(query, present.as_ref().map(|(value, _)| value), None);
        }
        QueryError::NotCached { query: query.facts().name }
    }

    /// Whether the provider may have an answer that this caller may use. A copy may be stale, so it is no answer for a
    /// load.
    pub(super) fn may_look_up(&self, query: &dyn AnyQuery<A>, access: Access) -> bool {
        !access.is_private && !access.fresh_only && self.client().tier().is_some() && query.codec().is_some()
    }

    /// The cached value, if it may replace the answer of a load that failed or is late.
    pub(super) fn substitute(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Plan,
        access: Access,
    ) -> Option<AnyValue> {
        if !access.reads {
            return None;
        }
        // Before the entry.
        let oldest = self.client().oldest_fresh(plan);
        let (value, state) = query.read(self.client().cache(), false)?;
        let may_serve = match access.fresh_only {
            true => self.judge(query, plan, (&value, &state), oldest).is_fresh(),
            false => plan.allows_substitute(query.counts_as_absent(plan, &value), &state),
        };
        if may_serve {
            self.telemetry().substitute(query.subject(), plan.strategy(), Substitute::Cached);
        }
        may_serve.then_some(value)
    }
}
