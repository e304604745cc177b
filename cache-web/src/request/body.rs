//! The body of a response: keeps the context of its request until it has ended.

use std::fmt::{self, Debug};
use std::pin::Pin;
use std::task::{self, Poll, ready};

use axum::Error;
use axum::body::Body;
use bytes::Bytes;
use cache_client::App;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::lifetime::RequestLifetime;

/// The body of a response under a [`RequestLayer`](crate::RequestLayer). The context of the request lives until the
/// body has ended, and is cancelled if the body is dropped before that.
pub struct ResponseBody<A: App> {
    // Dropped first, like that of the response future.
    lifetime: Option<RequestLifetime<A>>,
    inner: Body,
}

impl<A: App> ResponseBody<A> {
    pub(super) fn new(lifetime: RequestLifetime<A>, inner: Body) -> Self {
        let mut body = Self { lifetime: Some(lifetime), inner };
        body.note_end();
        body
    }

    /// A body that no context belongs to.
    pub(super) fn without_request(inner: Body) -> Self {
        Self { lifetime: None, inner }
    }

    /// Finishes the request if the body has ended. Servers need not poll a body again that says so.
    fn note_end(&mut self) {
        if self.inner.is_end_stream() {
            self.finish();
        }
    }

    fn finish(&mut self) {
        if let Some(mut lifetime) = self.lifetime.take() {
            lifetime.finish();
        }
    }
}

impl<A: App> HttpBody for ResponseBody<A> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let inner = &mut this.inner;
        let frame = match &this.lifetime {
            Some(lifetime) => ready!(lifetime.poll(|| Pin::new(inner).poll_frame(task))),
            None => ready!(Pin::new(inner).poll_frame(task)),
        };
        match &frame {
            Some(Ok(_)) => this.note_end(),
            // Dropped by the server then, like the body of a client that has gone away.
            Some(Err(_)) => {}
            None => this.finish(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<A: App> Debug for ResponseBody<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("has_ended", &self.lifetime.is_none()).finish_non_exhaustive()
    }
}
