//! A reader: a single connection to the service, kept open, that sends one request after the other.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Why there is no answer.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A connection.
#[derive(Debug)]
pub struct Visitor {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

/// A stream of server-sent events.
#[derive(Debug)]
pub struct Events {
    body: Incoming,
    /// Received but not returned yet.
    rest: String,
}

impl Visitor {
    /// Connects.
    ///
    /// # Errors
    /// If nothing listens there.
    pub async fn to(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Errors of the connection reach the caller that waits for an answer.
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_string() })
    }

    /// Gets a page.
    ///
    /// # Errors
    /// If there is no answer. An answer that reports an error counts as an answer.
    pub async fn get(&mut self, path: &str) -> Result<Response, Failure> {
        self.send("GET", path, &[], String::new()).await
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// Like [`get`](Self::get).
    pub async fn post(&mut self, path: &str, body: &Value) -> Result<Response, Failure> {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// Sends any request.
    ///
    /// # Errors
    /// Like [`get`](Self::get).
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<Response, Failure> {
        let (status, headers, body) = self.begin(method, path, headers, body).await?;
        let body = String::from_utf8(body.collect().await?.to_bytes().into())?;
        Ok(Response { status, headers, body })
    }

    /// Listens to events. From now on the connection serves only them.
    ///
    /// # Errors
    /// Like [`get`](Self::get), and if there are no events.
    pub async fn listen(self, path: &str) -> Result<Events, Failure> {
        self.listen_with(path, &[]).await
    }

    /// Like [`listen`](Self::listen), with more headers.
    ///
    /// # Errors
    /// Like [`listen`](Self::listen).
    pub async fn listen_with(mut self, path: &str, headers: &[(&str, &str)]) -> Result<Events, Failure> {
        let (status, _, body) = self.begin("GET", path, headers, String::new()).await?;
        match status {
            StatusCode::OK => Ok(Events { body, rest: String::new() }),
            status => Err(format!("no events at {path}: {status}").into()),
        }
    }

    async fn begin(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<(StatusCode, HeaderMap, Incoming), Failure> {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", &self.host);
        }
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::from(body))?).await?;
        let (head, body) = response.into_parts();
        Ok((head.status, head.headers, body))
    }
}

impl Response {
    /// The body as JSON.
    ///
    /// # Errors
    /// If the body is not JSON.
    pub fn json(&self) -> Result<Value, Failure> {
        Ok(serde_json::from_str(&self.body)?)
    }
}

impl Events {
    /// The data of the next event; `None` at the end.
    ///
    /// # Errors
    /// If the connection breaks, or the data is not JSON.
    pub async fn next(&mut self) -> Result<Option<Value>, Failure> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let data: String = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
                self.rest = rest.to_owned();
                if !data.is_empty() {
                    return Ok(Some(serde_json::from_str(&data)?));
                }
                continue;
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            if let Some(bytes) = frame?.data_ref() {
                self.rest += std::str::from_utf8(bytes)?;
            }
        }
    }
}
