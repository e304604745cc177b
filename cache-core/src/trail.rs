//! Which keys of a table have been changed by others than loads, for who keeps copies of entries elsewhere and has to
//! tell which of them are out of date. Knows keys by their hashes alone, and reads no clock.
//!
//! A change leaves a mark, under the lock of the key's shard, and no time: who asks next gives it one, that of the
//! question, which is later than the change. Copies from before that time are out of date. Keys whose hashes share a
//! place share their changes, so that a trail never grows; it may call a copy out of date that is not, never the other
//! way round.

use std::sync::OnceLock;

use crate::sync::atomic::{AtomicU64, Ordering};

/// Places of a trail: 8 KiB. With as many keys changed as there are places, two keys in three share theirs with one.
const PLACES: usize = 1_024;

/// Changed since the last question.
const CHANGED: u64 = u64::MAX;

/// The changes of one table, once somebody wants to know of them.
#[derive(Debug, Default)]
pub(crate) struct Trail(OnceLock<Box<[AtomicU64]>>);

impl Trail {
    /// Begins to note changes.
    pub(crate) fn keep(&self) {
        self.0.get_or_init(|| (0..PLACES).map(|_| AtomicU64::new(0)).collect());
    }

    /// A key with this hash is being changed. To be called while its shard is locked, if it has one.
    #[inline(always)]
    pub(crate) fn note(&self, hash: u32) {
        if let Some(places) = self.0.get() {
            places[place_of(hash)].store(CHANGED, Ordering::Release);
        }
    }

    /// All keys may be changed from now on.
    pub(crate) fn note_all(&self) {
        if let Some(places) = self.0.get() {
            places.iter().for_each(|place| place.store(CHANGED, Ordering::Release));
        }
    }

    /// The time before which copies of a key are out of date, zero if there is none; `now` if the key was changed since
    /// the last question.
    pub(crate) fn ask(&self, hash: u32, now: u64) -> u64 {
        let Some(places) = self.0.get() else { return 0 };
        let place = &places[place_of(hash)];
        let now = now.clamp(1, CHANGED - 1);
        match place.compare_exchange(CHANGED, now, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => now,
            Err(since) => since,
        }
    }
}

/// The low bits: the high ones choose the shard.
fn place_of(hash: u32) -> usize {
    hash as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_that_is_not_kept_knows_of_no_change() {
        let trail = Trail::default();
        trail.note(1);
        trail.note_all();
        assert_eq!(trail.ask(1, 5), 0);
    }

    #[test]
    fn the_first_question_after_a_change_dates_it() {
        let trail = Trail::default();
        trail.keep();
        assert_eq!(trail.ask(1, 5), 0);
        trail.note(1);
        assert_eq!((trail.ask(1, 7), trail.ask(1, 9), trail.ask(2, 9)), (7, 7, 0));
        trail.note_all();
        assert_eq!((trail.ask(1, 11), trail.ask(2, 12)), (11, 12));
    }

    #[test]
    fn the_ends_of_time_are_times() {
        let trail = Trail::default();
        trail.keep();
        trail.note(1);
        assert_eq!((trail.ask(1, u64::MAX), trail.ask(1, 3)), (u64::MAX - 1, u64::MAX - 1));
        trail.note(2);
        assert_eq!((trail.ask(2, 0), trail.ask(2, 3)), (1, 1));
    }
}
