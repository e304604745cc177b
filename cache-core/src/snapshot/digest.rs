//! A digest of the data that a value serialises to: equal data has equal digests. Knows nothing of codecs.
//!
//! A digest is computed while the value is encoded. The order of elements of sequences and maps does not count,
//! since a hash map may be read back in a different order. Everything else counts: kinds, numbers bit by bit,
//! fields and elements of tuples by their places. So a value that a codec reads back as a different one has a
//! different digest, except with a probability of 2^-64. Codecs do not reorder elements.

#![cfg_attr(
    not(any(feature = "bincode", feature = "postcard", feature = "json")),
    expect(dead_code, reason = "only codecs add values")
)]

use std::cell::RefCell;
use std::fmt::{self, Debug, Display, Write};
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::{FixedState, FoldHasher};

/// The digest of the part of a value that has been encoded.
pub struct Digest {
    /// The value, then the elements that are being encoded, each inside the one before.
    levels: RefCell<Vec<Level>>,
}

/// The value, or an element whose place does not count.
struct Level {
    /// Hashes the parts whose place counts.
    ordered: FoldHasher<'static>,
    /// Sum of the digests of the elements of the current sequence or map.
    elements: u64,
}

/// Kinds of values that the digest distinguishes.
#[derive(Clone, Copy)]
pub(crate) enum DigestKind {
    Bool,
    Signed,
    Unsigned,
    F32,
    F64,
    Char,
    Text,
    Bytes,
    None,
    Some,
    Unit,
    Variant,
    Ordered,
    Unordered,
}

const STATE: FixedState = FixedState::with_seed(0);

impl Level {
    fn new() -> Self {
        Self { ordered: STATE.build_hasher(), elements: 0 }
    }
}

impl Digest {
    pub(crate) fn new() -> Self {
        Self { levels: RefCell::new(vec![Level::new()]) }
    }

    /// Returns the digest, once the whole value is encoded.
    pub(crate) fn finish(self) -> u64 {
        self.levels.into_inner().first().map_or(0, |level| level.ordered.finish())
    }

    fn with_level(&self, work: impl FnOnce(&mut Level)) {
        if let Some(level) = self.levels.borrow_mut().last_mut() {
            work(level);
        }
    }

    /// Adds a number, the index of a variant, or the number of parts that follow.
    #[cold]
    pub(crate) fn add(&self, kind: DigestKind, bits: u128) {
        self.with_level(|level| {
            level.ordered.write_u8(kind as u8);
            level.ordered.write_u128(bits);
        });
    }

    /// Adds the index of a variant and the number of parts that follow.
    #[cold]
    pub(crate) fn add_variant(&self, index: u32, parts: usize) {
        self.add(DigestKind::Variant, index.into());
        self.add(DigestKind::Ordered, parts as u128);
    }

    #[cold]
    pub(crate) fn add_bytes(&self, kind: DigestKind, bytes: &[u8]) {
        self.add(kind, bytes.len() as u128);
        self.with_level(|level| level.ordered.write(bytes));
    }

    /// Adds a value that is encoded as its text.
    #[cold]
    pub(crate) fn add_display(&self, value: &dyn Display) {
        let mut text = String::new();
        // If this fails, it also fails for the codec, which reports it.
        let is_formatted = write!(text, "{value}").is_ok();
        self.add_bytes(if is_formatted { DigestKind::Text } else { DigestKind::None }, text.as_bytes());
    }

    /// Begins an element whose place does not count.
    #[cold]
    pub(crate) fn begin_element(&self) {
        self.levels.borrow_mut().push(Level::new());
    }

    #[cold]
    pub(crate) fn end_element(&self) {
        let element = self.levels.borrow_mut().pop().map_or(0, |level| level.ordered.finish());
        self.with_level(|level| level.elements = level.elements.wrapping_add(element));
    }

    /// Ends a sequence or map.
    #[cold]
    pub(crate) fn end_elements(&self) {
        self.with_level(|level| {
            let elements = std::mem::take(&mut level.elements);
            level.ordered.write_u64(elements);
        });
    }
}

impl Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};
    use std::net::Ipv4Addr;

    use serde::Serialize;

    use super::*;
    use crate::snapshot::codec::{Bincode, Codec, EncodeError, Json};

    fn digest<C: Codec>(value: &(impl Serialize + ?Sized)) -> Result<u64, EncodeError> {
        let digest = Digest::new();
        C::encode(&value, &mut Vec::new(), Some(&digest))?;
        Ok(digest.finish())
    }

    fn of(value: &(impl Serialize + ?Sized)) -> u64 {
        digest::<Bincode>(value).expect("it can be serialised")
    }

    #[test]
    fn maps_and_sequences_count_in_any_order() {
        let map =
            |keys: &mut dyn Iterator<Item = u32>| keys.map(|key| (key, key * 2)).collect::<HashMap<_, _>>();
        assert_eq!(of(&map(&mut (0..100))), of(&map(&mut (0..100).rev())));
        assert_eq!(
            of(&map(&mut (0..100))),
            of(&(0..100_u32).map(|key| (key, key * 2)).collect::<BTreeMap<_, _>>())
        );
        assert_eq!(of(&vec!["a", "b"]), of(&vec!["b", "a"]));
    }

    #[test]
    fn what_is_not_the_same_has_another_digest() {
        let maps = [BTreeMap::from([(1, 2), (3, 4)]), BTreeMap::from([(1, 4), (3, 2)])];
        let digests = [
            of(&None::<Option<f64>>),
            of(&Some(None::<f64>)),
            of(&Some(f64::NAN)),
            of(&0.0),
            of(&-0.0),
            of(&0f32),
            of(&0u64),
            of(&0i64),
            of(&false),
            of(&'\0'),
            of("0"),
            of(&()),
            of(&(1, 2)),
            of(&(2, 1)),
            of(&("ab", "c")),
            of(&("a", "bc")),
            of(&vec![1, 1, 2]),
            of(&vec![1, 2, 2]),
            of(&vec![vec![1], vec![2]]),
            of(&vec![vec![1, 2]]),
            of(&vec![vec![1, 2], vec![]]),
            of(&vec![(); 3]),
            of(&vec![(); 4]),
            of(&maps[0]),
            of(&maps[1]),
            of(&Ok::<u8, u8>(1)),
            of(&Err::<u8, u8>(1)),
            of(&u128::MAX),
            of(&u64::MAX),
        ];
        for (at, digest) in digests.iter().enumerate() {
            assert_eq!(digests.iter().position(|other| other == digest), Some(at));
        }
    }

    #[test]
    fn a_value_shows_itself_as_it_does_to_the_codec() {
        let address = Ipv4Addr::LOCALHOST;
        assert_eq!(digest::<Json>(&address).expect("it can be serialised"), of("127.0.0.1"));
        assert_ne!(of(&address), of("127.0.0.1"));
    }

    #[test]
    fn a_type_that_refuses_to_be_written_has_no_digest() {
        let before = std::time::UNIX_EPOCH - std::time::Duration::from_secs(1);
        digest::<Bincode>(&before).expect_err("serde does not write times before 1970");
    }
}
