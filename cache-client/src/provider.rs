//! A second tier below the cache, as the user sees it: where bytes are kept under bytes. Knows nothing of queries.

pub(crate) mod entry;
pub(crate) mod envelope;
pub(crate) mod error;
#[cfg(feature = "test-util")]
pub(crate) mod memory;
pub(crate) mod tier;
#[cfg(feature = "test-util")]
pub(crate) mod tracking;
mod write_queues;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cache_core::BoxError;

/// A second tier below the cache: keeps bytes under bytes, for longer than the program runs or for several programs.
///
/// A client that is [built with one](crate::ClientBuilder::provider) asks it when a query derived with `persist` is
/// missing, before it is loaded, and gives it what was loaded. It asks only for strategies that read the cache first, and
/// once for all who wait: a background refresh, `network-first`, `refresh` and `network-only` go past it. Trees that are
/// kept from the cache neither read nor write it.
///
/// What it has is used while it is fresh by the options of who asks, and counts as old as it is by the wall clock; what is
/// stale, damaged or was written by a program with other types is a miss. So is a call that fails, panics or takes longer
/// than the [timeout](crate::ClientBuilder::provider_timeout): a provider that is out of order makes loads later, but
/// never fails them.
///
/// # What holds
/// - What is written, removed, invalidated or cleared in this cache is not read back from an older entry of the provider
///   as long as the client lives. The client learns this by the hash of the key: now and then it passes over an entry
///   that is not out of date. It has no effect on single keys: `invalidate_where` and all that is wider pass over
///   everything that the provider has of these queries from before.
/// - [`invalidate`](crate::Client::invalidate) of one key also removes it from the provider, behind the call. Nothing else
///   removes anything: what the program must not find again after a restart, as after a logout, it removes itself.
/// - Nothing holds between machines: what another one invalidates is found here until it is stale. Their clocks have to
///   agree, as far as the freshness of answers is to.
///
/// # What is kept
/// The key is the name of the table, a zero byte, and the key of the query in the codec of the query: the same in each
/// run and on each machine. The value is an envelope with the answer, described in the module `provider::envelope` of the
/// source.
///
/// ```
/// use std::time::Duration;
/// use cache_client::Provider;
/// use cache_core::BoxError;
///
/// struct Files { folder: std::path::PathBuf }
///
/// impl Provider for Files {
///     async fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
/// #       let _ = key;
///         // ...
/// #       Ok(None)
///     }
///
///     async fn set(&self, key: &[u8], value: Vec<u8>, ttl: Duration) -> Result<(), BoxError> {
/// #       let _ = (key, value, ttl);
///         // ...
/// #       Ok(())
///     }
///
///     async fn remove(&self, key: &[u8]) -> Result<(), BoxError> {
/// #       let _ = key;
///         // ...
/// #       Ok(())
///     }
/// }
/// ```
pub trait Provider: Send + Sync + 'static {
    /// What was set under a key last, if its time to live is not over. One that is over may be returned: the client
    /// looks for itself.
    ///
    /// # Cancellation
    /// The future is dropped when the timeout is over, or nobody wants the answer any more; the same is true of the other
    /// two, but for the latter.
    fn get(&self, key: &[u8]) -> impl Future<Output = Result<Option<Vec<u8>>, BoxError>> + Send;

    /// Keeps a value under a key, in place of the one before, for at most `ttl`, which is a year or less. It may go
    /// earlier.
    fn set(
        &self,
        key: &[u8],
        value: Vec<u8>,
        ttl: Duration,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Removes what is under a key, if there is anything.
    fn remove(&self, key: &[u8]) -> impl Future<Output = Result<(), BoxError>> + Send;
}

impl<P: Provider> Provider for Arc<P> {
    async fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
        self.as_ref().get(key).await
    }

    async fn set(&self, key: &[u8], value: Vec<u8>, ttl: Duration) -> Result<(), BoxError> {
        self.as_ref().set(key, value, ttl).await
    }

    async fn remove(&self, key: &[u8]) -> Result<(), BoxError> {
        self.as_ref().remove(key).await
    }
}
