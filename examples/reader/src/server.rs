//! The server: its address, how requests reach it, and its errors. Knows no query.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use cache_client::App;
use cache_documents::http::{Response, Transport};
use cache_documents::{DocumentError, ErrorObject, ResourceList, Resources};
use dashboard::newsroom::Address;
use dashboard::plain;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;

use crate::CacheRegistry;
use crate::queries::{GetArticle, GetAuthor, GetPage};
use crate::records::{Article, Author, Comment};

/// How long a response may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum length of a response, in bytes.
const LONGEST: usize = 4 << 20;

/// The media type of documents.
const MEDIA_TYPE: &str = "application/vnd.api+json";

/// The result of a request.
pub type Exchanged = Result<http::Response<Bytes>, ServerError>;

/// Sends a request.
pub type Send = Box<
    dyn Fn(http::Request<Bytes>) -> Pin<Box<dyn Future<Output = Exchanged> + std::marker::Send>>
        + std::marker::Send
        + Sync,
>;

/// The state of the program that loads and changes need.
pub struct Reader {
    address: Address,
    send: Send,
}

impl App for Reader {
    type Registry = CacheRegistry;
}

impl Resources for Reader {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Article>();
        list.add::<Author>();
        list.add::<Comment>();
        list.add_saved::<GetPage>();
        list.add_saved::<GetArticle>();
        list.add_saved::<GetAuthor>();
    }
}

impl Transport for Reader {
    type Error = ServerError;

    async fn send(&self, request: http::Request<Bytes>) -> Exchanged {
        let path = request.uri().path().to_owned();
        let exchanged = tokio::time::timeout(TIMEOUT, (self.send)(request)).await;
        exchanged.unwrap_or(Err(ServerError::TimedOut { path }))
    }
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Nothing listens there, or the connection broke.
    #[error("the server does not answer")]
    Unreachable {
        /// The cause.
        source: Box<dyn Error + std::marker::Send + Sync>,
    },
    /// The response takes too long.
    #[error("no answer to {path} within {} s", TIMEOUT.as_secs())]
    TimedOut {
        /// The path.
        path: String,
    },
    /// The server refused the request.
    #[error("{detail}")]
    Refused {
        /// The status of the response.
        status: StatusCode,
        /// The reason that it gives.
        detail: String,
    },
    /// The response is no document that fits the records.
    #[error("the answer to {path} makes no sense; is this a newsroom?")]
    NotUnderstood {
        /// The path.
        path: String,
        /// The cause.
        source: DocumentError,
    },
    /// The response to a comment does not say which comment it has become.
    #[error("the server does not say under which id it has the comment")]
    NoComment,
    /// A link leads to something else than a path of the server.
    #[error("`{link}` is not a path of the server")]
    NoPath {
        /// The link.
        link: String,
    },
}

impl ServerError {
    /// Whether the server says that there is no such thing.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, .. })
    }

    /// Checks that a response reports success.
    ///
    /// # Errors
    /// [`Refused`](Self::Refused), with the reason that its error document gives.
    pub(crate) fn check(response: &Response) -> Result<(), Self> {
        #[derive(Deserialize)]
        struct ErrorDocument {
            errors: Vec<ErrorObject>,
        }
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let document = serde_json::from_slice(response.body()).ok();
        let error = document.and_then(|ErrorDocument { errors }| errors.into_iter().next());
        let detail = error.and_then(|error| error.detail.or(error.title));
        let detail = detail.unwrap_or_else(|| format!("the server answers {status}"));
        Err(Self::Refused { status, detail: plain::title(&detail) })
    }
}

impl Reader {
    /// A reader of the server at an address, over HTTP.
    #[must_use]
    pub fn new(address: Address) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        Self::with(address, Box::new(move |request| Box::pin(exchange(client.clone(), request))))
    }

    /// A reader that sends its requests in another way.
    #[must_use]
    pub fn with(address: Address, send: Send) -> Self {
        Self { address, send }
    }

    /// The address of the server.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn get(&self, path: &str) -> Result<http::Request<Bytes>, ServerError> {
        self.request(Method::GET, path, Bytes::new())
    }

    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<http::Request<Bytes>, ServerError> {
        let no_path = || ServerError::NoPath { link: plain::title(path) };
        if !path.starts_with('/') {
            return Err(no_path());
        }
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header(ACCEPT, MEDIA_TYPE);
        let body = body.into();
        let request = if body.is_empty() { request } else { request.header(CONTENT_TYPE, MEDIA_TYPE) };
        request.body(body).map_err(|_| no_path())
    }
}

type HttpClient = Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>;

async fn exchange(client: HttpClient, request: http::Request<Bytes>) -> Exchanged {
    let response = client.request(request.map(Full::new)).await;
    let response = response.map_err(|source| ServerError::Unreachable { source: source.into() })?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, LONGEST).collect().await;
    let body = body.map_err(|source| ServerError::Unreachable { source })?;
    Ok(http::Response::from_parts(head, body.to_bytes()))
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("address", &self.address).finish_non_exhaustive()
    }
}
