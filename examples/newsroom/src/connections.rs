//! Accepts connections up to a limit, applies time limits to each, and ends them when the service stops. Knows no
//! route.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::app;
use crate::settings::Settings;

/// How long a client may take to send the head of a request, also when the connection is idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a write to a client may make no progress.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long, and how many bytes, a client may keep sending after its answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 32 * 1024 * 1024;

/// Maximum length of the head of a request, in bytes.
const LONGEST_HEAD: usize = 32 * 1024;

/// How long to wait before the next attempt when no connection can be accepted, for instance with too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Accepts connections and serves them.
pub(crate) struct Connections {
    router: Router,
    permits: Arc<Semaphore>,
    grace: Duration,
}

impl Connections {
    pub(crate) fn new(router: Router, settings: &Settings) -> Self {
        let permits = Arc::new(Semaphore::new(settings.connections));
        Self { router, permits, grace: settings.grace }
    }

    /// Serves until `stopping` is cancelled. Returns how many connections did not end in time and were cut off.
    pub(crate) async fn serve(self, listener: TcpListener, stopping: CancellationToken) -> usize {
        let mut running = JoinSet::new();
        // Its count, less this one, is the number of connections with answers that are not sent yet.
        let answering = Arc::new(());
        while let Some(accepted) = stopping.run_until_cancelled(self.accept(&listener)).await {
            while running.try_join_next().is_some() {}
            let (stream, peer, permit) = accepted;
            let (router, stopping, answering) =
                (self.router.clone(), stopping.clone(), Arc::clone(&answering));
            running.spawn(async move {
                let _permit = permit;
                let stream = answer(stream, peer, router, &stopping).await;
                drop(answering);
                linger(stream).await;
            });
        }
        drop(listener);
        let all_ended = async { while running.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(self.grace, all_ended).await;
        let cut_off = Arc::strong_count(&answering) - 1;
        running.shutdown().await;
        cut_off
    }

    /// Accepts the next connection once the limit allows it.
    async fn accept(&self, listener: &TcpListener) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            unreachable!("the permits are never closed");
        };
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return (stream, peer, permit),
                Err(error) if is_client_error(&error) => {}
                Err(error) => {
                    app::log(&format_args!("error: cannot accept a connection: {error}"));
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Whether the client has closed its connection before it was accepted.
fn is_client_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

/// Answers all requests of a connection. Returns its stream when every answer is sent.
async fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stopping: &CancellationToken,
) -> impl AsyncRead + AsyncWrite + Unpin + use<> {
    // If this fails, answers are only slower.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let has_begun = AtomicBool::new(false);
    let service = service_fn(|mut request: Request<Incoming>| {
        has_begun.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(peer));
        Box::pin(router.clone().call(request))
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let ended = stopping.run_until_cancelled(poll_fn(|cx| connection.poll_without_shutdown(cx))).await;
    // hyper ends a connection between two requests at once, and would wait for the first one.
    if ended.is_none() && has_begun.load(Ordering::Relaxed) {
        Pin::new(&mut connection).graceful_shutdown();
        // An error concerns this connection alone, here and above.
        let _ = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    }
    connection.into_parts().io.into_inner()
}

/// Closes a connection in such a way that a client that is still sending receives its answer: closing a socket with
/// unread bytes resets the connection, and the client loses what it has not read yet.
async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let ending = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(LINGER, ending).await;
}
