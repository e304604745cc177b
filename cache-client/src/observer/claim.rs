//! The place of one who observes a key, from its coming to its leaving. Starts no task.

use std::sync::Arc;
use std::task::{Context, Poll};

use cache_core::Query;

use super::notice::Reader;
use super::post::Post;
use super::state::State;
use crate::desk::Desk;
use crate::plan::Plan;

/// The place of one who observes a key. With the last one the keeper ends, and leaves the load that it waits for.
pub(crate) struct Claim<Q: Query, E> {
    desk: Arc<Desk<Q, E>>,
    pub(crate) post: Arc<Post<Q, E>>,
    reader: Reader,
    /// When the reader joined.
    since: u64,
    /// Version of the state that was read last.
    seen: u64,
    pub(crate) plan: Plan,
}

impl<Q: Query, E> Claim<Q, E> {
    /// Begins to observe a key.
    pub(crate) fn take(desk: Arc<Desk<Q, E>>, key: &Q, plan: Plan) -> Self {
        let post = desk.posts.enter(key);
        let (reader, since) = post.notice.join();
        post.start(plan);
        Self { desk, post, reader, since, seen: 0, plan }
    }

    /// Whether there was anything to show since the claim was taken.
    pub(crate) fn has_shown(&self) -> bool {
        self.post.notice.has_shown(self.since)
    }

    pub(crate) fn poll_newer(&mut self, cx: &mut Context<'_>) -> Poll<Option<State<Q::Value, E>>> {
        self.post.notice.poll_newer(self.reader, self.seen, cx).map(|newer| {
            let (state, version) = newer?;
            self.seen = version;
            Some(state)
        })
    }
}

impl<Q: Query, E> Drop for Claim<Q, E> {
    fn drop(&mut self) {
        self.post.notice.leave(self.reader);
        if let Some(period) = self.plan.poll {
            self.post.poll_no_more(period);
        }
        self.desk.posts.leave(&self.post);
    }
}
