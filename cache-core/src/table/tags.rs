//! Tags of single entries: what they are for the index of a shard, and which keys have one.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::Table;
use crate::query::{Query, has_tag};
use crate::tag::Tag;

/// The tags of one key, as hashes.
pub(crate) type Tags = SmallVec<[u32; 4]>;

/// The tags of several keys, as hashes, by place in a list. Empty if the query gives its keys none.
#[derive(Debug, Default)]
pub(crate) struct TagLists {
    tags: Vec<u32>,
    ends: Vec<usize>,
}

impl TagLists {
    /// Adds the tags of the next key.
    pub(crate) fn push(&mut self, tags: &[u32]) {
        self.tags.extend_from_slice(tags);
        self.ends.push(self.tags.len());
    }

    /// The tags of the key at a place, one of a query `Q`; none if it was not added.
    #[inline]
    pub(crate) fn at<Q: Query>(&self, place: usize) -> &[u32] {
        if Table::<Q>::HAS_TAGS { self.of_place(place) } else { &[] }
    }

    fn of_place(&self, place: usize) -> &[u32] {
        let Some(&end) = self.ends.get(place) else { return &[] };
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.tags[start..end]
    }

    pub(crate) fn clear(&mut self) {
        self.tags.clear();
        self.ends.clear();
    }
}

impl<Q: Query> Table<Q> {
    /// Whether entries have tags of their own. A constant, so that nothing is compiled for them where they have none.
    pub(crate) const HAS_TAGS: bool = Q::TAGS_OF.is_some();

    /// The tags of a key. Foreign code, which is done with before any lock is taken.
    #[inline]
    pub(crate) fn tags(&self, key: &Q) -> Tags {
        let mut tags = Tags::new();
        if let Some(tags_of) = Q::TAGS_OF {
            tags_of(key, &mut |tag| tags.push(self.hash(&tag)));
        }
        tags
    }

    /// Marks all entries with a tag, and overtakes the loads and watches of such keys. Returns how many entries were
    /// marked.
    pub(super) fn invalidate_by_tag(&self, tag: &Tag) -> usize {
        self.invalidate_among(&|key| has_tag(key, tag), &|| self.keys_by_tag(tag))
    }

    /// The keys with any of these tags that are there, or watched. The watched ones are listed first, so that what is being
    /// loaded is either overtaken or among the others.
    pub(crate) fn tagged(&self, tags: &[Tag]) -> HashSet<Q, RandomState> {
        let watchers = self.watchers.all();
        let mut keys: HashSet<Q, _> = watchers.iter().map(|watcher| watcher.key().clone()).collect();
        keys.extend(tags.iter().flat_map(|tag| self.keys_by_tag(tag)));
        keys.retain(|key| tags.iter().any(|tag| has_tag(key, tag)));
        keys
    }

    /// The keys that are there and have a tag, or another one with its hash. One shard is locked (shared) at a time.
    fn keys_by_tag(&self, tag: &Tag) -> Vec<Q> {
        let (tag, mut keys) = (self.hash(tag), Vec::new());
        for shard in self.shards() {
            let shard = shard.read();
            keys.extend(shard.tagged(tag).map(|slot| slot.key.clone()));
        }
        keys
    }
}
