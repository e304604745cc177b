//! Tags of individual entries: their hashes for the index of a shard, and the keys that have a tag.

#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use super::head::Head;
use crate::erased::UsedTable;
use crate::shard::key::AnyKey;
use crate::tag::Tag;

/// The tag hashes of one key.
pub(crate) type Tags = SmallVec<[u32; 4]>;

/// The tag hashes of several keys, by place in a list. Empty if the query has no tags for its keys.
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

    /// Returns the tags of the key at a place; none if it was not added.
    #[inline]
    pub(crate) fn at(&self, place: usize) -> &[u32] {
        let Some(&end) = self.ends.get(place) else { return &[] };
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.tags[start..end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.tags.clear();
        self.ends.clear();
    }
}

impl Head {
    /// Returns whether a key of this table has a tag: its query's, or one of its own. Runs foreign code.
    pub(crate) fn has_tag(&self, key: &dyn AnyKey, tag: &Tag) -> bool {
        let mut has_it = tag.is_among(self.tags);
        if self.has_entry_tags {
            key.each_tag(&mut |other| has_it |= other == *tag);
        }
        has_it
    }
}

impl dyn UsedTable + '_ {
    /// Marks all entries with a tag, and overtakes the loads and watches of such keys. Returns how many entries were
    /// marked.
    pub(crate) fn invalidate_by_tag(&self, tag: &Tag) -> usize {
        let head = self.head();
        self.invalidate_among(&|key| head.has_tag(key, tag), &|| self.keys_by_tag(tag))
    }

    /// Returns the keys with any of these tags that are present, watched or being loaded, each once. Lists
    /// the last two first, so that a load is either overtaken or its key is among the present ones.
    pub(crate) fn tagged(&self, tags: &[Tag]) -> Vec<(u32, Box<dyn AnyKey>)> {
        let head = self.head();
        let mut keys = head.watchers.keys();
        keys.extend(self.loads().iter().map(|load| load.key().to_box()));
        for tag in tags {
            keys.append(&mut self.keys_by_tag(tag));
        }
        keys.retain(|key| tags.iter().any(|tag| head.has_tag(&**key, tag)));
        distinct(head, keys)
    }

    /// Returns the present keys that have a tag, or another tag with the same hash. One shard is locked
    /// (shared) at a time.
    pub(super) fn keys_by_tag(&self, tag: &Tag) -> Vec<Box<dyn AnyKey>> {
        let (tag, mut keys) = (self.head().hash(tag), Vec::new());
        self.each_shard(&mut |shard| {
            keys.extend(shard.tagged(tag).filter_map(|number| shard.lines.key(number)).map(AnyKey::to_box));
        });
        keys
    }
}

/// Returns the keys with their hashes, each once.
fn distinct(head: &Head, keys: Vec<Box<dyn AnyKey>>) -> Vec<(u32, Box<dyn AnyKey>)> {
    let mut keys: Vec<_> = keys.into_iter().map(|key| (head.hash_of(&*key), key)).collect();
    keys.sort_by_key(|(hash, _)| *hash);
    let mut distinct: Vec<(u32, Box<dyn AnyKey>)> = Vec::with_capacity(keys.len());
    for (hash, key) in keys {
        let same_hash = distinct.iter().rev().take_while(|(other, _)| *other == hash);
        if !same_hash.into_iter().any(|(_, other)| key.equals(&**other)) {
            distinct.push((hash, key));
        }
    }
    distinct
}
