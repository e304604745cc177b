//! A server on loopback that answers the step of the case that runs.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache_core::{Clock, ManualClock};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::case::{Answer, Field, Value};

/// The field that says which step has answered.
pub const STEP: &str = "x-step";

/// The step that the server answers, and what it has seen of it.
pub struct Script {
    pub clock: Arc<ManualClock>,
    state: Mutex<State>,
}

struct State {
    step: usize,
    answer: Answer,
    requests: Vec<HeaderMap>,
}

impl Script {
    pub fn new(clock: Arc<ManualClock>) -> Self {
        let answer = Answer { status: 500, fields: Vec::new(), body: None, confirms: false, closes: false };
        Self { clock, state: Mutex::new(State { step: 0, answer, requests: Vec::new() }) }
    }

    /// Begins a step.
    pub fn begin(&self, step: usize, answer: &Answer) {
        *self.state.lock() = State { step, answer: answer.clone(), requests: Vec::new() };
    }

    /// Returns the fields of the requests since the step began.
    pub fn requests(&self) -> Vec<HeaderMap> {
        self.state.lock().requests.clone()
    }

    /// Returns fields with the dates of now.
    pub fn headers(&self, fields: &[Field]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let text = match value {
                Value::Text(text) => text.clone(),
                Value::Date(offset) => {
                    let (now, distance) = (self.clock.wall(), Duration::from_secs(offset.unsigned_abs()));
                    httpdate::fmt_http_date(if *offset < 0 { now - distance } else { now + distance })
                }
            };
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(text.as_bytes()).unwrap());
        }
        headers
    }

    /// Answers a request; `None` closes the connection.
    fn answer(&self, fields: &HeaderMap) -> Option<http::Response<Full<Bytes>>> {
        let mut state = self.state.lock();
        state.requests.push(fields.clone());
        let Answer { status, fields: answered, body, confirms, closes } = &state.answer;
        if *closes {
            return None;
        }
        let is_asked = fields.contains_key("if-none-match") || fields.contains_key("if-modified-since");
        let mut response = http::Response::new(Full::default());
        *response.headers_mut() = self.headers(answered);
        if *confirms && is_asked {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Some(response);
        }
        *response.status_mut() = StatusCode::from_u16(*status).unwrap();
        response.headers_mut().insert(STEP, state.step.into());
        if *status != 204 {
            let body = body.map_or_else(|| format!("body of step {}", state.step), str::to_owned);
            *response.body_mut() = Full::from(body);
        }
        Some(response)
    }
}

/// Starts a server. It ends with the runtime.
pub async fn serve(script: Arc<Script>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let script = Arc::clone(&script);
            let service = service_fn(move |request: http::Request<Incoming>| {
                let answer = script.answer(request.headers());
                async move { answer.ok_or("the script closes the connection") }
            });
            // The dates are those of the script.
            let connection =
                http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { _ = connection.await });
        }
        Ok::<(), Infallible>(())
    });
    address
}
