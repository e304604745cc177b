//! A provider for tests: counts its calls, and fails or hangs when the test says so.

use std::time::Duration;

use cache_core::BoxError;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::Provider;
use super::memory::MemoryProvider;

/// Counts its calls, and fails, waits or hangs when a test says so. Otherwise it forwards the calls to another
/// provider.
///
/// Give it to a client in an `Arc`, so that the test keeps a handle.
///
/// ```
/// use std::sync::Arc;
/// use cache_client::{Provider, TrackingProvider};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let provider = Arc::new(TrackingProvider::new());
/// provider.fail_next_gets(1);
/// assert!(provider.get("key").await.is_err());
/// assert_eq!(provider.get("key").await.unwrap(), None);
/// assert_eq!((provider.gets(), provider.misses()), (2, 1));
/// # });
/// ```
#[derive(Debug)]
pub struct TrackingProvider<P = MemoryProvider> {
    inner: P,
    state: Mutex<TrackingState>,
    is_held: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct TrackingState {
    gets: CallCounts,
    hits: u64,
    misses: u64,
    sets: CallCounts,
    removes: CallCounts,
    delay: Duration,
}

#[derive(Debug, Default)]
struct CallCounts {
    count: u64,
    /// How many further calls fail.
    to_fail: u64,
}

/// The error of a call that the test makes fail.
#[derive(Debug, thiserror::Error)]
#[error("the test makes this call fail")]
struct ScriptedError;

impl TrackingProvider {
    /// Wraps a [`MemoryProvider`].
    #[must_use]
    pub fn new() -> Self {
        Self::over(MemoryProvider::default())
    }
}

impl Default for TrackingProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> TrackingProvider<P> {
    /// Wraps another provider.
    #[must_use]
    pub fn over(inner: P) -> Self {
        Self { inner, state: Mutex::default(), is_held: watch::Sender::new(false) }
    }

    /// Returns the wrapped provider.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// Returns how many calls of `get` have begun.
    pub fn gets(&self) -> u64 {
        self.state.lock().gets.count
    }

    /// Returns how many calls of `get` found a value.
    pub fn hits(&self) -> u64 {
        self.state.lock().hits
    }

    /// Returns how many calls of `get` found none.
    pub fn misses(&self) -> u64 {
        self.state.lock().misses
    }

    /// Returns how many calls of `set` have begun.
    pub fn sets(&self) -> u64 {
        self.state.lock().sets.count
    }

    /// Returns how many calls of `remove` have begun.
    pub fn removes(&self) -> u64 {
        self.state.lock().removes.count
    }

    /// Makes the next `count` calls of `get` fail. Replaces an earlier count.
    pub fn fail_next_gets(&self, count: u64) {
        self.state.lock().gets.to_fail = count;
    }

    /// [`fail_next_gets`](Self::fail_next_gets) for `set`.
    pub fn fail_next_sets(&self, count: u64) {
        self.state.lock().sets.to_fail = count;
    }

    /// [`fail_next_gets`](Self::fail_next_gets) for `remove`.
    pub fn fail_next_removes(&self, count: u64) {
        self.state.lock().removes.to_fail = count;
    }

    /// Makes all calls that begin from now on take `time`, by tokio's time, even those that fail. Default: no time.
    pub fn delay(&self, time: Duration) {
        self.state.lock().delay = time;
    }

    /// Makes all calls that begin from now on wait until [`release`](Self::release).
    pub fn hold(&self) {
        self.is_held.send_replace(true);
    }

    /// Lets all waiting calls continue, and the next ones run.
    pub fn release(&self) {
        self.is_held.send_replace(false);
    }

    /// Resets all counts, pending failures and delays, and releases the waiting calls. The entries of the wrapped
    /// provider stay.
    pub fn reset(&self) {
        *self.state.lock() = TrackingState::default();
        self.release();
    }

    /// Counts a call, then waits or fails as the test has set.
    async fn begin(
        &self,
        calls: impl FnOnce(&mut TrackingState) -> &mut CallCounts,
    ) -> Result<(), ScriptedError> {
        let (fails, delay) = {
            let mut state = self.state.lock();
            let calls = calls(&mut state);
            calls.count += 1;
            let fails = calls.to_fail > 0;
            calls.to_fail = calls.to_fail.saturating_sub(1);
            (fails, state.delay)
        };
        // The sender lives as long as the provider.
        let _ = self.is_held.subscribe().wait_for(|is_held| !is_held).await;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if fails { Err(ScriptedError) } else { Ok(()) }
    }
}

impl<P: Provider> Provider for TrackingProvider<P> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
        self.begin(|state| &mut state.gets).await?;
        let found = self.inner.get(key).await?;
        let mut state = self.state.lock();
        match found {
            Some(_) => state.hits += 1,
            None => state.misses += 1,
        }
        drop(state);
        Ok(found)
    }

    async fn set(&self, key: &str, value: Vec<u8>, ttl: Duration) -> Result<(), BoxError> {
        self.begin(|state| &mut state.sets).await?;
        self.inner.set(key, value, ttl).await
    }

    async fn remove(&self, key: &str) -> Result<(), BoxError> {
        self.begin(|state| &mut state.removes).await?;
        self.inner.remove(key).await
    }
}
