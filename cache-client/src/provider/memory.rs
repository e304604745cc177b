//! A provider in memory, with bounds and expiry. For tests, and for several caches of one program.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use cache_core::BoxError;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Provider;

/// Stores entries in memory, by tokio's time.
///
/// Bounded by entries, and optionally by bytes. When it is full, the entry that expires first is dropped. Expired
/// entries are removed by the next call, for any key.
///
/// ```
/// use cache_client::MemoryProvider;
///
/// let provider = MemoryProvider::new(10_000).max_bytes(64 * 1024 * 1024);
/// assert!(provider.is_empty());
/// ```
#[derive(Debug)]
pub struct MemoryProvider {
    max_entries: usize,
    max_bytes: usize,
    store: Mutex<MemoryStore>,
}

#[derive(Debug, Default)]
struct MemoryStore {
    entries: HashMap<Arc<str>, StoredBytes, RandomState>,
    /// The keys by the expiry of their entries; ties are broken by the number of the write.
    ends: BTreeMap<Expiry, Arc<str>>,
    /// Total size of all keys and values.
    bytes: usize,
    writes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Expiry {
    at: Instant,
    write: u64,
}

#[derive(Debug)]
struct StoredBytes {
    value: Arc<[u8]>,
    end: Expiry,
}

/// Replaces an expiry that no clock can represent.
const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

impl MemoryProvider {
    /// Creates an empty provider for at most `max_entries` entries.
    #[must_use]
    pub fn new(max_entries: usize) -> Self {
        Self { max_entries, max_bytes: usize::MAX, store: Mutex::default() }
    }

    /// Also bounds the bytes of all keys and values. An entry that is larger than the bound is not stored. Default: no
    /// bound.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Returns the number of entries that have not expired.
    #[must_use]
    pub fn len(&self) -> usize {
        self.unexpired().entries.len()
    }

    /// Returns whether all entries have expired.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of the keys and values of all entries that have not expired.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.unexpired().bytes
    }

    /// Removes everything.
    pub fn clear(&self) {
        let mut store = self.store.lock();
        store.entries.clear();
        store.ends.clear();
        store.bytes = 0;
    }

    /// Locks the store, and removes expired entries.
    fn unexpired(&self) -> parking_lot::MutexGuard<'_, MemoryStore> {
        let now = Instant::now();
        let mut store = self.store.lock();
        store.purge(now);
        store
    }

    fn put(&self, key: &str, value: &[u8], ttl: Duration) {
        let now = Instant::now();
        let at = now.checked_add(ttl).unwrap_or(now + FAR_FUTURE);
        let size = key.len() + value.len();
        let mut store = self.unexpired();
        store.remove(key);
        if size > self.max_bytes || ttl.is_zero() {
            return;
        }
        while store.entries.len() >= self.max_entries || store.bytes > self.max_bytes - size {
            if !store.remove_first() {
                return;
            }
        }
        store.insert(key.into(), value.into(), at);
    }
}

impl Default for MemoryProvider {
    /// Creates a provider for at most 10,000 entries.
    fn default() -> Self {
        Self::new(10_000)
    }
}

impl MemoryStore {
    fn insert(&mut self, key: Arc<str>, value: Arc<[u8]>, at: Instant) {
        self.writes += 1;
        self.bytes += key.len() + value.len();
        let end = Expiry { at, write: self.writes };
        self.ends.insert(end, Arc::clone(&key));
        self.entries.insert(key, StoredBytes { value, end });
    }

    fn remove(&mut self, key: &str) {
        if let Some(held) = self.entries.remove(key) {
            self.bytes -= key.len() + held.value.len();
            self.ends.remove(&held.end);
        }
    }

    /// Removes the entry that expires first. Returns whether there was one.
    fn remove_first(&mut self) -> bool {
        let first = self.ends.first_key_value().map(|(_, key)| Arc::clone(key));
        first.inspect(|key| self.remove(key)).is_some()
    }

    fn purge(&mut self, now: Instant) {
        while self.ends.first_key_value().is_some_and(|(end, _)| end.at <= now) {
            self.remove_first();
        }
    }
}

impl Provider for MemoryProvider {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
        let value = self.unexpired().entries.get(key).map(|held| Arc::clone(&held.value));
        Ok(value.map(|value| value.to_vec()))
    }

    async fn set(&self, key: &str, value: Vec<u8>, ttl: Duration) -> Result<(), BoxError> {
        self.put(key, &value, ttl);
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), BoxError> {
        self.unexpired().remove(key);
        Ok(())
    }
}
