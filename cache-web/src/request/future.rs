//! The future of a response: runs the handler in the context of its request.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cache_client::App;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use super::lifetime::RequestLifetime;

pin_project! {
    /// The future of a [`RequestService`](super::RequestService).
    #[project = StateProjection]
    #[must_use = "a response future does nothing until it is polled"]
    pub struct ResponseFuture<A: App, F> {
        // Dropped first, so that the context is cancelled when the handler's queries are dropped: their loads then end
        // at once.
        lifetime: Option<RequestLifetime<A>>,
        // Whether the context lives on in the body.
        has_body: bool,
        refusal: Option<Response>,
        #[pin]
        inner: Option<F>,
    }
}

impl<A: App, F> ResponseFuture<A, F> {
    pub(super) fn running(lifetime: RequestLifetime<A>, has_body: bool, inner: F) -> Self {
        Self { lifetime: Some(lifetime), has_body, refusal: None, inner: Some(inner) }
    }

    /// The response to a request that reaches no handler.
    pub(super) fn refused(refusal: impl IntoResponse) -> Self {
        Self { lifetime: None, has_body: false, refusal: Some(refusal.into_response()), inner: None }
    }
}

impl<A: App, F, E> Future for ResponseFuture<A, F>
where
    F: Future<Output = Result<Response, E>> + Send,
{
    type Output = Result<Response<ResponseBody<A>>, E>;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(refusal) = this.refusal.take() {
            return Poll::Ready(Ok(refusal.map(ResponseBody::without_request)));
        }
        let (Some(mut inner), Some(lifetime)) = (this.inner.as_mut().as_pin_mut(), &*this.lifetime) else {
            unreachable!("a response future is not polled after it has returned its response");
        };
        let response: Response<Body> = ready!(lifetime.poll(|| inner.as_mut().poll(task)))?;
        let mut lifetime = this.lifetime.take();
        if !*this.has_body
            && let Some(mut lifetime) = lifetime.take()
        {
            lifetime.finish();
        }
        // The handler is done, and keeps nothing alive until the body has ended.
        this.inner.set(None);
        Poll::Ready(Ok(response.map(|body| match lifetime {
            Some(lifetime) => ResponseBody::new(lifetime, body),
            None => ResponseBody::without_request(body),
        })))
    }
}

impl<A: App, F> std::fmt::Debug for ResponseFuture<A, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
