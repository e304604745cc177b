//! The life of one request, from its arrival to the end of its response body.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{self, Poll};

use cache_client::{App, Context};

/// Cancels the context when it is dropped before the request is finished.
pub(super) struct RequestLifetime<A: App> {
    /// `None` once the request is finished.
    cx: Option<Context<A>>,
}

impl<A: App> RequestLifetime<A> {
    pub(super) fn new(cx: Context<A>) -> Self {
        Self { cx: Some(cx) }
    }

    /// Ends the life of the request without cancelling anything.
    pub(super) fn finish(&mut self) {
        self.cx = None;
    }

    /// Polls a part of the request, with its context as the current one.
    pub(super) fn poll<T>(
        &self,
        task: &mut task::Context<'_>,
        poll: impl FnMut(&mut task::Context<'_>) -> Poll<T> + Send,
    ) -> Poll<T> {
        // Polled once: what a part of the request waits for is in the part itself.
        let part = pin!(poll_fn(poll));
        match &self.cx {
            Some(cx) => pin!(cx.scope(part)).poll(task),
            None => Pin::new(&mut { part }).poll(task),
        }
    }
}

impl<A: App> Drop for RequestLifetime<A> {
    fn drop(&mut self) {
        if let Some(cx) = self.cx.take() {
            cx.cancel();
        }
    }
}
