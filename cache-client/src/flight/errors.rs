//! Remembered errors of loads, which `refresh_error` returns, or which answer calls for a while. Knows nothing of
//! flights.

use std::sync::{Arc, OnceLock};

use cache_core::Moment;
use cache_core::client_support::{AnyKey, AnyWatch};
use foldhash::fast::RandomState;
use lru::LruCache;
use parking_lot::Mutex;

use crate::erased::AnyQueryError;

/// How many errors of a query are remembered. The oldest is dropped first.
const MAX_ERRORS: usize = 1_024;

/// The last error of each key, until something newer exists. Created for the first error, so that queries that never
/// fail take no lock.
#[derive(Default)]
pub(crate) struct LoadErrors(OnceLock<Mutex<RememberedErrors>>);

/// In the order in which they were noted. The bound is enforced by hand, since a bounded map would allocate all its
/// memory at once.
type RememberedErrors = LruCache<Arc<dyn AnyKey>, RememberedError, RandomState>;

struct RememberedError {
    error: AnyQueryError,
    /// Until when the error answers new calls.
    until: Option<Moment>,
    /// The watch of the load. A change that overtakes it makes the error out of date.
    watch: AnyWatch,
}

impl LoadErrors {
    /// Notes the error of a load. A later note of the same load changes nothing.
    pub(crate) fn note(
        &self,
        key: Arc<dyn AnyKey>,
        watch: AnyWatch,
        error: AnyQueryError,
        until: Option<Moment>,
    ) {
        let error = RememberedError { error, until, watch };
        let new = || Mutex::new(LruCache::unbounded_with_hasher(RandomState::default()));
        let mut errors = self.0.get_or_init(new).lock();
        if errors.peek(&key).is_some_and(|noted| noted.watch.is(&error.watch)) {
            return;
        }
        let replaced = errors.push(key, error);
        let oldest = if errors.len() > MAX_ERRORS { errors.pop_lru() } else { None };
        drop(errors);
        drop((replaced, oldest));
    }

    pub(crate) fn forget(&self, key: &dyn AnyKey) {
        if let Some(errors) = self.0.get() {
            let forgotten = errors.lock().pop_entry(key);
            drop(forgotten);
        }
    }

    /// Whether any error was ever noted. If not, callers need not read the clock.
    pub(crate) fn any_exist(&self) -> bool {
        self.0.get().is_some()
    }

    /// The last error of a key, if nothing newer exists.
    pub(crate) fn last(&self, key: &dyn AnyKey) -> Option<AnyQueryError> {
        self.find(key, |_| true).map(|(error, _)| error)
    }

    /// The error that answers calls now, with the watch of its load.
    pub(crate) fn answer(&self, key: &dyn AnyKey, now: Moment) -> Option<(AnyQueryError, AnyWatch)> {
        self.find(key, |error| error.until.is_some_and(|until| now < until))
    }

    fn find(
        &self,
        key: &dyn AnyKey,
        is_wanted: impl FnOnce(&RememberedError) -> bool,
    ) -> Option<(AnyQueryError, AnyWatch)> {
        let mut errors = self.0.get()?.lock();
        let error = errors.peek(key)?;
        if error.watch.is_overtaken() {
            let overtaken = errors.pop_entry(key);
            drop(errors);
            drop(overtaken);
            return None;
        }
        is_wanted(error).then(|| (error.error.clone(), error.watch.clone()))
    }
}
