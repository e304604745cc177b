//! The newsroom that is observed: its address, how it is queried, and its errors. Knows no query.

use std::error::Error;
use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use cache_client::App;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::CacheRegistry;
use crate::plain;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum length of an answer, in bytes.
const LONGEST: usize = 4 << 20;

/// A newsroom, and the connections to it. The state of this program, which all loads need.
#[derive(Debug)]
pub struct Newsroom {
    address: Address,
    http: Client<HttpConnector, Empty<Bytes>>,
}

impl App for Newsroom {
    type Registry = CacheRegistry;
}

/// Why there is no answer from the newsroom.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewsroomError {
    /// Nothing listens there, or the connection broke.
    #[error("unreachable")]
    Unreachable {
        /// The cause.
        source: hyper_util::client::legacy::Error,
    },
    /// The answer broke off, or is too long.
    #[error("the answer to {path} broke off")]
    BrokenOff {
        /// The path.
        path: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The answer takes too long.
    #[error("no answer to {path} within {} s", TIMEOUT.as_secs())]
    TimedOut {
        /// The path.
        path: String,
    },
    /// The newsroom refused the request.
    #[error("{status}: {message}")]
    Refused {
        /// The status of the answer.
        status: StatusCode,
        /// The reason that it gives.
        message: String,
    },
    /// The answer does not fit the query.
    #[error("the answer to {path} makes no sense; is this a newsroom?")]
    NotUnderstood {
        /// The path.
        path: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// The path is invalid.
    #[error("`{path}` is not a path")]
    NoPath {
        /// The path.
        path: String,
        /// The cause.
        source: hyper::http::uri::InvalidUri,
    },
}

impl NewsroomError {
    /// Whether a retry may succeed after a moment.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::BrokenOff { .. })
    }

    /// Whether the newsroom has failed, and not the request.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::Refused { status, .. } if status.is_client_error())
    }

    /// Whether the newsroom answered "not found".
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, .. })
    }
}

impl Newsroom {
    /// A newsroom without connections yet.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address, http: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// The newsroom's answer to a path.
    ///
    /// # Errors
    /// If there is no answer in time, or not one of this type.
    pub async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, NewsroomError> {
        let answer = tokio::time::timeout(TIMEOUT, self.answer(path));
        let (status, body) =
            answer.await.map_err(|_| NewsroomError::TimedOut { path: path.to_owned() })??;
        if !status.is_success() {
            return Err(NewsroomError::Refused { status, message: plain::title(&complaint(&body)) });
        }
        serde_json::from_slice(&body)
            .map_err(|source| NewsroomError::NotUnderstood { path: path.to_owned(), source })
    }

    async fn answer(&self, path: &str) -> Result<(StatusCode, Bytes), NewsroomError> {
        let uri = format!("{}{path}", self.address)
            .parse()
            .map_err(|source| NewsroomError::NoPath { path: path.to_owned(), source })?;
        let unreachable = |source| NewsroomError::Unreachable { source };
        let response = self.http.get(uri).await.map_err(unreachable)?;
        let (status, body) = (response.status(), Limited::new(response.into_body(), LONGEST));
        let broken_off = |source| NewsroomError::BrokenOff { path: path.to_owned(), source };
        Ok((status, body.collect().await.map_err(broken_off)?.to_bytes()))
    }
}

/// The newsroom's message for a status: a text in JSON.
fn complaint(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Complaint {
        error: String,
    }
    serde_json::from_slice(body)
        .map_or_else(|_| "without a reason".to_owned(), |complaint: Complaint| complaint.error)
}

/// The address of a newsroom: `http://`, a host, and optionally a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

/// Why a text is not the address of a newsroom.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages are self-explanatory")]
pub enum NotAnAddress {
    #[error("it is not an address")]
    Shape(#[from] hyper::http::uri::InvalidUri),
    #[error("this program uses HTTP without TLS: use http://, or a proxy")]
    Tls,
    #[error("it must begin with http://, as in http://127.0.0.1:8080")]
    Scheme,
    #[error("it has no host; write it as in http://127.0.0.1:8080")]
    Host,
    #[error("it must have no path, only a host and a port, as in http://127.0.0.1:8080")]
    Path,
    #[error("it must have no name and password: they are not used, and the screen would show them")]
    UserInfo,
    #[error("its port must be a number from 1 to 65535, as in http://127.0.0.1:8080")]
    Port,
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let uri: Uri = text.parse()?;
        let authority = uri.authority().ok_or(NotAnAddress::Scheme)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(NotAnAddress::Tls),
            _ => return Err(NotAnAddress::Scheme),
        }
        if uri.path() != "/" || uri.query().is_some() {
            return Err(NotAnAddress::Path);
        }
        if authority.as_str().contains('@') {
            return Err(NotAnAddress::UserInfo);
        }
        let has_port = authority.as_str().len() > authority.host().len();
        if has_port && uri.port_u16().is_none_or(|port| port == 0) {
            return Err(NotAnAddress::Port);
        }
        if authority.host().is_empty() {
            return Err(NotAnAddress::Host);
        }
        Ok(Self(format!("http://{authority}")))
    }
}

impl Default for Address {
    /// The default address of `newsroom`.
    fn default() -> Self {
        Self("http://127.0.0.1:8080".to_owned())
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An error and its causes on one line.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    causes(error).fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

/// An error and its root cause on one line, without the errors of libraries between them.
#[must_use]
pub fn in_short(error: &dyn Error) -> String {
    match causes(error).last() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn causes(error: &dyn Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}
