//! Which keys of a table were changed by anything other than a load, for callers that keep copies of entries elsewhere
//! and must know which of them are out of date. Knows keys by their hashes alone, and reads no clock.
//!
//! A change marks the place of its key, under the lock of the key's shard, without a time. The next lookup of
//! that place dates the mark with its own time, which is later than the change. Copies from before that time
//! are out of date. Keys whose hashes share a place share a mark, so the marks never grow. They may call a
//! good copy out of date, but never the reverse.

use std::sync::OnceLock;

use crate::sync::atomic::{AtomicU64, Ordering};

/// Number of marks: 8 KiB. With as many changed keys as places, two keys in three share a place with another
/// key.
const PLACES: usize = 1_024;

/// Changed since the last lookup.
const CHANGED: u64 = u64::MAX;

/// The marks of one table. Recorded only once a caller asks for them.
#[derive(Debug, Default)]
pub(crate) struct DirtyMarks(OnceLock<Box<[AtomicU64]>>);

impl DirtyMarks {
    /// Starts recording changes.
    pub(crate) fn record(&self) {
        self.0.get_or_init(|| (0..PLACES).map(|_| AtomicU64::new(0)).collect());
    }

    /// Marks the key with this hash as changed. Must be called while its shard is locked, if it has one.
    #[inline(always)]
    pub(crate) fn mark(&self, hash: u32) {
        if let Some(places) = self.0.get() {
            places[place_of(hash)].store(CHANGED, Ordering::Release);
        }
    }

    /// Marks all keys as changed.
    pub(crate) fn mark_all(&self) {
        if let Some(places) = self.0.get() {
            places.iter().for_each(|place| place.store(CHANGED, Ordering::Release));
        }
    }

    /// Returns the time before which copies of a key are out of date; zero if all are good, `now` if the key
    /// was changed since the last lookup.
    pub(crate) fn date(&self, hash: u32, now: u64) -> u64 {
        let Some(places) = self.0.get() else { return 0 };
        let place = &places[place_of(hash)];
        let now = now.clamp(1, CHANGED - 1);
        match place.compare_exchange(CHANGED, now, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => now,
            Err(since) => since,
        }
    }
}

/// Returns the place of a hash, by its low bits: the high ones choose the shard.
fn place_of(hash: u32) -> usize {
    hash as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_are_not_recorded_report_no_change() {
        let marks = DirtyMarks::default();
        marks.mark(1);
        marks.mark_all();
        assert_eq!(marks.date(1, 5), 0);
    }

    #[test]
    fn the_first_lookup_after_a_change_dates_it() {
        let marks = DirtyMarks::default();
        marks.record();
        assert_eq!(marks.date(1, 5), 0);
        marks.mark(1);
        assert_eq!((marks.date(1, 7), marks.date(1, 9), marks.date(2, 9)), (7, 7, 0));
        marks.mark_all();
        assert_eq!((marks.date(1, 11), marks.date(2, 12)), (11, 12));
    }

    #[test]
    fn the_ends_of_time_are_times() {
        let marks = DirtyMarks::default();
        marks.record();
        marks.mark(1);
        assert_eq!((marks.date(1, u64::MAX), marks.date(1, 3)), (u64::MAX - 1, u64::MAX - 1));
        marks.mark(2);
        assert_eq!((marks.date(2, 0), marks.date(2, 3)), (1, 1));
    }
}
