//! One observer of a key, from its start to its end. Starts no task.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cache_core::Revision;
use cache_core::client_support::AnyKey;

use super::channel::ChannelReader;
use super::registry::ObservedKey;
use super::snapshot::{Bypass, ObserverView, ShownAt, StateId};
use super::state::AnyState;
use crate::plan::Plan;
use crate::query_state::QueryState;

/// One observer of a key. When the last one is dropped, the task of the key ends and leaves its load.
pub(crate) struct Subscription {
    query_state: Arc<QueryState>,
    pub(crate) observed_key: Arc<ObservedKey>,
    reader: ChannelReader,
    /// The version of the channel when the reader joined.
    since: u64,
    /// Version of the newest state that need not be checked again.
    seen: u64,
    /// Identifies the state that was returned last.
    given: Option<StateId>,
    view: ObserverView,
}

impl Subscription {
    /// Starts to observe a key of the query with this name. `base` is its stored revision.
    pub(crate) fn take(
        query_state: Arc<QueryState>,
        key: &Arc<dyn AnyKey>,
        (plan, query): (Arc<Plan>, &'static str),
        base: Option<Revision>,
    ) -> Self {
        let observed_key = query_state.observed.enter(key);
        let (reader, since) = observed_key.channel.join(plan.stores());
        let not_cached = plan.never_loads().then_some(query);
        let answers = observed_key.channel.newest().answers;
        let bypasses = !plan.stores() || not_cached.is_some();
        let bypass = bypasses.then(|| Box::new(Bypass { base, answers, not_cached }));
        let view = ObserverView { plan, bypass };
        observed_key.requests.add_observer(*view.plan);
        Self { query_state, observed_key, reader, since, seen: 0, given: None, view }
    }

    /// Whether there was anything to show since the subscription began.
    pub(crate) fn has_shown(&self) -> bool {
        self.observed_key.channel.has_shown(self.since)
    }

    /// The state to show now.
    pub(crate) fn state(&self, now: impl FnOnce(&Plan) -> ShownAt) -> AnyState {
        let at = now(&self.view.plan);
        let newest = self.observed_key.channel.newest();
        self.view.state(&newest, &self.view.state_id(&newest, at))
    }

    /// Waits for a state that differs from the one returned last. `None` if there is no task. If the caller `takes` the
    /// state, it counts as returned: from now on only different states are newer.
    pub(crate) fn poll_newer(
        &mut self,
        takes: bool,
        now: impl Fn(&Plan) -> ShownAt,
        cx: &mut Context<'_>,
    ) -> Poll<Option<AnyState>> {
        let Self { observed_key, reader, seen, given, view, .. } = self;
        while ready!(observed_key.channel.poll_newer(*reader, *seen, cx)) {
            // Before the lock of the channel, since a clock is foreign code.
            let at = now(&view.plan);
            let newer = observed_key.channel.read(|snapshot, version| {
                let id = view.state_id(snapshot, at);
                let is_given = *given == Some(id);
                if takes || is_given {
                    (*seen, *given) = (version, Some(id));
                }
                (!is_given).then(|| view.state(snapshot, &id))
            });
            if newer.is_some() {
                return Poll::Ready(newer);
            }
        }
        Poll::Ready(None)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.observed_key.channel.leave(self.reader);
        self.observed_key.requests.remove_observer(&self.view.plan);
        self.query_state.observed.leave(&self.observed_key);
    }
}
