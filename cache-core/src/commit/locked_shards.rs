//! The shards of one table that a commit has locked, in order.

use smallvec::SmallVec;

use crate::erased::UsedTable;
use crate::shard::{AnyShard, DisplacedPairs, ShardMut, ShardRef};
use crate::shared::MAX_SHARDS;
use crate::sync::{RwLockReadGuard, RwLockWriteGuard};
use crate::table::head::Head;

/// The shards of one table that a commit has locked.
pub(crate) struct LockedShards<'a> {
    table: &'a dyn UsedTable,
    ranks: Ranks,
    shards: SmallVec<[ShardGuard<'a>; INLINE]>,
    /// Whether displaced entries are still in the shards and must be dropped after the unlock.
    may_have_displaced: bool,
}

/// Number of shards of a table that are locked without an allocation.
const INLINE: usize = 4;

enum ShardGuard<'a> {
    Read(RwLockReadGuard<'a, AnyShard>),
    Write(RwLockWriteGuard<'a, AnyShard>),
}

/// The locked shards of one table, open for changes.
pub(crate) struct OpenShards<'a> {
    head: &'a Head,
    ranks: &'a Ranks,
    /// `None` for shards that are locked for reading.
    shards: SmallVec<[Option<ShardMut<'a>>; INLINE]>,
}

/// The rank of the shard at each place among the locked ones.
struct Ranks([ShardRank; MAX_SHARDS]);

/// Which of the locked shards of a table is meant.
#[derive(Clone, Copy, Default)]
pub(super) struct ShardRank(u8);

/// A set of shard places, one bit each.
#[derive(Clone, Copy, Debug, Default)]
struct Places(u32);

const _: () = assert!(MAX_SHARDS <= u32::BITS as usize, "each shard has a bit");

impl Places {
    fn add(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    fn has(self, place: usize) -> bool {
        self.0 & 1 << place != 0
    }
}

impl Iterator for Places {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(place)
    }
}

impl<'a> LockedShards<'a> {
    /// Creates an empty set of locked shards of a table.
    pub(super) fn of(table: &'a dyn UsedTable) -> Self {
        Self {
            table,
            ranks: Ranks([ShardRank(0); MAX_SHARDS]),
            shards: SmallVec::new(),
            may_have_displaced: false,
        }
    }

    /// Locks the shards of all these hashes; shards that are only read are locked for reading. Must be called
    /// once, or [`lock_all`](Self::lock_all) instead.
    pub(super) fn lock(&mut self, hashes: impl Iterator<Item = (u32, bool)>) {
        let head = self.table.head();
        let (mut places, mut written) = (Places::default(), Places::default());
        hashes.for_each(|(hash, is_written)| {
            let place = head.place_of(hash);
            places.add(place);
            if is_written {
                written.add(place);
            }
        });
        self.shards.reserve_exact(places.0.count_ones() as usize);
        for place in places {
            self.add(place, written.has(place));
        }
    }

    /// Locks all shards for writing.
    pub(super) fn lock_all(&mut self) {
        for place in 0..self.table.head().shard_count() {
            self.add(place, true);
        }
    }

    /// Locks the next shard.
    #[expect(clippy::cast_possible_truncation, reason = "there are at most `MAX_SHARDS`")]
    fn add(&mut self, place: usize, is_written: bool) {
        let shard = self.table.shard(place);
        self.ranks.0[place] = ShardRank(self.shards.len() as u8);
        self.shards.push(match is_written {
            true => ShardGuard::Write(shard.write()),
            false => ShardGuard::Read(shard.read()),
        });
    }

    pub(super) fn table(&self) -> &'a dyn UsedTable {
        self.table
    }

    /// Returns all locked shards.
    pub(super) fn all(&self) -> impl Iterator<Item = ShardRef<'_>> {
        self.shards.iter().map(ShardGuard::any)
    }

    /// Returns the shard of a hash, which is among the locked ones.
    pub(super) fn shard(&self, hash: u32) -> ShardRef<'_> {
        self.ranked(self.rank_of(hash))
    }

    /// Returns which shard has a hash, which is among the locked ones.
    #[inline]
    pub(super) fn rank_of(&self, hash: u32) -> ShardRank {
        self.ranks.of(hash, self.table.head())
    }

    #[inline]
    pub(super) fn ranked(&self, rank: ShardRank) -> ShardRef<'_> {
        self.shards[usize::from(rank.0)].any()
    }

    /// Opens the shards that are locked for writing.
    pub(super) fn open(&mut self) -> OpenShards<'_> {
        self.open_those(&|_| true)
    }

    /// Opens the shards that are locked for writing and were ever written.
    pub(super) fn open_used(&mut self) -> OpenShards<'_> {
        self.open_those(&|shard| shard.any().is_used())
    }

    #[inline]
    fn open_those(&mut self, which: &dyn Fn(&ShardGuard<'_>) -> bool) -> OpenShards<'_> {
        self.may_have_displaced = true;
        let mut shards = SmallVec::with_capacity(self.shards.len());
        for shard in &mut self.shards {
            shards.push(if which(shard) { shard.any_mut() } else { None });
        }
        OpenShards { head: self.table.head(), ranks: &self.ranks, shards }
    }

    /// Declares that there is nothing to [take](Self::take_displaced).
    pub(super) fn set_nothing_displaced(&mut self) {
        self.may_have_displaced = false;
    }

    /// Takes what was displaced. The caller drops it when no lock is held.
    pub(super) fn take_displaced(&mut self, displaced: &mut Vec<DisplacedPairs>) {
        self.may_have_displaced = false;
        for shard in &mut self.shards {
            if let ShardGuard::Write(shard) = shard
                && let Some(pairs) = shard.take_displaced().any()
            {
                displaced.push(pairs);
            }
        }
    }
}

impl Drop for LockedShards<'_> {
    /// Unlocks the shards, then drops what a panicking commit has displaced and left in them.
    fn drop(&mut self) {
        if self.may_have_displaced {
            let mut displaced = Vec::new();
            self.take_displaced(&mut displaced);
            self.shards.clear();
        }
    }
}

impl ShardGuard<'_> {
    #[inline]
    fn any(&self) -> ShardRef<'_> {
        match self {
            Self::Read(shard) => shard.any(),
            Self::Write(shard) => shard.any(),
        }
    }

    /// Returns the shard, if it is locked for writing.
    fn any_mut(&mut self) -> Option<ShardMut<'_>> {
        match self {
            Self::Read(_) => None,
            Self::Write(shard) => Some(shard.any_mut()),
        }
    }
}

impl<'a> OpenShards<'a> {
    /// Returns the shard of a hash, if it is locked for writing.
    pub(super) fn of(&mut self, hash: u32) -> Option<&mut ShardMut<'a>> {
        self.ranked(self.ranks.of(hash, self.head))
    }

    /// Returns the shard of a rank, if it is locked for writing.
    #[inline]
    pub(super) fn ranked(&mut self, rank: ShardRank) -> Option<&mut ShardMut<'a>> {
        self.shards[usize::from(rank.0)].as_mut()
    }

    /// Returns all shards that are locked for writing.
    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut ShardMut<'a>> {
        self.shards.iter_mut().flatten()
    }
}

impl Ranks {
    fn of(&self, hash: u32, head: &Head) -> ShardRank {
        self.0[head.place_of(hash)]
    }
}
