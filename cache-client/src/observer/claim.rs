//! The place of one who observes a key, from its coming to its leaving. Starts no task.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cache_core::client_support::AnyKey;
use cache_core::{Moment, Revision};

use super::notice::Reader;
use super::post::Post;
use super::snapshot::{AnyState, Lens, Mark, Snapshot};
use crate::desk::Desk;
use crate::plan::Plan;

/// The place of one who observes a key. With the last one the keeper ends, and leaves the load that it waits for.
pub(crate) struct Claim {
    desk: Arc<Desk>,
    pub(crate) post: Arc<Post>,
    reader: Reader,
    /// When the reader joined.
    since: u64,
    /// Version of the newest state that is not to be given any more.
    seen: u64,
    /// What tells the state that was given last from others.
    given: Option<Mark>,
    lens: Lens,
}

/// What is known that is newer than the state that was given last. The state is made when it is given.
pub(crate) struct Newer {
    snapshot: Arc<Snapshot>,
    mark: Mark,
    version: u64,
}

impl Claim {
    /// Begins to observe a key, of which `base` is stored.
    pub(crate) fn take(
        desk: Arc<Desk>,
        key: &Arc<dyn AnyKey>,
        plan: Arc<Plan>,
        base: Option<Revision>,
    ) -> Self {
        let post = desk.posts.enter(key);
        let (reader, since) = post.notice.join(plan.stores());
        let lens = Lens { plan, base, answers: post.notice.newest().answers };
        post.demands.arrive(*lens.plan);
        Self { desk, post, reader, since, seen: 0, given: None, lens }
    }

    /// Whether there was anything to show since the claim was taken.
    pub(crate) fn has_shown(&self) -> bool {
        self.post.notice.has_shown(self.since)
    }

    /// What is to be shown now.
    pub(crate) fn state(&self, now: Moment) -> AnyState {
        let newest = self.post.notice.newest();
        self.lens.state(&newest, &self.lens.mark(&newest, now))
    }

    /// Waits for another state than the one that was given last; `None` if there is no keeper. The state is not
    /// [given](Self::give) yet.
    pub(crate) fn poll_newer(
        &mut self,
        now: impl Fn() -> Moment,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Newer>> {
        loop {
            let Some((snapshot, version)) = ready!(self.post.notice.poll_newer(self.reader, self.seen, cx))
            else {
                return Poll::Ready(None);
            };
            let mark = self.lens.mark(&snapshot, now());
            if self.given != Some(mark) {
                return Poll::Ready(Some(Newer { snapshot, mark, version }));
            }
            self.seen = version;
        }
    }

    /// Gives a state to the observer. From now on others count as newer.
    pub(crate) fn give(&mut self, newer: Newer) -> AnyState {
        let Newer { snapshot, mark, version } = newer;
        (self.seen, self.given) = (version, Some(mark));
        self.lens.state(&snapshot, &mark)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.post.notice.leave(self.reader);
        self.post.demands.leave(&self.lens.plan);
        self.desk.posts.leave(&self.post);
    }
}
