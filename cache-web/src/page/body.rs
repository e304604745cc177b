//! Sends a page: the shell with what is known, and then each announced answer when it has settled.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use bytes::Bytes;
use cache_client::App;
use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};

use super::Load;
use super::script::Form;
use super::state::{Messages, State};
use crate::web::Web;

/// How long the first flush waits for deferred queries, all together.
const LONGEST_HOLD: Duration = Duration::from_millis(500);

/// How long the browser waits for announced answers if the request has no deadline. It may then ask for an answer that
/// is still being loaded, and so joins its load.
const WAIT_WITHOUT_DEADLINE: Duration = Duration::from_secs(30);

pub(super) struct PageBody<A: App> {
    web: Web<A>,
    form: Form,
    state: State,
    loads: FuturesUnordered<Load>,
    /// When the loads that are left are interrupted.
    deadline: Option<Instant>,
    phase: Phase,
}

enum Phase {
    /// The shell is not sent yet.
    Shell {
        parts: [String; 2],
        hold: Option<Pin<Box<Sleep>>>,
    },
    /// Announced answers are sent when they settle.
    Streaming,
    Ended,
}

impl<A: App> PageBody<A> {
    pub(super) fn new(
        web: Web<A>,
        parts: [String; 2],
        form: Form,
        state: State,
        loads: Vec<Load>,
        deadline: Option<Instant>,
    ) -> Self {
        let hold = state.holds_first_flush().then(|| Box::pin(tokio::time::sleep(LONGEST_HOLD)));
        let loads = loads.into_iter().collect();
        Self { web, form, state, loads, deadline, phase: Phase::Shell { parts, hold } }
    }

    /// Notes all answers that have settled. Returns their entries.
    fn take_settled(&mut self, task: &mut task::Context<'_>) -> Vec<usize> {
        let mut settled = Vec::new();
        while let Poll::Ready(Some((at, outcome))) = Pin::new(&mut self.loads).poll_next(task) {
            self.state.settle(at, outcome);
            settled.push(at);
        }
        settled
    }

    /// The flush that ends the page, if nothing is left to wait for.
    fn finish_if_done(&mut self, messages: &mut Messages) {
        if self.loads.is_empty() {
            messages.push_end();
            self.phase = Phase::Ended;
        }
    }

    fn poll_flush(&mut self, task: &mut task::Context<'_>) -> Poll<Option<Vec<u8>>> {
        if matches!(self.phase, Phase::Ended) {
            return Poll::Ready(None);
        }
        let settled = self.take_settled(task);
        let now = Instant::now();
        let mut messages = Messages::default();
        if let Phase::Shell { hold, .. } = &mut self.phase {
            let is_held = hold.as_mut().is_some_and(|hold| hold.as_mut().poll(task).is_pending());
            if is_held && self.state.holds_first_flush() {
                return Poll::Pending;
            }
            let Phase::Shell { parts: [before, after], .. } =
                std::mem::replace(&mut self.phase, Phase::Streaming)
            else {
                unreachable!("it was just matched");
            };
            self.state.first_flush(&self.web, now, &mut messages);
            if !self.loads.is_empty() {
                let left = |deadline: Instant| deadline.saturating_duration_since(now);
                messages.push_time(self.deadline.map_or(WAIT_WITHOUT_DEADLINE, left));
            }
            self.finish_if_done(&mut messages);
            let mut html = before.into_bytes();
            if let Some(json) = messages.into_json() {
                self.form.write(&mut html, &json);
            }
            html.extend_from_slice(after.as_bytes());
            return Poll::Ready(Some(html));
        }
        for at in settled {
            self.state.tell_announced(at, &self.web, now, &mut messages);
        }
        self.finish_if_done(&mut messages);
        match messages.into_json() {
            Some(json) => {
                let mut html = Vec::with_capacity(json.len() + 128);
                self.form.write(&mut html, &json);
                Poll::Ready(Some(html))
            }
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
