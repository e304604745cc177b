//! A server at a real socket, whose connections are kept alive. Its thread is the one that is measured: what clients
//! take, in a thread of their own, does not count.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::request;
use crate::measure::Contestant;

/// How many connections send requests at the same time.
const CONNECTIONS: usize = 8;

/// Serves the routes, and has clients send one request after the other.
pub fn loopback(name: &'static str, routes: Router, path: &'static str) -> Contestant {
    Contestant::new(name, move |keys| {
        let requests = keys.len() / CONNECTIONS;
        let served = serve(&routes, move |address| send(address, path, requests));
        served.expect("a server can serve at the loopback address")
    })
}

/// Serves the routes in this thread until `send` returns in another.
fn serve(
    routes: &Router,
    send: impl FnOnce(SocketAddr) -> io::Result<usize> + Send + 'static,
) -> io::Result<usize> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let (done, is_done) = oneshot::channel::<()>();
    let clients = thread::spawn(move || {
        let sent = send(address);
        drop(done);
        sent
    });
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let until_done = async { drop(is_done.await) };
        axum::serve(listener, routes.clone()).with_graceful_shutdown(until_done).await
    })?;
    clients.join().expect("no client panics")
}

/// Sends requests by several connections. Returns the number of responses.
fn send(address: SocketAddr, path: &'static str, requests: usize) -> io::Result<usize> {
    runtime()?.block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut connection = connect(address).await?;
            tasks.push(tokio::spawn(async move {
                for _ in 0..requests {
                    let response = connection.send_request(request(path)).await.map_err(io::Error::other)?;
                    response.into_body().collect().await.map_err(io::Error::other)?;
                }
                Ok::<_, io::Error>(requests)
            }));
        }
        let mut responses = 0;
        for task in tasks {
            responses += task.await??;
        }
        Ok(responses)
    })
}

/// Opens a connection, which a task of this runtime runs.
pub async fn connect(address: SocketAddr) -> io::Result<SendRequest<Body>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

pub fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
