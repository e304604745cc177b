//! Where a server is, and how a connection to it is made and checked.

use std::fmt;

use cache_client::shared::{ConnectError, TierServer};
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError};

use crate::check;
use crate::connection::RedisConnection;
use crate::error::ServerError;

/// A server of Redis or Valkey, and the names of the tier in it.
///
/// [`RedisTier`](crate::RedisTier) is what a client takes.
#[derive(Clone)]
pub struct RedisServer {
    url: String,
    namespace: String,
    #[cfg(feature = "tls")]
    certificates: redis::TlsCertificates,
}

impl RedisServer {
    /// Creates a server at a url such as `redis://user:password@host:6379/0`, with the namespace `cache`.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            namespace: "cache".to_owned(),
            #[cfg(feature = "tls")]
            certificates: redis::TlsCertificates { client_tls: None, root_cert: None },
        }
    }

    /// Sets what precedes the names of all keys. Clients with the same namespace share values and drops.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets the certificates, as PEM, of the authorities that may have signed that of the server. Default: those that
    /// the system trusts.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.root_cert = Some(pem.into());
        self
    }

    /// Sets the client's own certificate and its private key, as PEM. Servers of Redis ask for one by default.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        let (client_cert, client_key) = (certificate.into(), key.into());
        self.certificates.client_tls = Some(redis::ClientTlsConfig { client_cert, client_key });
        self
    }

    /// The driver's settings. Nothing is sent yet.
    fn client(&self) -> Result<Client, ServerError> {
        check::namespace(&self.namespace)?;
        let is_tls = self.url.get(..9).is_some_and(|scheme| scheme.eq_ignore_ascii_case("rediss://"));
        self.open(is_tls).map_err(|problem| ServerError::Settings { problem })
    }

    #[cfg(feature = "tls")]
    fn open(&self, is_tls: bool) -> Result<Client, String> {
        let is_plain = self.certificates.root_cert.is_none() && self.certificates.client_tls.is_none();
        if !is_tls && !is_plain {
            return Err("certificates need a url that begins with `rediss://`".to_owned());
        }
        if !is_tls {
            return Client::open(self.url.as_str()).map_err(refused);
        }
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Fails if another thread was faster, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        Client::build_with_tls(self.url.as_str(), self.certificates.clone()).map_err(refused)
    }

    #[cfg(not(feature = "tls"))]
    fn open(&self, is_tls: bool) -> Result<Client, String> {
        if is_tls {
            return Err("`rediss://` needs the feature `tls` of cache-redis".to_owned());
        }
        Client::open(self.url.as_str()).map_err(refused)
    }
}

/// What the driver has against the settings, without its details: they are parts of the url.
fn refused(error: RedisError) -> String {
    let mut text = error.to_string();
    if let Some(detail) = error.detail() {
        text.truncate(text.find(&format!(": {detail}")).unwrap_or(0));
    }
    format!("the url or a certificate is refused: {text}")
}

impl TierServer for RedisServer {
    type Connection = RedisConnection;

    async fn connect(&self) -> Result<RedisConnection, ConnectError> {
        let client = self.client().map_err(ConnectError::unusable)?;
        let address = client.get_connection_info().addr().to_string();
        // The driver's limits would end a read of the feed that waits. The query client limits calls instead.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let mut driver = connecting.await.map_err(|error| not_connected(&address, error))?;
        let run = check::server(&mut driver, &address, &self.namespace).await?;
        Ok(RedisConnection::new(driver, self.namespace.clone(), run))
    }
}

fn not_connected(address: &str, error: RedisError) -> ConnectError {
    let is_login = matches!(error.code(), Some("WRONGPASS" | "NOAUTH" | "NOPERM"));
    if is_login || error.kind() == ErrorKind::AuthenticationFailed {
        return ConnectError::unusable(ServerError::Login {
            address: address.to_owned(),
            answer: error.to_string(),
        });
    }
    ConnectError::unreachable(address, error)
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The url may have a password.
        f.debug_struct("RedisServer").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
