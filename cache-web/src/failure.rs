//! Turns an error of a query or mutation into a response.

use std::fmt::{self, Debug, Display};
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use cache_client::{MutateError, QueryError};
use tokio::time::Instant;

/// The error of a query or mutation, as a response.
///
/// | the error | the response |
/// |---|---|
/// | the load or mutation has failed with an `E` | what [`IntoResponse`] for `&E` returns |
/// | `Interrupted`: the deadline has passed | 504; after the client has gone away nobody receives it |
/// | `CircuitOpen`: too many loads have failed | 503, with `Retry-After`: when the breaker lets a load through |
/// | `NotCached`: the query never loads, and nothing is cached | 503 |
/// | anything else: a panic, invalid options, a cycle, a commit that a hook refused | 500 |
///
/// The texts say nothing about queries or keys. `E` is implemented for by reference, since all callers that waited for
/// a load share its error. For an error type of another crate, write a type of your own around it.
///
/// # Examples
/// ```
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Response};
/// use cache_client::QueryError;
/// use cache_web::Failure;
///
/// #[derive(Debug)]
/// struct NoSuchPost;
///
/// impl IntoResponse for &NoSuchPost {
///     fn into_response(self) -> Response {
///         (StatusCode::NOT_FOUND, "there is no such post").into_response()
///     }
/// }
///
/// let failed = QueryError::Failed { query: "get_post", source: NoSuchPost.into() };
/// assert_eq!(Failure::from(failed).into_response().status(), StatusCode::NOT_FOUND);
///
/// let late = QueryError::<NoSuchPost>::Interrupted { query: "get_post" };
/// assert_eq!(Failure::from(late).into_response().status(), StatusCode::GATEWAY_TIMEOUT);
/// ```
/// A handler returns it with `?`: see the [crate page](crate#example).
#[derive(Debug)]
pub struct Failure<E> {
    error: Cause<E>,
    /// Replaces the time of the circuit breaker.
    retry_after: Option<Duration>,
}

#[derive(Debug)]
enum Cause<E> {
    /// An error of the program.
    Own(Arc<E>),
    Refused {
        until: Instant,
    },
    Interrupted,
    NotCached,
    /// The text is for logs, not for clients.
    Other(String),
}

impl<E> Failure<E> {
    fn new(error: Cause<E>) -> Self {
        Self { error, retry_after: None }
    }

    /// Sets how long the response tells the client to wait if a circuit breaker is open, in place of the time until the
    /// breaker lets a load through. Rounded up to seconds.
    #[must_use]
    pub fn retry_after(self, time: Duration) -> Self {
        Self { retry_after: Some(time), ..self }
    }

    /// Returns the error of the load or mutation. `None` if there is none because of the client, not of the program.
    #[must_use]
    pub fn error(&self) -> Option<&Arc<E>> {
        match &self.error {
            Cause::Own(error) => Some(error),
            _ => None,
        }
    }
}

impl<E> From<QueryError<E>> for Failure<E> {
    fn from(error: QueryError<E>) -> Self {
        Self::new(match error {
            QueryError::Failed { source, .. } => Cause::Own(source),
            QueryError::Interrupted { .. } => Cause::Interrupted,
            QueryError::CircuitOpen { until, .. } => Cause::Refused { until },
            QueryError::NotCached { .. } => Cause::NotCached,
            other => Cause::Other(other.to_string()),
        })
    }
}

impl<E> From<MutateError<E>> for Failure<E> {
    fn from(error: MutateError<E>) -> Self {
        Self::new(match error {
            MutateError::Failed { source, .. } => Cause::Own(Arc::new(source)),
            MutateError::Interrupted { .. } => Cause::Interrupted,
            other => Cause::Other(other.to_string()),
        })
    }
}

impl<E: Display> Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Cause::Own(error) => Display::fmt(error, f),
            Cause::Refused { .. } => f.write_str("the circuit breaker is open"),
            Cause::Interrupted => f.write_str("the request was interrupted"),
            Cause::NotCached => f.write_str("the answer is not cached"),
            Cause::Other(text) => f.write_str(text),
        }
    }
}

impl<E> IntoResponse for Failure<E>
where
    for<'a> &'a E: IntoResponse,
{
    fn into_response(self) -> Response {
        self.into_response_with(|error| error.into_response())
    }
}

impl<E> Failure<E> {
    /// The response, where `own` answers errors of the program.
    pub(crate) fn into_response_with(self, own: impl FnOnce(&E) -> Response) -> Response {
        match self.error {
            Cause::Own(error) => own(&error),
            Cause::Refused { until } => {
                let left = || until.saturating_duration_since(Instant::now());
                let time = self.retry_after.unwrap_or_else(left);
                // A client that tries again too early is refused again.
                let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
                let headers = [(RETRY_AFTER, seconds.to_string())];
                (StatusCode::SERVICE_UNAVAILABLE, headers, "try again later\n").into_response()
            }
            Cause::Interrupted => (StatusCode::GATEWAY_TIMEOUT, "this took too long\n").into_response(),
            Cause::NotCached => (StatusCode::SERVICE_UNAVAILABLE, "not available now\n").into_response(),
            Cause::Other(text) => {
                tracing::error!(target: "cache_web", error = text, "failure");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
