//! Requests to a real server on loopback.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use cache_client::{App, Client};
use cache_core::{Cache, registry};
use cache_documents::http::{Answer, ClientRequests, Transport};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

registry! { pub struct NetworkRegistry { cache_documents::http::GetResponse } }

/// Sends each request by a connection of its own.
struct Network {
    address: SocketAddr,
}

impl App for Network {
    type Registry = NetworkRegistry;
}

impl Transport for Network {
    type Error = Box<dyn std::error::Error + Send + Sync>;

    async fn send(&self, mut request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Self::Error> {
        let host = self.address.to_string().parse()?;
        request.headers_mut().insert(http::header::HOST, host);
        let (mut sender, connection) =
            handshake(TokioIo::new(TcpStream::connect(self.address).await?)).await?;
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request.map(Full::new)).await?.into_parts();
        Ok(http::Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}

/// A counter that each POST increases, and how often it was asked for.
#[derive(Clone, Default)]
struct Counter(Arc<[AtomicUsize; 2]>);

async fn show(State(Counter(counter)): State<Counter>, headers: HeaderMap) -> Response {
    counter[1].fetch_add(1, Ordering::SeqCst);
    let count = counter[0].load(Ordering::SeqCst);
    let etag = format!("\"{count}\"");
    if headers.get("if-none-match").is_some_and(|asked| asked.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [("etag", etag)]).into_response();
    }
    ([("etag", etag), ("cache-control", "max-age=3600".to_owned())], count.to_string()).into_response()
}

async fn increase(State(Counter(counter)): State<Counter>) -> Result<(), Infallible> {
    counter[0].fetch_add(1, Ordering::SeqCst);
    Ok(())
}

async fn count(client: &Client<Network>, cache_control: Option<&str>) -> Answer {
    let mut request = http::Request::get("/count").body(Bytes::new()).unwrap();
    if let Some(value) = cache_control {
        request.headers_mut().insert("cache-control", value.parse().unwrap());
    }
    client.send(request).await.unwrap()
}

#[tokio::test]
async fn a_server_is_asked_only_when_necessary() {
    let counter = Counter::default();
    let router = Router::new().route("/count", get(show).post(increase)).with_state(counter.clone());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async { axum::serve(listener, router).await });
    let client = Client::builder(Cache::new(), Network { address }).build();
    let asked = || counter.0[1].load(Ordering::SeqCst);

    let first = count(&client, None).await;
    assert_eq!((&first.response.body()[..], asked()), (&b"0"[..], 1));
    let served = count(&client, None).await;
    assert!(Arc::ptr_eq(&served.response, &first.response));
    assert_eq!(asked(), 1);
    let confirmed = count(&client, Some("no-cache")).await;
    assert!(Arc::ptr_eq(&confirmed.response, &first.response), "the server has answered 304");
    assert_eq!(asked(), 2);

    client.send(http::Request::post("/count").body(Bytes::new()).unwrap()).await.unwrap();
    let changed = count(&client, None).await;
    assert_eq!((&changed.response.body()[..], asked()), (&b"1"[..], 3));
    serving.abort();
}
