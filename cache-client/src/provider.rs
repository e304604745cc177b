//! The interface of a second tier: bytes stored under text keys. Knows nothing of queries.

pub(crate) mod entry;
pub(crate) mod envelope;
pub(crate) mod error;
pub(crate) mod key;
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

/// A second tier below the cache. It stores bytes under text keys, for longer than the program runs, or for several
/// programs.
///
/// A client that is [built with a provider](crate::ClientBuilder::provider) reads it before it loads a missing query
/// derived with `persist`, and stores the loaded value in it. It reads for strategies that read the cache first, once
/// for all concurrent callers, and for `network-first`, while it loads. Background refreshes and the strategies
/// `refresh` and `network-only` do not read it. Trees that bypass the cache neither read nor write it.
///
/// A value of the provider is the answer while it is fresh by the options of the caller; its age is counted by the wall
/// clock. A stale one is served [like one in memory](crate::guide::surviving#after-a-restart). A damaged value, or one
/// written by a program with other types, is a miss. So is a call that fails, panics or exceeds the
/// [timeout](crate::ClientBuilder::provider_timeout): a broken provider delays loads, but never fails them.
///
/// # Guarantees
/// - After a write, removal, invalidation or clear in this cache, no older entry is read back from the provider as long
///   as the client lives. The client remembers changes by the hash of the key, so it sometimes skips an entry that is
///   still good. `invalidate_where` and all wider invalidations skip all older entries of their queries.
/// - [`invalidate`](crate::Client::invalidate) of one key also removes it from the provider, in the background. Nothing
///   else removes entries. If the program must not find an entry after a restart, as after a logout, it has to remove
///   it itself.
/// - There are no guarantees between machines: an entry that another machine has invalidated is found here as long
///   as it is kept. Freshness is only as accurate as their clocks agree.
///
/// # What is stored
/// The key is text of at most 200 ASCII characters, such as `get_post;id=7`; see [what is
/// kept](crate::guide::second_tier#what-is-kept). It is the same in each run and on each machine, and
/// [`provider_key`](crate::Client::provider_key) returns it. The value is an envelope with the answer; the module
/// `provider::envelope` of the source describes it.
///
/// ```
/// use std::time::Duration;
/// use cache_client::Provider;
/// use cache_core::BoxError;
///
/// struct Files { folder: std::path::PathBuf }
///
/// impl Provider for Files {
///     async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
/// #       let _ = key;
///         // ...
/// #       Ok(None)
///     }
///
///     async fn set(&self, key: &str, value: Vec<u8>, ttl: Duration) -> Result<(), BoxError> {
/// #       let _ = (key, value, ttl);
///         // ...
/// #       Ok(())
///     }
///
///     async fn remove(&self, key: &str) -> Result<(), BoxError> {
/// #       let _ = key;
///         // ...
/// #       Ok(())
///     }
/// }
/// ```
pub trait Provider: Send + Sync + 'static {
    /// Returns the value that was last set under a key, if its time to live has not passed. An expired value may be
    /// returned: the client checks that itself.
    ///
    /// # Cancellation
    /// The future is dropped at the timeout, or when no caller waits for the answer any more. The futures of the other
    /// two methods are dropped at the timeout only.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, BoxError>> + Send;

    /// Stores a value under a key, in place of an earlier one, for at most `ttl`, which is at most a year. It may be
    /// dropped earlier.
    fn set(
        &self,
        key: &str,
        value: Vec<u8>,
        ttl: Duration,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Removes the value under a key, if there is one.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), BoxError>> + Send;
}

impl<P: Provider> Provider for Arc<P> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
        self.as_ref().get(key).await
    }

    async fn set(&self, key: &str, value: Vec<u8>, ttl: Duration) -> Result<(), BoxError> {
        self.as_ref().set(key, value, ttl).await
    }

    async fn remove(&self, key: &str) -> Result<(), BoxError> {
        self.as_ref().remove(key).await
    }
}
