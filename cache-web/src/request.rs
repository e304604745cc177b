//! Gives each request a context that lives until its response body has ended. Answers nothing itself, except a request
//! with a deadline that cannot be read.

mod body;
mod deadline;
mod future;
mod label;
mod lifetime;

use std::fmt::{self, Debug};
use std::task::{self, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderName, Method};
use axum::response::Response;
use cache_client::{App, Client};
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

use crate::cx::LayeredContext;
use deadline::Deadline;
use label::Labels;
use lifetime::RequestLifetime;

pub use body::ResponseBody;
pub use future::ResponseFuture;

/// Gives each request a [`Context`](cache_client::Context) of its own, which handlers extract with [`Cx`](crate::Cx).
///
/// The context is named after the method and the route that matched, such as `GET /posts/{id}`, never after the path
/// itself; without a route it is named `GET`. It lives until the response *body* has ended. If the client goes away
/// before that, the context is [cancelled](cache_client::Context::cancel): loads that only this request waits for end
/// at once. The handler, the response body and everything that runs in their tasks get the context from
/// [`Context::current`](cache_client::Context::current).
///
/// Add it with [`Router::layer`](axum::Router::layer), which runs it when the route is known. A layer that ends
/// requests early, such as a timeout, counts as a client that goes away; use [`deadline`](Self::deadline) for a time
/// limit that handlers can answer.
///
/// # Costs
/// Four small allocations per request: the context, what cancels it, its place in the request, and the response body.
/// No task, no timer until a query waits, and no lock that requests share.
#[must_use = "a layer has no effect until it is added to a router"]
pub struct RequestLayer<A: App> {
    client: Client<A>,
    deadline: Deadline,
    labels: Labels,
}

impl<A: App> RequestLayer<A> {
    /// Creates a layer whose requests have no deadline.
    pub fn new(client: &Client<A>) -> Self {
        Self { client: client.clone(), deadline: Deadline::default(), labels: Labels::default() }
    }

    /// Sets how long a request may take, from when the layer receives it to the end of its response body. After that
    /// its queries fail with [`QueryError::Interrupted`](cache_client::QueryError::Interrupted), which
    /// [`Failure`](crate::Failure) answers with status 504. Shared loads continue for as long as the option `linger`
    /// says.
    ///
    /// Work that does not query the context is not interrupted.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.deadline.configured = Some(time);
        self
    }

    /// Names a header with the number of milliseconds that the client grants. The shorter one of this time and
    /// [`deadline`](Self::deadline) applies. A request with a header that is not such a number is answered with status
    /// 400.
    ///
    /// Use it behind a proxy that sets or removes the header: whoever can set it can make requests fail early.
    pub fn deadline_header(mut self, name: HeaderName) -> Self {
        self.deadline.header = Some(name);
        self
    }
}

impl<A: App> Clone for RequestLayer<A> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), deadline: self.deadline.clone(), labels: self.labels.clone() }
    }
}

impl<A: App> Debug for RequestLayer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLayer").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl<A: App, S> Layer<S> for RequestLayer<A> {
    type Service = RequestService<A, S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestService { layer: self.clone(), inner }
    }
}

/// The service of a [`RequestLayer`].
pub struct RequestService<A: App, S> {
    layer: RequestLayer<A>,
    inner: S,
}

impl<A: App, S: Clone> Clone for RequestService<A, S> {
    fn clone(&self) -> Self {
        Self { layer: self.layer.clone(), inner: self.inner.clone() }
    }
}

impl<A: App, S: Debug> Debug for RequestService<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestService").field("layer", &self.layer).field("inner", &self.inner).finish()
    }
}

impl<A: App, S> Service<Request> for RequestService<A, S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send,
{
    type Response = Response<ResponseBody<A>>;
    type Error = S::Error;
    type Future = ResponseFuture<A, S::Future>;

    fn poll_ready(&mut self, task: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let granted = match self.layer.deadline.of(request.headers()) {
            Ok(granted) => granted,
            Err(refusal) => return ResponseFuture::refused(refusal),
        };
        let deadline = granted.and_then(|time| Instant::now().checked_add(time));
        let cx = self.layer.client.request_until(self.layer.labels.of(&request), deadline);
        request.extensions_mut().insert(LayeredContext::new(&cx));
        // Nobody reads the body of the response to a HEAD request.
        let has_body = request.method() != Method::HEAD;
        ResponseFuture::running(RequestLifetime::new(cx), has_body, self.inner.call(request))
    }
}
