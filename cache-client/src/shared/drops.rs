//! Drops of this client on their way to the server.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::inner::{Dropped, Inner};
use super::machine::{Action, DropId, Event};
use super::protocol::{Mark, Reply, Request};

/// A drop that is not acknowledged yet: it will be sent as soon as the server can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queued;

/// A drop of this client, from the moment it is sent until its commit.
///
/// Dropping it before [`committed`](Self::committed) means that the change was given up. It may have happened at the
/// origin, so what it names is marked here.
#[must_use]
pub(crate) struct PendingDrop {
    inner: Arc<Inner>,
    drop: DropId,
    /// `None` once the change is committed.
    marks: Option<Vec<Mark>>,
    answer: oneshot::Receiver<bool>,
    outcome: Option<Result<(), Queued>>,
}

impl PendingDrop {
    /// Begins a drop, and sends it in the background. `is_committed` says that the change can be seen here already.
    pub(super) fn begin(inner: &Arc<Inner>, marks: Vec<Mark>, is_committed: bool) -> Self {
        let kept = (!is_committed).then(|| marks.clone());
        let mut actions = inner.handle(Event::Drop { marks, is_committed });
        let (acknowledge, answer) = oneshot::channel();
        let Some(Action::Send { drop, marks }) = actions.pop() else { unreachable!("a drop is always sent") };
        let (sending, sender) = (Sending::new(inner, drop), Arc::clone(inner));
        inner.spawn(async move {
            let next = sending.send(marks).await;
            // The caller may have left.
            let _ = acknowledge.send(next.is_some());
            sender.send_all(next.unwrap_or_default()).await;
        });
        Self { inner: Arc::clone(inner), drop, marks: kept, answer, outcome: None }
    }

    /// Waits until the server has the drop, at most as long as a request may take.
    ///
    /// # Errors
    /// [`Queued`] if it is not acknowledged by then. It goes into the outbox.
    ///
    /// # Cancellation
    /// May be dropped and called again.
    pub(crate) async fn acknowledged(&mut self) -> Result<(), Queued> {
        if let Some(outcome) = self.outcome {
            return outcome;
        }
        // The task has the same limit, but may be on a runtime that runs nothing.
        let answer = tokio::time::timeout(self.inner.limit, &mut self.answer).await;
        let outcome = match answer {
            Ok(Ok(true)) => Ok(()),
            _ => {
                self.inner.failed(self.drop);
                Err(Queued)
            }
        };
        self.outcome = Some(outcome);
        outcome
    }

    /// The change can be seen here from now on.
    pub(crate) fn committed(mut self) {
        self.marks = None;
        self.inner.handle(Event::Committed { drop: self.drop });
    }
}

impl PendingDrop {
    /// What was dropped is marked here, and nothing else was changed: the feed need not tell it again.
    pub(crate) fn marked(&self) {
        self.inner.handle(Event::Marked { drop: self.drop });
    }
}

impl Drop for PendingDrop {
    fn drop(&mut self) {
        let Some(marks) = self.marks.take() else { return };
        for action in self.inner.handle(Event::Abandoned { drop: self.drop, marks }) {
            if let Action::Invalidate(marks) = action {
                self.inner.mark_given_up(marks);
            }
        }
    }
}

/// A drop under way. If this is dropped, it has failed.
struct Sending {
    inner: Arc<Inner>,
    drop: DropId,
    is_over: bool,
}

impl Sending {
    fn new(inner: &Arc<Inner>, drop: DropId) -> Self {
        Self { inner: Arc::clone(inner), drop, is_over: false }
    }

    /// Returns what to do next. `None` if the drop has failed.
    async fn send(mut self, marks: Vec<Mark>) -> Option<Vec<Action>> {
        let inner = &self.inner;
        let request = Request::Drop { candidate: inner.random.epoch(), client: inner.id, marks };
        let Some(Reply::Dropped(position)) = inner.call(&request, Instant::now() + inner.limit).await else {
            return None;
        };
        let next = inner.handle(Event::Acknowledged { at: inner.now(), drop: self.drop, position });
        self.is_over = true;
        Some(next)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.is_over {
            self.inner.failed(self.drop);
        }
    }
}

/// Marks that a change has left which was given up. If they are not carried out, nothing is known to be up to date.
struct GivenUp {
    inner: Arc<Inner>,
    marks: Vec<Mark>,
    is_marked: bool,
}

impl GivenUp {
    fn mark(mut self) {
        match self.inner.mark_catching(Dropped::Marks(&self.marks)) {
            Ok(()) => self.is_marked = true,
            Err(panic) => self.inner.note_error("mark", &panic, false),
        }
    }
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        if !self.is_marked {
            self.inner.doubt();
        }
    }
}

impl Inner {
    /// Marks what a change has named that was given up. While a panic unwinds, no foreign code may run, such as `Eq` of a
    /// key: another panic would end the program. A task marks then.
    fn mark_given_up(self: &Arc<Self>, marks: Vec<Mark>) {
        let given_up = GivenUp { inner: Arc::clone(self), marks, is_marked: false };
        match std::thread::panicking() {
            true => self.spawn(async move { given_up.mark() }),
            false => given_up.mark(),
        }
    }

    /// Sends what waits in the outbox, until a part of it fails.
    pub(super) async fn send_outbox(self: &Arc<Self>) {
        let actions = self.handle(Event::Retry);
        self.send_all(actions).await;
    }

    /// Sends drops, and what the machine wants to be sent after them, until one fails.
    pub(super) async fn send_all(self: &Arc<Self>, mut actions: Vec<Action>) {
        while let Some(Action::Send { drop, marks }) = actions.pop() {
            actions.extend(Sending::new(self, drop).send(marks).await.into_iter().flatten());
        }
    }

    /// A drop has failed. It is tried again soon.
    fn failed(self: &Arc<Self>, drop: DropId) {
        self.handle(Event::Failed { drop });
        if !self.is_closed() && !self.is_retrying.swap(true, Ordering::AcqRel) {
            self.spawn(Retrying { inner: Arc::clone(self), is_over: false }.run());
        }
    }

    fn is_outbox_empty(&self) -> bool {
        self.machine.lock().waiting() == 0
    }
}

/// The task that tries the outbox again until it is empty.
struct Retrying {
    inner: Arc<Inner>,
    is_over: bool,
}

impl Retrying {
    async fn run(mut self) {
        let (inner, mut backoff) = (Arc::clone(&self.inner), Backoff::default());
        while !self.is_over {
            tokio::time::sleep(backoff.next(fastrand::f64())).await;
            inner.send_outbox().await;
            if inner.is_closed() || inner.is_outbox_empty() {
                inner.is_retrying.store(false, Ordering::Release);
                // A drop may have failed just before, and found this task running.
                let is_needed = !inner.is_closed() && !inner.is_outbox_empty();
                self.is_over = !is_needed || inner.is_retrying.swap(true, Ordering::AcqRel);
            }
        }
    }
}

impl Drop for Retrying {
    fn drop(&mut self) {
        if !self.is_over {
            self.inner.is_retrying.store(false, Ordering::Release);
        }
    }
}
