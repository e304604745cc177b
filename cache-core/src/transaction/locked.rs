//! The shards of one table that a commit has locked, in their order.

use smallvec::SmallVec;

use crate::query::Query;
use crate::sync::{RwLockReadGuard, RwLockWriteGuard};
use crate::table::Table;
use crate::table::shard::Shard;

pub(super) struct Locked<'a, Q: Query> {
    places: Places,
    locks: SmallVec<[Lock<'a, Q>; 4]>,
}

enum Lock<'a, Q: Query> {
    Read(RwLockReadGuard<'a, Shard<Q>>),
    Write(RwLockWriteGuard<'a, Shard<Q>>),
}

/// A set of places of shards: a bit for each.
#[derive(Clone, Copy, Debug, Default)]
struct Places(u32);

const _: () = assert!(crate::core::MOST_SHARDS <= u32::BITS as usize, "each shard has a bit");

impl Places {
    fn add(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    fn has(self, place: usize) -> bool {
        self.0 & 1 << place != 0
    }

    /// How many there are before a place.
    fn before(self, place: usize) -> usize {
        (self.0 & ((1 << place) - 1)).count_ones() as usize
    }

    fn iter(mut self) -> impl Iterator<Item = usize> {
        std::iter::from_fn(move || {
            let place = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
            self.0 &= self.0 - 1;
            Some(place)
        })
    }
}

impl<'a, Q: Query> Locked<'a, Q> {
    /// Locks the shards of all these hashes, those that are only read for reading.
    pub(super) fn lock(table: &'a Table<Q>, lines: impl Iterator<Item = (u32, bool)>) -> Self {
        let (mut places, mut written) = (Places::default(), Places::default());
        for (hash, is_written) in lines {
            let place = table.place_of(hash);
            places.add(place);
            if is_written {
                written.add(place);
            }
        }
        let lock = |place| match written.has(place) {
            true => Lock::Write(table.shard_at(place).write()),
            false => Lock::Read(table.shard_at(place).read()),
        };
        Self { places, locks: places.iter().map(lock).collect() }
    }

    /// Locks all shards for writing.
    pub(super) fn lock_all(table: &'a Table<Q>) -> Self {
        let mut places = Places::default();
        let locks = table.made_shards().enumerate().map(|(place, shard)| {
            places.add(place);
            Lock::Write(shard.write())
        });
        let locks = locks.collect();
        Self { places, locks }
    }

    /// All that are locked.
    pub(super) fn all(&self) -> impl Iterator<Item = &Shard<Q>> {
        self.locks.iter().map(|lock| match lock {
            Lock::Read(shard) => &**shard,
            Lock::Write(shard) => &**shard,
        })
    }

    /// The shard at a place that is among the locked ones.
    pub(super) fn shard(&self, place: usize) -> &Shard<Q> {
        match &self.locks[self.places.before(place)] {
            Lock::Read(shard) => shard,
            Lock::Write(shard) => shard,
        }
    }

    /// The same, if it is locked for writing.
    pub(super) fn shard_mut(&mut self, place: usize) -> Option<&mut Shard<Q>> {
        match &mut self.locks[self.places.before(place)] {
            Lock::Read(_) => None,
            Lock::Write(shard) => Some(shard),
        }
    }

    /// All that are locked for writing.
    pub(super) fn written(&mut self) -> impl Iterator<Item = &mut Shard<Q>> {
        self.locks.iter_mut().filter_map(|lock| match lock {
            Lock::Read(_) => None,
            Lock::Write(shard) => Some(&mut **shard),
        })
    }
}
