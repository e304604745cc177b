//! The life of one request, from its arrival to the end of its response body.

use std::task::Poll;

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
    pub(super) fn poll<T>(&self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        match &self.cx {
            Some(cx) => cx.enter(poll),
            None => poll(),
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
