//! Saves and restores of a whole cache, in memory and on disk.

mod bad_entries;
mod bounds;
mod contents;
mod files;
mod frames;
mod fuzzed;
mod gate;
mod mismatch;
mod moment;
mod panics;
mod same_keys;
#[cfg(target_os = "linux")]
mod special_files;
mod threads;
mod time;
mod under_writes;
mod unsaved_entries;

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Cache, ManualClock, Query, Registry, RestoreReport, Shape, registry};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
pub struct Book {
    pub title: String,
    pub pages: u32,
}

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Book, capacity = 10_000, history = 2, persist)]
pub struct GetBook {
    pub id: u64,
}

/// In exact LRU order.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = String, lru = 4, persist, codec = "postcard")]
pub struct GetRecent(pub u32);

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, ttl = "10s", fresh = "5s", persist)]
pub struct GetQuote(pub String);

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, tti = "10s", persist, codec = "json")]
pub struct GetSession(pub u32);

/// Keeps nothing.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = str, persist)]
pub struct GetText(pub u32);

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<u8>, max_weight = 100, weigh = GetBlob::weight, persist)]
pub struct GetBlob(pub u32);

impl GetBlob {
    #[expect(clippy::ptr_arg, reason = "a weigher takes a reference to the value's type")]
    fn weight(&self, value: &Vec<u8>) -> u32 {
        value.len() as u32
    }
}

/// Not persisted, and of types that serde does not know.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = std::sync::Mutex<u32>, capacity = 10)]
pub struct GetSecret;

registry! {
    pub struct Library {
        GetBook,
        GetRecent,
        GetQuote,
        GetSession,
        GetText,
        GetBlob,
        GetSecret,
    }
}

pub fn book(id: u64) -> Book {
    Book { title: format!("book {id}"), pages: id as u32 }
}

/// Returns a cache whose clock the test moves.
pub fn library() -> (Cache<Library>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    clock.advance(Duration::from_secs(1_000_000));
    (Cache::builder().clock(Arc::clone(&clock)).build().unwrap(), clock)
}

/// Returns the cache of another process that starts `later`. Its monotonic clock starts from zero.
pub fn restarted(old: &ManualClock, later: Duration) -> (Cache<Library>, Arc<ManualClock>) {
    use cache_core::Clock;
    let clock = Arc::new(ManualClock::new());
    clock.advance(Duration::from_secs(5));
    clock.set_wall(old.wall() + later);
    (Cache::builder().clock(Arc::clone(&clock)).build().unwrap(), clock)
}

#[track_caller]
pub fn saved<R: Registry>(cache: &Cache<R>) -> Vec<u8> {
    let mut bytes = Vec::new();
    cache.save_to(&mut bytes).unwrap();
    bytes
}

#[track_caller]
pub fn restore<R: Registry>(cache: &Cache<R>, bytes: &[u8]) -> RestoreReport {
    cache.restore_from(bytes).unwrap()
}
