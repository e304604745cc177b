//! The interface of a server, for the crates that connect to one. Erased, since a client has one of unknown type.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::error::{CallError, ConnectError};
use super::protocol::{Reply, Request};

/// A server that the clients of several machines share.
///
/// The client makes the connections, one for the feed and one for everything else, and makes new ones when they end. It
/// also limits how long an answer may take, so implementations need no limits of their own.
///
/// [`SimTier`](super::SimTier) is one for tests; the crate `cache-redis` has one for Redis and Valkey.
pub trait TierServer: Send + Sync + 'static {
    /// An open connection.
    type Connection: TierConnection;

    /// Connects, and checks that the server is one that can be used. Never reconnects by itself.
    ///
    /// # Errors
    /// [`ConnectError`].
    ///
    /// # Cancellation
    /// The future is dropped if it takes too long.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, ConnectError>> + Send;
}

/// A connection to a [`TierServer`].
pub trait TierConnection: Send + Sync + 'static {
    /// Sends a request and waits for the answer. Requests of several callers may be under way at the same time. Requests
    /// reach the server that was connected to, never another process in its place.
    ///
    /// # Errors
    /// [`CallError`]. After [`CallError::Ended`] the client makes a new connection. Otherwise the connection is used
    /// further.
    ///
    /// # Cancellation
    /// The future may be dropped at any time. The server may carry out the request nevertheless. Later requests must get
    /// their own answers.
    fn send(&self, request: &Request) -> impl Future<Output = Result<Reply, CallError>> + Send;
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A server of unknown type.
pub(super) trait AnyServer: Send + Sync {
    fn connect(&self) -> BoxFuture<'_, Result<Arc<dyn AnyConnection>, ConnectError>>;
}

/// A connection of unknown type. Called only on misses, so a box costs little.
pub(super) trait AnyConnection: Send + Sync {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, CallError>>;
}

impl<S: TierServer> AnyServer for S {
    fn connect(&self) -> BoxFuture<'_, Result<Arc<dyn AnyConnection>, ConnectError>> {
        Box::pin(async { Ok(Arc::new(TierServer::connect(self).await?) as Arc<dyn AnyConnection>) })
    }
}

impl<C: TierConnection> AnyConnection for C {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, CallError>> {
        Box::pin(TierConnection::send(self, request))
    }
}
