//! What a client takes: a server, and how it is used.

use std::time::Duration;

use cache_client::shared::{ConnectError, SharedTier, SharedTierBuilder};

use crate::server::RedisServer;

/// Configures a shared tier on a server of Redis or Valkey.
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
///
/// use cache_redis::RedisTier;
///
/// # async fn example() -> Result<(), cache_client::shared::ConnectError> {
/// let tier = RedisTier::at("redis://cache:6379").namespace("blog").max_lag(Duration::from_secs(2)).connect().await?;
/// # drop(tier);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RedisTier {
    server: RedisServer,
    max_lag: Option<Duration>,
    limit: Option<Duration>,
    lease: Option<Duration>,
}

impl RedisTier {
    /// Starts with a url such as `redis://user:password@host:6379/0`, and the namespace `cache`.
    pub fn at(url: impl Into<String>) -> Self {
        Self { server: RedisServer::at(url), max_lag: None, limit: None, lease: None }
    }

    /// Sets what precedes the names of all keys. Clients with the same namespace share values and drops.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.server = self.server.namespace(namespace);
        self
    }

    /// Sets the certificates, as PEM, of the authorities that may have signed that of the server. Default: those that
    /// the system trusts.
    #[cfg(feature = "tls")]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.server = self.server.root_certificates(pem);
        self
    }

    /// Sets the client's own certificate and its private key, as PEM. Servers of Redis ask for one by default.
    #[cfg(feature = "tls")]
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.server = self.server.client_certificate(certificate, key);
        self
    }

    /// Like [`SharedTierBuilder::max_lag`]. Default: 2 s.
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.max_lag = Some(max_lag);
        self
    }

    /// Like [`SharedTierBuilder::limit`]. Default: 100 ms.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Like [`SharedTierBuilder::lease`]. Default: 10 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Connects once, to find out whether the server can be used. Takes 5 s at most.
    ///
    /// # Errors
    /// [`ConnectError`]. What the server lacks is a [`ServerError`](crate::ServerError), its source.
    pub async fn connect(self) -> Result<SharedTier, ConnectError> {
        self.builder().connect().await
    }

    /// Uses the server whenever it can be reached and used. What it lacks is reported as an event.
    #[must_use]
    pub fn optional(self) -> SharedTier {
        self.builder().optional()
    }

    fn builder(self) -> SharedTierBuilder {
        let Self { server, max_lag, limit, lease } = self;
        let builder = SharedTier::builder(server);
        let builder = max_lag.into_iter().fold(builder, SharedTierBuilder::max_lag);
        let builder = limit.into_iter().fold(builder, SharedTierBuilder::limit);
        lease.into_iter().fold(builder, SharedTierBuilder::lease)
    }
}
