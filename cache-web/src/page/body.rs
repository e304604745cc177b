//! Sends a page: the shell with what is known, and then each announced answer when it has settled.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use bytes::Bytes;
use cache_client::{App, Client};
use cache_core::Moment;
use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};

use super::Load;
use super::flush::Flush;
use super::script::Form;
use super::shell::Shell;
use super::state::{State, push_end, push_time};
use crate::web::Web;

/// How long the first flush waits for deferred queries, all together.
const LONGEST_HOLD: Duration = Duration::from_millis(500);

/// How long the browser waits for announced answers if the request has no deadline. It may then ask for an answer that
/// is still being loaded, and so joins its load.
const WAIT_WITHOUT_DEADLINE: Duration = Duration::from_secs(30);

/// About how many bytes an entry takes, so that a buffer rarely grows.
const USUAL_ENTRY: usize = 512;

pub(super) struct PageBody<A: App> {
    sender: PageSender<A>,
    loads: FuturesUnordered<Load>,
    /// When the loads that are left are interrupted.
    deadline: Option<Instant>,
    phase: Phase,
}

enum Phase {
    /// The shell is not sent yet.
    Shell {
        shell: Shell,
        hold: Option<Pin<Box<Sleep>>>,
    },
    /// Announced answers are sent when they settle.
    Streaming,
    Ended,
}

/// What a page says, and how.
pub(super) struct PageSender<A: App> {
    pub(super) client: Client<A>,
    pub(super) web: Web<A>,
    pub(super) form: Form,
    pub(super) state: State,
}

/// The first flush: the shell, with everything that is known. `left` is how long the page goes on, if it does.
pub(super) fn first_flush<A: App>(
    state: &mut State,
    web: &Web<A>,
    now: Moment,
    form: Form,
    shell: &Shell,
    left: Option<Duration>,
) -> Vec<u8> {
    let mut html = Vec::with_capacity(shell.len() + state.len() * USUAL_ENTRY + USUAL_ENTRY);
    html.extend_from_slice(shell.before().as_bytes());
    let mut flush = Flush::after(html, form);
    state.first_flush(web, now, &mut flush);
    match left {
        Some(left) => push_time(&mut flush, left),
        None => push_end(&mut flush),
    }
    let mut html = flush.into_html();
    html.extend_from_slice(shell.after().as_bytes());
    html
}

impl<A: App> PageSender<A> {
    fn first_flush(&mut self, shell: &Shell, left: Option<Duration>) -> Vec<u8> {
        let now = self.client.cache().now();
        first_flush(&mut self.state, &self.web, now, self.form, shell, left)
    }

    /// A later flush, with the entries that have settled. `None` if it says nothing.
    fn next_flush(&mut self, settled: &[usize], is_last: bool) -> Option<Vec<u8>> {
        let mut flush = Flush::after(Vec::new(), self.form);
        let now = self.client.cache().now();
        for &at in settled {
            self.state.tell_announced(at, &self.web, now, &mut flush);
        }
        if is_last {
            push_end(&mut flush);
        }
        flush.has_messages().then(|| flush.into_html())
    }
}

impl<A: App> PageBody<A> {
    pub(super) fn new(
        sender: PageSender<A>,
        shell: Shell,
        loads: Vec<Load>,
        deadline: Option<Instant>,
    ) -> Self {
        let is_held = sender.state.holds_first_flush();
        let hold = is_held.then(|| Box::pin(tokio::time::sleep(LONGEST_HOLD)));
        let loads = loads.into_iter().collect();
        Self { sender, loads, deadline, phase: Phase::Shell { shell, hold } }
    }

    /// Notes all answers that have settled. Returns their entries.
    fn take_settled(&mut self, task: &mut task::Context<'_>) -> Vec<usize> {
        let mut settled = Vec::new();
        while let Poll::Ready(Some((at, outcome))) = Pin::new(&mut self.loads).poll_next(task) {
            self.sender.state.settle(at, outcome);
            settled.push(at);
        }
        settled
    }

    fn poll_flush(&mut self, task: &mut task::Context<'_>) -> Poll<Option<Vec<u8>>> {
        if matches!(self.phase, Phase::Ended) {
            return Poll::Ready(None);
        }
        let settled = self.take_settled(task);
        let is_last = self.loads.is_empty();
        let flush = if let Phase::Shell { shell, hold } = &mut self.phase {
            let is_held = hold.as_mut().is_some_and(|hold| hold.as_mut().poll(task).is_pending());
            if is_held && self.sender.state.holds_first_flush() {
                return Poll::Pending;
            }
            let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
            let left = (!is_last).then(|| self.deadline.map_or(WAIT_WITHOUT_DEADLINE, left));
            let flush = Some(self.sender.first_flush(shell, left));
            self.phase = Phase::Streaming;
            flush
        } else {
            self.sender.next_flush(&settled, is_last)
        };
        if is_last {
            self.phase = Phase::Ended;
        }
        match flush {
            Some(html) => Poll::Ready(Some(html)),
            None => Poll::Pending,
        }
    }
}

impl<A: App> Body for PageBody<A> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let flush = std::task::ready!(self.poll_flush(task));
        Poll::Ready(flush.map(|html| Ok(Frame::data(html.into()))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }
}
