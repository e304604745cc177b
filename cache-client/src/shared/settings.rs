//! How a client uses a shared tier.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::ConnectError;
use super::server::{AnyServer, TierServer};

/// How long it may take to connect and to check a server. No caller of the client waits for it.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// The shortest lag: shorter ones would not outlast the answers of the server.
const SHORTEST_LAG: Duration = Duration::from_millis(100);

/// The longest lease. Servers take longer ones for those of a clock that has gone back.
const LONGEST_LEASE: Duration = Duration::from_secs(600);

/// A shared tier that a client [takes](crate::ClientBuilder::shared). Created by [`SharedTier::builder`].
pub struct SharedTier {
    pub(super) server: Arc<dyn AnyServer>,
    pub(super) max_lag: Duration,
    pub(super) limit: Duration,
    pub(super) lease: Duration,
}

/// Configures a shared tier.
#[must_use]
pub struct SharedTierBuilder(SharedTier);

impl SharedTier {
    /// Starts to configure a shared tier on a server.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// use cache_client::shared::{SharedTier, SimTier};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// let tier = SharedTier::builder(SimTier::new()).max_lag(Duration::from_secs(5)).connect().await?;
    /// let client = Client::builder(blog_cache(), Blog::new()).shared(tier).build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(server: impl TierServer) -> SharedTierBuilder {
        SharedTierBuilder(Self {
            server: Arc::new(server),
            max_lag: Duration::from_secs(2),
            limit: Duration::from_millis(100),
            lease: Duration::from_secs(10),
        })
    }
}

impl SharedTierBuilder {
    /// Sets how long a machine may call an answer fresh after another machine has dropped it. While the server is there,
    /// drops are seen within one round trip; this is the bound when it is slow or away. Default: 2 s. At least 100 ms.
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.0.max_lag = max_lag.max(SHORTEST_LAG);
        self
    }

    /// Sets how long a call waits for the server before it goes on without it. Default: 100 ms. At least 1 ms.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.0.limit = limit.max(Duration::from_millis(1));
        self
    }

    /// Sets how long one machine may load a key while the others wait. A load that takes longer may be repeated by
    /// another machine. Default: 10 s. At least 1 ms and at most 10 minutes.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.0.lease = lease.clamp(Duration::from_millis(1), LONGEST_LEASE);
        self
    }

    /// Connects once, to find out whether the server can be used.
    ///
    /// # Errors
    /// [`ConnectError`] says what the server lacks, or why it cannot be reached.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// use cache_client::shared::{ConnectError, SharedTier, SimTier};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let sim = SimTier::new();
    /// sim.set_away(true);
    /// let error = SharedTier::builder(sim).connect().await.unwrap_err();
    /// assert!(matches!(error, ConnectError::Unreachable { .. }));
    /// # }
    /// ```
    pub async fn connect(self) -> Result<SharedTier, ConnectError> {
        match tokio::time::timeout(CONNECT_LIMIT, self.0.server.connect()).await {
            Ok(connected) => connected.map(|_connection| self.0),
            Err(elapsed) => Err(ConnectError::unreachable("the address of the settings", elapsed)),
        }
    }

    /// Uses the server whenever it can be reached and used. What it lacks is reported as an event, and by
    /// [`SharedState::last_error`](super::SharedState::last_error).
    #[must_use]
    pub fn optional(self) -> SharedTier {
        self.0
    }
}

impl fmt::Debug for SharedTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server: _, max_lag, limit, lease } = self;
        f.debug_struct("SharedTier")
            .field("max_lag", max_lag)
            .field("limit", limit)
            .field("lease", lease)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SharedTierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedTierBuilder").field(&self.0).finish()
    }
}
