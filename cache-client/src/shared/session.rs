//! The task of a client that keeps its connections, and follows the feed.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::backoff::Backoff;
use super::error::{CallError, ConnectError};
use super::inner::{Dropped, Inner};
use super::machine::{Action, Event, FEED_COUNT};
use super::protocol::{Reply, Request};
use super::server::AnyConnection;
use super::settings::CONNECT_LIMIT;
use crate::panic::{catch_panic, panic_message};
use crate::telemetry;

/// How long the server waits for something to tell.
const FEED_WAIT: Duration = Duration::from_millis(500);

/// By how much the date may run ahead of the clock between two looks. Beyond that the machine was suspended.
const MAX_DRIFT: Duration = Duration::from_millis(100);

/// Why the feed is not followed any more. It will be again.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedEnd {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the machine was suspended")]
    Suspended,
    #[error("what was dropped could not be marked: {0}")]
    Unmarked(Arc<str>),
}

/// Follows the feed until it is dropped.
pub(super) struct Session(Arc<Inner>);

impl Session {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    pub(super) async fn run(self) {
        // In one task, so that the clock is looked at before an answer is applied.
        tokio::join!(keep_link(&self.0), follow_feed(&self.0), watch_clock(&self.0));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.link.send_replace(None);
        self.0.handle(Event::FeedEnded);
        self.0.is_running.store(false, Ordering::Release);
    }
}

/// Keeps the connection for everything but the feed.
async fn keep_link(inner: &Arc<Inner>) {
    let mut backoff = Backoff::default();
    loop {
        match open_link(inner).await {
            Ok(()) => {
                backoff.reset();
                // The sender lives as long as this task.
                let _ = inner.link.subscribe().wait_for(Option::is_none).await;
            }
            Err(error) => inner.note_failure("connect", &error, &backoff),
        }
        tokio::time::sleep(backoff.next(fastrand::f64())).await;
    }
}

/// Makes a connection, and asks it for the epoch: values of another epoch must not be used.
async fn open_link(inner: &Arc<Inner>) -> Result<(), FeedEnd> {
    let link = connect(inner).await?;
    let request = Request::Open { candidate: inner.random.epoch() };
    match send(&*link, &request, inner.limit).await? {
        Reply::Opened(opened) => inner.see(opened.position),
        other => return Err(unexpected(&other).into()),
    }
    inner.link.send_replace(Some(link));
    Ok(())
}

/// Follows the feed as long as possible, again and again.
async fn follow_feed(inner: &Arc<Inner>) {
    let mut backoff = Backoff::default();
    loop {
        // The sender lives as long as this task.
        let _ = inner.link.subscribe().wait_for(Option::is_some).await;
        let Err(end) = follow(inner, &mut backoff).await;
        inner.handle(Event::FeedEnded);
        if matches!(end, FeedEnd::Unmarked(_)) {
            inner.lose_track();
        }
        if matches!(end, FeedEnd::Call(CallError::Ended(_))) {
            // The other connection has probably ended too. It would be noticed only by the next request.
            inner.link.send_replace(None);
        }
        inner.note_failure("feed", &end, &backoff);
        tokio::time::sleep(backoff.next(fastrand::f64())).await;
    }
}

async fn follow(inner: &Arc<Inner>, backoff: &mut Backoff) -> Result<Infallible, FeedEnd> {
    let feed = connect(inner).await?;
    // The outbox goes out first.
    let mut actions = inner.handle(Event::FeedConnected);
    let wait = FEED_WAIT.min(inner.max_lag / 4);
    // A later answer could not make anything fresh.
    let limit = inner.max_lag.max(inner.limit + wait);
    let mut answers = 0_u64;
    loop {
        let Some(request) = inner.carry_out(actions, wait).await? else { return Err(FeedEnd::Suspended) };
        if answers == 1 {
            backoff.reset();
            telemetry::shared_connected();
        }
        let sent = inner.now();
        let reply = send(&*feed, &request, limit).await?;
        answers += 1;
        // Before the answer is applied: it may be much older than the clock says.
        inner.check_clock()?;
        actions = inner.handle(match reply {
            Reply::Opened(opened) => Event::Opened { sent, opened },
            Reply::Feed(answer) => Event::FeedRead { sent, answer },
            other => return Err(unexpected(&other).into()),
        });
    }
}

