//! The shards of one table that a commit has locked, in their order.

use std::any::Any;

use smallvec::SmallVec;

use crate::erased::UsedTable;
use crate::shard::{ShardMut, ShardRef};

/// A locked shard of a query that the holder does not know. Dropping it unlocks.
pub(crate) trait LockedShard {
    /// The shard, to be read.
    fn shard(&self) -> ShardRef<'_>;
    /// The shard, if it is locked for writing.
    fn shard_mut(&mut self) -> Option<ShardMut<'_>>;
    /// Moves what was displaced to a `Displaced` of the query, to be dropped when no lock is held. Without one, what is
    /// returned holds it.
    fn take_displaced(&mut self, into: Option<&mut dyn Any>) -> Option<Box<dyn Any>>;
}

/// The shards of one table that a commit has locked.
pub(crate) struct LockedShards<'a> {
    table: &'a dyn UsedTable,
    places: Places,
    shards: SmallVec<[Box<dyn LockedShard + 'a>; 4]>,
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

impl<'a> LockedShards<'a> {
    /// Locks the shards of all these hashes, those that are only read for reading.
    pub(super) fn lock(table: &'a dyn UsedTable, hashes: impl Iterator<Item = (u32, bool)>) -> Self {
        let (mut places, mut written) = (Places::default(), Places::default());
        for (hash, is_written) in hashes {
            let place = table.head().place_of(hash);
            places.add(place);
            if is_written {
                written.add(place);
            }
        }
        let shards = places.iter().map(|place| table.lock_shard(place, written.has(place))).collect();
        Self { table, places, shards }
    }

    /// Locks all shards for writing.
    pub(super) fn lock_all(table: &'a dyn UsedTable) -> Self {
        let mut places = Places::default();
        let mut shards = SmallVec::new();
        for place in 0..table.head().shard_count() {
            places.add(place);
            shards.push(table.lock_shard(place, true));
        }
        Self { table, places, shards }
    }

    pub(super) fn table(&self) -> &'a dyn UsedTable {
        self.table
    }

    /// All that are locked.
    pub(super) fn all(&self) -> impl Iterator<Item = ShardRef<'_>> {
        self.shards.iter().map(|shard| shard.shard())
    }

    /// The shard of a hash, which is among the locked ones.
    pub(super) fn of(&self, hash: u32) -> ShardRef<'_> {
        self.shards[self.at(hash)].shard()
    }

    /// The same, if it is locked for writing.
    pub(super) fn of_mut(&mut self, hash: u32) -> Option<ShardMut<'_>> {
        let at = self.at(hash);
        self.shards[at].shard_mut()
    }

    /// All that are locked for writing.
    pub(super) fn written(&mut self) -> impl Iterator<Item = ShardMut<'_>> {
        self.shards.iter_mut().filter_map(|shard| shard.shard_mut())
    }

    /// All that are locked for writing and have ever been written.
    pub(super) fn used(&mut self) -> impl Iterator<Item = ShardMut<'_>> {
        self.shards
            .iter_mut()
            .filter_map(|shard| if shard.shard().is_used() { shard.shard_mut() } else { None })
    }

    /// Takes what was displaced: into the list of its query, if there is one, else boxed.
    pub(super) fn take_displaced(&mut self, mut list: Option<&mut dyn Any>, boxed: &mut Vec<Box<dyn Any>>) {
        for shard in &mut self.shards {
            boxed.extend(shard.take_displaced(list.as_deref_mut()));
        }
    }

    /// Where the shard of a hash stands among the locked ones.
    fn at(&self, hash: u32) -> usize {
        self.places.before(self.table.head().place_of(hash))
    }
}
