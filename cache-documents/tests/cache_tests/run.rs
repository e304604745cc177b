//! Runs cases: each with a new client, over one HTTP client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cache_client::{App, Client};
use cache_core::{Cache, Clock, ManualClock, registry};
use cache_documents::http::{ClientRequests, Transport};
use http::{HeaderMap, HeaderName, Method, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::case::{Case, Seen, Step};
use crate::server::{STEP, Script, serve};

registry! { pub struct NetworkRegistry { cache_documents::http::GetResponse } }

type HttpClient = legacy::Client<HttpConnector, Full<Bytes>>;

/// A program that sends requests by an HTTP client.
struct Network {
    http: HttpClient,
    clock: Arc<ManualClock>,
    constants: [HeaderName; 4],
}

impl App for Network {
    type Registry = NetworkRegistry;
}

impl Transport for Network {
    type Error = legacy::Error;

    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, legacy::Error> {
        let (head, body) = self.http.request(request.map(Full::new)).await?.into_parts();
        // The server has closed no connection within a body.
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Ok(http::Response::from_parts(head, body))
    }

    fn constant_headers(&self) -> &[HeaderName] {
        &self.constants
    }

    fn now(&self) -> Option<SystemTime> {
        Some(self.clock.wall())
    }
}

pub struct Runner {
    script: Arc<Script>,
    server: SocketAddr,
    http: HttpClient,
}

impl Runner {
    pub async fn start() -> Self {
        let clock = Arc::new(ManualClock::new());
        clock.set_wall(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let script = Arc::new(Script::new(clock));
        let server = serve(Arc::clone(&script)).await;
        Self { script, server, http: legacy::Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Runs a case. Returns what was not as expected.
    pub async fn run(&self, case: &Case) -> Vec<String> {
        let clock = Arc::clone(&self.script.clock);
        let cache = Cache::builder().clock(Arc::clone(&clock)).build().unwrap();
        // The HTTP client never adds these fields.
        let constants = ["color", "size", "shape", "accept-language"].map(HeaderName::from_static);
        let network = Network { http: self.http.clone(), clock, constants };
        let client = Client::builder(cache, network).build();
        let (mut problems, mut first) = (Vec::new(), HeaderMap::new());
        for (number, step) in case.steps.iter().enumerate() {
            self.script.begin(number, &step.answer);
            let mut seen = self.step(&client, step).await;
            if let (0, Some((_, parts))) = (number, &seen.served) {
                first = parts.headers.clone();
            }
            seen.first = first.clone();
            problems.extend(step.expects.iter().filter_map(|expect| seen.problem(number, expect)));
            self.script.clock.advance(Duration::from_secs(step.pause));
        }
        problems
    }

    async fn step(&self, client: &Client<Network>, step: &Step) -> Seen {
        let uri: Uri = format!("http://{}/{}", self.server, step.path).parse().unwrap();
        let body = Bytes::from(if ["GET", "HEAD"].contains(&step.method) { "" } else { "sent" });
        let mut request = http::Request::new(body);
        (*request.method_mut(), *request.uri_mut()) =
            (Method::from_bytes(step.method.as_bytes()).unwrap(), uri);
        *request.headers_mut() = self.script.headers(&step.asks);
        let answer = client.send(request).await;
        // A refresh in the background belongs to the step that has caused it.
        client.watch_fetching().wait_for(|running| *running == 0).await.unwrap();
        let served = answer.ok().map(|answer| {
            let parts = answer.response.head().latest().parts.clone();
            let by = parts.headers.get(STEP).and_then(|by| by.to_str().ok()?.parse().ok());
            (by.unwrap_or(usize::MAX), parts)
        });
        Seen { served, first: HeaderMap::new(), requests: self.script.requests() }
    }
}