/// Notices when the machine was suspended, also while there is no connection.
async fn watch_clock(inner: &Arc<Inner>) {
    loop {
        tokio::time::sleep(FEED_WAIT).await;
        // The feed's loop finds out that the machine has lost track.
        let _ = inner.check_clock();
        if let Some(lag) = inner.lag() {
            telemetry::shared_lag(lag);
        }
    }
}

impl Inner {
    /// Carries out what an answer of the feed asks for, in order. Returns what to ask next.
    async fn carry_out(
        self: &Arc<Self>,
        actions: Vec<Action>,
        wait: Duration,
    ) -> Result<Option<Request>, FeedEnd> {
        let mut next = None;
        for action in actions {
            match action {
                Action::Send { .. } => self.send_all(vec![action]).await,
                Action::Open => next = Some(Request::Open { candidate: self.random.epoch() }),
                Action::Read { after, wait: waits } => {
                    let wait = if waits { wait } else { Duration::ZERO };
                    next = Some(Request::Feed { after, count: FEED_COUNT, wait });
                }
                Action::Invalidate(marks) => self.mark_catching(Dropped::Marks(&marks))?,
                Action::InvalidateAll => self.mark_catching(Dropped::All)?,
                Action::Extend => self.extend(),
            }
        }
        let position = self.machine.lock().position();
        self.applied.send_if_modified(|applied| std::mem::replace(applied, position) != position);
        Ok(next)
    }

    pub(super) fn mark_catching(&self, dropped: Dropped<'_>) -> Result<(), FeedEnd> {
        catch_unwind(AssertUnwindSafe(|| self.mark(dropped)))
            .map_err(|panic| FeedEnd::Unmarked(panic_message(panic.as_ref())))
    }

    /// Compares the clock with the date. If the machine was suspended, nothing is fresh any more.
    fn check_clock(&self) -> Result<(), FeedEnd> {
        let now = self.clock.look();
        let before = std::mem::replace(&mut *self.last_look.lock(), now);
        if now.drift_since(before) <= MAX_DRIFT {
            return Ok(());
        }
        self.lose_track();
        Err(FeedEnd::Suspended)
    }

    /// Everything that was told is marked.
    fn extend(&self) {
        let until = self.machine.lock().fresh_until(None);
        if let Some(until) = until {
            self.bound.extend(until);
        }
    }

    /// What was applied cannot be relied on. Everything is marked when the feed has begun again; until then, only what
    /// was loaded within the lag is fresh. Runs no foreign code.
    pub(super) fn doubt(&self) -> Vec<Action> {
        let actions = self.handle(Event::Lost);
        self.bound.end();
        self.applied.send_replace(None);
        actions
    }

    /// What was applied cannot be relied on. Marks everything.
    fn lose_track(&self) {
        let actions = self.doubt();
        if actions.contains(&Action::InvalidateAll) {
            // What panics is reported by the next attempt, which marks everything again.
            let _ = self.mark_catching(Dropped::All);
        }
    }

    /// Only the first failure in a row is a warning.
    fn note_failure(&self, action: &'static str, error: &FeedEnd, backoff: &Backoff) {
        self.counters.errors.add(1);
        self.note_error(action, error, backoff.has_failed());
    }
}

async fn connect(inner: &Inner) -> Result<Arc<dyn AnyConnection>, ConnectError> {
    let connecting = catch_panic(async { inner.server.connect().await });
    match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(panic)) => Err(ConnectError::unusable(format!("connecting has panicked: {panic}"))),
        Err(elapsed) => Err(ConnectError::unreachable("the configured address", elapsed)),
    }
}

async fn send(link: &dyn AnyConnection, request: &Request, limit: Duration) -> Result<Reply, CallError> {
    match tokio::time::timeout(limit, catch_panic(link.send(request))).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(panic)) => Err(CallError::Ended(format!("the connection has panicked: {panic}").into())),
        Err(_elapsed) => Err(CallError::Timeout(limit)),
    }
}

fn unexpected(reply: &Reply) -> CallError {
    CallError::Unreadable(format!("{reply:?}").chars().take(200).collect())
}
