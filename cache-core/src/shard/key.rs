//! Keys of queries that their holders do not know.

use std::any::Any;
use std::fmt::{self, Debug};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::LazyLock;

use crate::query::Lookup;
use crate::sync::{HashState, hash_state};
use crate::tag::Tag;

/// A key, perhaps with its value, of a query that the holder does not know. Prints the key.
#[doc(hidden)]
pub trait AnyEntry: Any + Debug + Send + Sync {}

/// A key of some query.
#[doc(hidden)]
pub trait AnyKey: Any + Send + Sync {
    /// Returns whether `other` is an equal key of the same query.
    fn equals(&self, other: &dyn AnyKey) -> bool;
    fn hash(&self, hasher: &HashState) -> u32;
    fn to_box(&self) -> Box<dyn AnyKey>;
    /// Prints the key, or hides it if its query is secret.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// Returns the tags of the query.
    fn query_tags(&self) -> &'static [&'static str];
    /// Calls `add` with each of the key's own tags.
    fn each_tag(&self, add: &mut dyn FnMut(Tag));
    /// Returns a copy of the key without a value, for listeners.
    fn entry(&self) -> Box<dyn AnyEntry>;
}

/// Returns whether a key is the requested one. Runs `Eq` of keys, and no other foreign code.
pub(crate) type IsKey<'a> = &'a dyn Fn(&dyn AnyKey) -> bool;

/// The hashers for keys of any table.
static HASHERS: LazyLock<[HashState; 2]> = LazyLock::new(|| [hash_state(None), hash_state(None)]);

impl dyn AnyKey {
    /// Returns a hash of a key of any query. It is stable while the program runs. Two keys may share one.
    #[must_use]
    pub fn wide_hash(&self) -> u64 {
        let [one, other] = &*HASHERS;
        one.hash_one((self.type_id(), AnyKey::hash(self, one), AnyKey::hash(self, other)))
    }

    /// Returns whether the key has a tag: its query's, or one of its own.
    #[must_use]
    pub fn has_tag(&self, tag: &Tag) -> bool {
        let mut has_it = tag.is_among(self.query_tags());
        self.each_tag(&mut |other| has_it |= other == *tag);
        has_it
    }
}

impl PartialEq for dyn AnyKey {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other)
    }
}

impl Eq for dyn AnyKey {}

impl Hash for dyn AnyKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.type_id().hash(state);
        state.write_u32(AnyKey::hash(self, &HASHERS[0]));
    }
}

impl Debug for dyn AnyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f)
    }
}

/// Returns the hash of a key, or of its borrowed form, in a table.
#[inline]
pub(crate) fn hash<L: std::hash::Hash + ?Sized>(hasher: &HashState, key: &L) -> u32 {
    use std::hash::BuildHasher;

    let hash = hasher.hash_one(key);
    // For a numeric key, each half alone is a multiple of the key, and so as uneven as the seed makes it. The
    // product of both is not (0.4 ns of a hit of 12 ns).
    ((hash >> 32) as u32).wrapping_mul(hash as u32 | 1)
}

/// Returns whether a lookup names a key.
pub(crate) fn names<L: Lookup>(lookup: &L, key: &dyn AnyKey) -> bool {
    match (key as &dyn Any).downcast_ref::<L::Query>() {
        Some(key) => lookup.is_key(key),
        None => false,
    }
}
