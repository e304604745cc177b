//! Reaping at intervals, for programs that may be idle.

use std::convert::Infallible;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::cache::Cache;
use crate::event::completes;
use crate::registry::Registry;

/// Reaps a cache at intervals until it is dropped. Created by [`Cache::reap_every`].
#[derive(Debug)]
#[must_use = "the cache is reaped until this is dropped"]
pub struct Reaper {
    /// The thread ends when this is gone.
    _stop: Sender<Infallible>,
}

/// Shorter intervals would keep a processor busy.
const SHORTEST: Duration = Duration::from_millis(1);

impl<R: Registry> Cache<R> {
    /// Calls [`reap`](Self::reap) at intervals of at least a millisecond, on a thread of its own, until the returned
    /// [`Reaper`] is dropped.
    ///
    /// Does not keep the cache alive: when the last handle is gone, the thread ends after its current
    /// interval. Values that expire are dropped on that thread; a panic of their `Drop` is counted in
    /// [`Inspection::listener_panics`](crate::Inspection), and reaping continues. Dropping the [`Reaper`]
    /// does not wait for a `reap` that is under way.
    ///
    /// # Errors
    /// If the operating system cannot start a thread.
    ///
    /// # Examples
    /// ```
    /// # use std::{thread, time::Duration};
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, ttl = "10ms")]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let reaper = cache.reap_every(Duration::from_millis(5))?;
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    ///
    /// // The memory is freed although nothing reads or writes.
    /// while cache.inspect().tables[0].removals.expired == 0 {
    ///     thread::sleep(Duration::from_millis(5));
    /// }
    /// drop(reaper);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reap_every(&self, interval: Duration) -> io::Result<Reaper> {
        let (stop, stopped) = channel();
        let interval = interval.max(SHORTEST);
        let cache = self.downgrade();
        let reap = move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let Some(cache) = cache.upgrade().map(Self::from_inner) else { return };
                if !completes(|| _ = cache.reap()) {
                    cache.shared().events.count_panic();
                }
                // This may be the last handle by now, whose drop drops all values.
                completes(|| drop(cache));
            }
        };
        std::thread::Builder::new().name("cache-reaper".to_owned()).spawn(reap)?;
        Ok(Reaper { _stop: stop })
    }
}
