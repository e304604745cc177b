//! Errors of loads that are readable apart, or are the answer for a while. Knows nothing of flights.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_core::{AnyKey, AnyWatch, Moment};
use parking_lot::Mutex;

use crate::erased::{Failure, KeyMap};

/// Errors that are remembered of one query; the oldest goes first.
const MOST: usize = 1_024;

/// The last error of each key, until something newer comes to the key.
#[derive(Default)]
pub(crate) struct Failures {
    noted: Mutex<KeyMap<Noted>>,
    /// Set with the first one, so that queries that never fail lock nothing.
    are_there: AtomicBool,
}

struct Noted {
    error: Failure,
    at: Moment,
    /// Until when it is the answer to those who ask.
    until: Option<Moment>,
    /// That of the load: what overtakes it makes the error out of date.
    watch: Arc<AnyWatch>,
}

impl Failures {
    /// Notes the error of a load. One that is noted already stays as it was noted first.
    pub(crate) fn note(
        &self,
        key: Arc<dyn AnyKey>,
        watch: Arc<AnyWatch>,
        error: Failure,
        at: Moment,
        until: Option<Moment>,
    ) {
        let failure = Noted { error, at, until, watch };
        self.are_there.store(true, Ordering::Release);
        let mut failures = self.noted.lock();
        if failures.get(&key).is_some_and(|noted| Arc::ptr_eq(&noted.watch, &failure.watch)) {
            return;
        }
        let oldest = match failures.len() < MOST || failures.contains_key(&key) {
            true => None,
            false => failures.iter().min_by_key(|(_, failure)| failure.at).map(|(key, _)| Arc::clone(key)),
        };
        let pushed_out = oldest.and_then(|oldest| failures.remove(&oldest));
        let replaced = failures.insert(key, failure);
        drop(failures);
        drop((pushed_out, replaced));
    }

    pub(crate) fn forget(&self, key: &dyn AnyKey) {
        if self.are_there() {
            let forgotten = self.noted.lock().remove_entry(key);
            drop(forgotten);
        }
    }

    /// Whether any was ever noted, so that nobody need ask what time it is.
    pub(crate) fn are_there(&self) -> bool {
        self.are_there.load(Ordering::Acquire)
    }

    /// The last error of a key, if nothing newer has come to it.
    pub(crate) fn last(&self, key: &dyn AnyKey) -> Option<Failure> {
        self.find(key, |_| true).map(|(error, _)| error)
    }

    /// The error that is the answer at this moment, with the watch of its load.
    pub(crate) fn answer(&self, key: &dyn AnyKey, now: Moment) -> Option<(Failure, Arc<AnyWatch>)> {
        self.find(key, |failure| failure.until.is_some_and(|until| now < until))
    }

    fn find(
        &self,
        key: &dyn AnyKey,
        is_wanted: impl FnOnce(&Noted) -> bool,
    ) -> Option<(Failure, Arc<AnyWatch>)> {
        let mut failures = self.noted.lock();
        let failure = failures.get(key)?;
        if failure.watch.is_overtaken() {
            let overtaken = failures.remove(key);
            drop(failures);
            drop(overtaken);
            return None;
        }
        is_wanted(failure).then(|| (failure.error.clone(), Arc::clone(&failure.watch)))
    }
}
