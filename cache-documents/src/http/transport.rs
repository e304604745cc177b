//! How a program sends requests, and what it says about responses. No behaviour.

use std::fmt::Display;
use std::future::Future;
use std::time::SystemTime;

use bytes::Bytes;
use cache_client::App;
use http::HeaderName;

use super::{Policy, Windows};

/// How a program sends requests.
///
/// Each call sends one request and reads the whole response. What belongs to all requests, such as credentials, retries,
/// limits and traces, is done here.
///
/// Any tower service can do that: a call is `oneshot` on a clone of the service. Here it is a router of axum, which
/// answers in the same process; clients of hyper and reqwest differ only in the types of their bodies.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use bytes::Bytes;
/// use cache_client::{App, Client};
/// use cache_core::{Cache, registry};
/// use cache_documents::http::{ClientRequests, Transport};
/// use http_body_util::BodyExt;
/// use tower::ServiceExt;
///
/// registry! { struct Registry { cache_documents::http::GetResponse } }
///
/// struct Program { service: Router }
///
/// impl App for Program { type Registry = Registry; }
///
/// impl Transport for Program {
///     type Error = axum::Error;
///
///     async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, axum::Error> {
///         let response = self.service.clone().oneshot(request.map(Body::from)).await;
///         let (head, body) = response.unwrap_or_else(|never| match never {}).into_parts();
///         Ok(http::Response::from_parts(head, body.collect().await?.to_bytes()))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = Router::new().route("/", get(async || "Hello"));
/// let client = Client::builder(Cache::new(), Program { service }).build();
/// let answer = client.send(http::Request::get("/").body(Bytes::new())?).await?;
/// assert_eq!(&answer.response.body()[..], b"Hello");
/// # Ok(())
/// # }
/// ```
pub trait Transport: App {
    /// Why there is no response. A response with a status that reports an error is a response.
    type Error: Display + Send + Sync + 'static;

    /// Sends a request.
    ///
    /// The request has the fields that the program has given, and the conditions `If-None-Match` and
    /// `If-Modified-Since` if a stored response may still be good. A response with status 304 must be returned as it is.
    /// The content must be decoded already, if the transport asks for compressed content.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> impl Future<Output = Result<http::Response<Bytes>, Self::Error>> + Send;

    /// Returns the program's own judgement of stored responses. The default has no opinion.
    fn policy(&self) -> &(dyn Policy + Sync) {
        &()
    }

    /// Returns the names of fields that [`send`](Self::send) adds to every request with the same value, or never.
    ///
    /// A response may name other fields in `Vary`. It is kept only if its own request had these fields. The default is
    /// an empty list.
    fn constant_headers(&self) -> &[HeaderName] {
        &[]
    }

    /// Returns the times of stored responses, for the table of requests ([`GetResponse`](super::GetResponse)), where the
    /// headers say nothing. The default is none: such a response is stale at once. Other queries have options of their
    /// own.
    fn windows(&self) -> Windows {
        Windows::default()
    }

    /// Returns the time of day, with which dates in headers and the times of responses are compared, if it is not that of
    /// the system: tests set it. The default is `None`, the time of the system.
    ///
    /// It is read at each use of a stored response, and before and after each request that is sent, so it should be fast.
    /// If it is set back behind the time when a response came, that response is stale. With the time of the system, a
    /// response may be served as fresh for a few milliseconds too long on Linux and Android, where hits read a clock
    /// that is faster and coarser.
    fn now(&self) -> Option<SystemTime> {
        None
    }
}
