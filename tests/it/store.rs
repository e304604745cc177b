//! What tables do with their entries: what keeps a value alive, for how long, and what is notified when it leaves.

mod callbacks;
mod deadlines;
mod dynamic;
mod listeners;
mod load_on_miss;
mod lru;
mod many_tables;
mod marks;
mod panics;
mod pins;
mod plainly_fresh;
mod reading;
mod reaping;
mod retention;
mod shrinking;
mod simple_writes;
mod tags;
mod threads;
mod times;
mod untimed;
mod watch_callbacks;
mod watches;
mod weak;
mod weights;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use cache_core::{Cache, ManualClock, Query, Registry, TableReport, registry};
use parking_lot::Mutex;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    pub title: String,
}

/// Kept by the default policy.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Book, capacity = 1_000, history = 2)]
pub struct GetBook(pub u32);

/// Has the same key fields as [`GetBook`].
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Book, capacity = 1_000)]
pub struct GetTwin(pub u32);

/// Keeps one entry.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 1)]
pub struct GetOne(pub u32);

/// Keeps nothing.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = str)]
pub struct GetText(pub u32);

/// In exact LRU order.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, lru = 4)]
pub struct GetRecent(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<u8>, max_weight = 100, weigh = GetBlob::weight)]
pub struct GetBlob(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, ttl = "5s", fresh = "2s")]
pub struct GetQuote(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, tti = "5s")]
pub struct GetSession(pub u32);

/// Bound by number and by both times.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 2, ttl = "10s", tti = "5s")]
pub struct GetBoth(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 100, borrowed)]
pub struct GetByName {
    pub name: String,
}

/// All keys have the same hash.
#[derive(Query, Clone, Debug, PartialEq, Eq)]
#[query(value = u32, capacity = 64)]
pub struct Colliding(pub u32);

impl std::hash::Hash for Colliding {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

/// Values run a function when they are dropped.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = OnDrop, capacity = 2, history = 1)]
pub struct GetOnDrop(pub u32);

/// Values run a function when they are dropped, and nothing keeps them.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = OnDrop)]
pub struct GetWeakOnDrop(pub u32);

/// Values run a function when they are dropped, and only a time keeps them.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = OnDrop, ttl = "5s")]
pub struct GetTimedOnDrop(pub u32);

/// In exact order, and values run a function when they are dropped.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = OnDrop, lru = 2)]
pub struct GetRecentOnDrop(pub u32);

/// Page `N` of something: a generic query.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 10)]
pub struct Page<const N: usize>(pub u32);

registry! {
    pub struct Shelf {
        GetBook,
        GetTwin,
        GetOne,
        GetText,
        GetRecent,
        GetBlob,
        GetQuote,
        GetSession,
        GetBoth,
        GetByName,
        Colliding,
        GetOnDrop,
        GetWeakOnDrop,
        GetTimedOnDrop,
        GetRecentOnDrop,
        Page<1>,
        Page<2> as "second_page",
    }
}

impl GetBlob {
    #[expect(clippy::ptr_arg, reason = "a weigher takes a reference to the value's type")]
    fn weight(&self, value: &Vec<u8>) -> u32 {
        value.len() as u32
    }
}

/// A value whose `Drop` runs a function.
pub struct OnDrop(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl OnDrop {
    pub fn new(on_drop: impl FnOnce() + Send + 'static) -> Self {
        Self(Mutex::new(Some(Box::new(on_drop))))
    }

    pub fn silent() -> Self {
        Self(Mutex::new(None))
    }
}

impl std::fmt::Debug for OnDrop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnDrop")
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(on_drop) = self.0.get_mut().take() {
            on_drop();
        }
    }
}

pub const SECOND: Duration = Duration::from_secs(1);

pub fn book(title: &str) -> Book {
    Book { title: title.to_owned() }
}

/// Returns a cache whose clock the test moves.
pub fn shelf() -> (Cache<Shelf>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    clock.advance(Duration::from_secs(1_000_000));
    (Cache::builder().clock(Arc::clone(&clock)).build().unwrap(), clock)
}

/// Returns the report on the table with this name.
#[track_caller]
pub fn table<R: Registry>(cache: &Cache<R>, name: &str) -> TableReport {
    cache.inspect().tables.into_iter().find(|table| table.name == name).expect("the table exists")
}

/// Returns the keys of a table in order.
pub fn sorted<T: Ord>(keys: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut keys: Vec<T> = keys.into_iter().collect();
    keys.sort();
    keys
}

/// Runs `work` and fails if it does not end, for example because of a deadlock.
#[track_caller]
pub fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = work();
        let _ = done.send(());
        result
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = wait.recv_timeout(cache_tests::LONGEST_WAIT) {
        panic!("timed out, probably because of a deadlock");
    }
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// A flag that is set once, from anywhere.
#[derive(Clone, Default)]
pub struct Signal(Arc<AtomicBool>);

impl Signal {
    pub fn give(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn is_given(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
