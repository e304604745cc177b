//! The service: bound to an address, until it is stopped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use cache_client::Client;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::Newsroom;
use crate::connections::Connections;
use crate::routes;
use crate::settings::Settings;

/// A running service.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    client: Client<Newsroom>,
    inspector: Option<String>,
    /// Returns the number of connections that were cut off.
    serving: JoinHandle<usize>,
}

impl Service {
    /// Starts serving the clients that connect to `listener`.
    ///
    /// # Errors
    /// If the listener does not know its address.
    pub fn start(client: Client<Newsroom>, listener: TcpListener, settings: &Settings) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (mut routes, mut link) = (routes::router(client.clone(), settings), None);
        if let Some((inspector, opens)) = routes::inspector(&client, settings, address) {
            (routes, link) = (routes.merge(inspector), Some(opens));
        }
        let connections = Connections::new(routes, settings);
        let stopping = client.app().stopping.clone();
        Ok(Self {
            address,
            client,
            inspector: link,
            serving: tokio::spawn(connections.serve(listener, stopping)),
        })
    }

    /// Calls [`start`](Self::start) with any free port of this machine, which [`address`](Self::address) returns.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start_anywhere(client: Client<Newsroom>, settings: &Settings) -> io::Result<Self> {
        Self::start(client, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?, settings)
    }

    /// The address of the service.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The link that opens the inspector of the cache, with its token; `None` if nobody may see it.
    #[must_use]
    pub fn inspector(&self) -> Option<&str> {
        self.inspector.as_deref()
    }

    /// The client that answers queries.
    #[must_use]
    pub fn client(&self) -> &Client<Newsroom> {
        &self.client
    }

    /// Stops the service: accepts no further connections, ends event streams, and gives running requests the time of
    /// [`Settings::grace`]. Returns how many connections were cut off after that.
    ///
    /// # Panics
    /// If the task that accepts connections has panicked.
    pub async fn stop(self) -> usize {
        self.client.app().stopping.cancel();
        match self.serving.await {
            Ok(cut_off) => cut_off,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only the runtime cancels it, and after that nothing is served.
                Err(_) => 0,
            },
        }
    }
}
