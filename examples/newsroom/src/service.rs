//! The service: bound to an address, until it is told to stop.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use cache_client::Client;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::Newsroom;
use crate::routes;

/// How long requests that run may take when the service is to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A service that runs.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    client: Client<Newsroom>,
    serving: JoinHandle<io::Result<()>>,
}

impl Service {
    /// Starts to serve those who connect to `listener`.
    ///
    /// # Errors
    /// If the listener does not know its address.
    pub fn start(client: Client<Newsroom>, listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stopping = client.app().stopping.clone();
        let serving = axum::serve(listener, routes::router(client.clone()))
            .with_graceful_shutdown(async move { stopping.cancelled().await });
        Ok(Self { address, client, serving: tokio::spawn(serving.into_future()) })
    }

    /// [`start`](Self::start) at any port of this machine that is free: [`address`](Self::address) tells.
    ///
    /// # Errors
    /// If there is none.
    pub async fn start_anywhere(client: Client<Newsroom>) -> io::Result<Self> {
        Self::start(client, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)
    }

    /// Where it is served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The client that answers.
    #[must_use]
    pub fn client(&self) -> &Client<Newsroom> {
        &self.client
    }

    /// Stops: no new connections, what runs may end, streams are ended. Gives up on what takes too long.
    ///
    /// # Errors
    /// If serving has failed.
    pub async fn stop(self) -> io::Result<()> {
        self.client.app().stopping.cancel();
        match tokio::time::timeout(PATIENCE, self.serving).await {
            Ok(ended) => ended.map_err(io::Error::other)?,
            Err(_) => Ok(()),
        }
    }
}
