//! A digest of the data that a value serialises to: equal data has equal digests. Knows nothing of codecs.
//!
//! The order of elements of sequences and maps does not count, since a hash map may be read back in a
//! different order. Everything else counts: kinds, numbers bit by bit, fields and elements of tuples by their
//! places. So a value that a codec reads back as a different one has a different digest, except with a
//! probability of 2^-64. Codecs do not reorder elements.

use std::fmt;
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::{FixedState, FoldHasher};
use serde::ser::{self, Serialize, Serializer};

use super::codec::CodecError;

/// Returns the digest of `value`, as it serialises for a format that is human-readable or not.
///
/// # Errors
/// Those of the type's `Serialize`.
pub(super) fn digest<T: Serialize + ?Sized>(value: &T, is_human_readable: bool) -> Result<u64, CodecError> {
    value.serialize(Digest { is_human_readable }).map_err(|failure| *failure.0)
}

/// Why there is no digest. One word in size, since each part of a value returns it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct DigestFailure(Box<CodecError>);

#[derive(Clone, Copy)]
struct Digest {
    is_human_readable: bool,
}

/// Kinds of values that the digest distinguishes.
#[derive(Clone, Copy)]
enum DigestKind {
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

/// A value that has others in it.
struct Compound {
    digest: Digest,
    /// Hashes the parts whose place counts.
    ordered: FoldHasher<'static>,
    /// Sum of the digests of elements whose order does not count.
    unordered: u64,
    /// Digest of a map key whose value comes next.
    key: u64,
}

fn hasher(kind: DigestKind) -> FoldHasher<'static> {
    let mut hasher = STATE.build_hasher();
    hasher.write_u8(kind as u8);
    hasher
}

const STATE: FixedState = FixedState::with_seed(0);

fn leaf(kind: DigestKind, write: impl FnOnce(&mut FoldHasher<'static>)) -> u64 {
    let mut hasher = hasher(kind);
    write(&mut hasher);
    hasher.finish()
}

impl Digest {
    #[inline(never)]
    fn compound(self, kind: DigestKind, variant: Option<u32>) -> Compound {
        let mut ordered = hasher(kind);
        if let Some(variant) = variant {
            ordered.write_u32(variant);
        }
        Compound { digest: self, ordered, unordered: 0, key: 0 }
    }
}

/// Part of a value, without its type. Digests are compiled for each saved type; with this trait, each part
/// costs only a call.
trait DigestPart {
    fn digest(&self, digest: Digest) -> Result<u64, DigestFailure>;
}

impl<T: Serialize + ?Sized> DigestPart for &T {
    fn digest(&self, digest: Digest) -> Result<u64, DigestFailure> {
        self.serialize(digest)
    }
}

impl Compound {
    #[inline(never)]
    fn add(&mut self, part: &dyn DigestPart) -> Result<(), DigestFailure> {
        self.ordered.write_u64(part.digest(self.digest)?);
        Ok(())
    }

    #[inline(never)]
    fn add_anywhere(&mut self, part: &dyn DigestPart) -> Result<(), DigestFailure> {
        self.unordered = self.unordered.wrapping_add(part.digest(self.digest)?);
        Ok(())
    }

    /// A field may be left out, which moves the next one to its place. So names count.
    #[inline(never)]
    fn add_field(&mut self, name: &'static str, part: &dyn DigestPart) -> Result<(), DigestFailure> {
        self.ordered.write(name.as_bytes());
        self.add(part)
    }

    #[inline(never)]
    fn finish(mut self) -> u64 {
        self.ordered.write_u64(self.unordered);
        self.ordered.finish()
    }
}

impl ser::Error for DigestFailure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Box::new(CodecError(message.to_string())))
    }
}

macro_rules! leaves {
    ($($method:ident $type:ty, $kind:ident: $write:ident $as:ty;)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<u64, DigestFailure> {
            Ok(leaf(DigestKind::$kind, |hasher| hasher.$write(<$as>::from(value))))
        }
    )*};
}

impl Serializer for Digest {
    type Ok = u64;
    type Error = DigestFailure;
    type SerializeSeq = Compound;
    type SerializeTuple = Compound;
    type SerializeTupleStruct = Compound;
    type SerializeTupleVariant = Compound;
    type SerializeMap = Compound;
    type SerializeStruct = Compound;
    type SerializeStructVariant = Compound;

    leaves! {
        serialize_bool bool, Bool: write_u8 u8;
        serialize_i8 i8, Signed: write_i64 i64;
        serialize_i16 i16, Signed: write_i64 i64;
        serialize_i32 i32, Signed: write_i64 i64;
        serialize_i64 i64, Signed: write_i64 i64;
        serialize_i128 i128, Signed: write_i128 i128;
        serialize_u8 u8, Unsigned: write_u64 u64;
        serialize_u16 u16, Unsigned: write_u64 u64;
        serialize_u32 u32, Unsigned: write_u64 u64;
        serialize_u64 u64, Unsigned: write_u64 u64;
        serialize_u128 u128, Unsigned: write_u128 u128;
        serialize_char char, Char: write_u32 u32;
    }

    fn serialize_f32(self, value: f32) -> Result<u64, DigestFailure> {
        Ok(leaf(DigestKind::F32, |hasher| hasher.write_u32(value.to_bits())))
    }

    fn serialize_f64(self, value: f64) -> Result<u64, DigestFailure> {
        Ok(leaf(DigestKind::F64, |hasher| hasher.write_u64(value.to_bits())))
    }

    fn serialize_str(self, value: &str) -> Result<u64, DigestFailure> {
        Ok(leaf(DigestKind::Text, |hasher| hasher.write(value.as_bytes())))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<u64, DigestFailure> {
        Ok(leaf(DigestKind::Bytes, |hasher| hasher.write(value)))
    }

    fn serialize_none(self) -> Result<u64, DigestFailure> {
        Ok(leaf(DigestKind::None, |_| {}))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, DigestFailure> {
        let mut some = self.compound(DigestKind::Some, None);
        some.add(&value)?;
        Ok(some.finish())
    }

    fn serialize_unit(self) -> Result<u64, DigestFailure> {
        Ok(leaf(DigestKind::Unit, |_| {}))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<u64, DigestFailure> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        variant: u32,
        _: &'static str,
    ) -> Result<u64, DigestFailure> {
        Ok(self.compound(DigestKind::Variant, Some(variant)).finish())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<u64, DigestFailure> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        variant: u32,
        _: &'static str,
        value: &T,
    ) -> Result<u64, DigestFailure> {
        let mut compound = self.compound(DigestKind::Variant, Some(variant));
        compound.add(&value)?;
        Ok(compound.finish())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound, DigestFailure> {
        Ok(self.compound(DigestKind::Unordered, None))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound, DigestFailure> {
        Ok(self.compound(DigestKind::Ordered, None))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound, DigestFailure> {
        Ok(self.compound(DigestKind::Ordered, None))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        variant: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Compound, DigestFailure> {
        Ok(self.compound(DigestKind::Variant, Some(variant)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound, DigestFailure> {
        Ok(self.compound(DigestKind::Unordered, None))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound, DigestFailure> {
        Ok(self.compound(DigestKind::Ordered, None))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        variant: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Compound, DigestFailure> {
        Ok(self.compound(DigestKind::Variant, Some(variant)))
    }

    fn is_human_readable(&self) -> bool {
        self.is_human_readable
    }
}

macro_rules! compounds {
    ($($trait:ident $method:ident $add:ident;)*) => {$(
        impl ser::$trait for Compound {
            type Ok = u64;
            type Error = DigestFailure;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestFailure> {
                self.$add(&value)
            }

            fn end(self) -> Result<u64, DigestFailure> {
                Ok(self.finish())
            }
        }
    )*};
}

compounds! {
    SerializeSeq serialize_element add_anywhere;
    SerializeTuple serialize_element add;
    SerializeTupleStruct serialize_field add;
    SerializeTupleVariant serialize_field add;
}

macro_rules! structs {
    ($($trait:ident)*) => {$(
        impl ser::$trait for Compound {
            type Ok = u64;
            type Error = DigestFailure;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), DigestFailure> {
                self.add_field(name, &value)
            }

            fn end(self) -> Result<u64, DigestFailure> {
                Ok(self.finish())
            }
        }
    )*};
}

structs! { SerializeStruct SerializeStructVariant }

impl ser::SerializeMap for Compound {
    type Ok = u64;
    type Error = DigestFailure;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), DigestFailure> {
        self.key = key.serialize(self.digest)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestFailure> {
        let mut entry = self.digest.compound(DigestKind::Ordered, None);
        entry.ordered.write_u64(self.key);
        entry.add(&value)?;
        self.unordered = self.unordered.wrapping_add(entry.finish());
        Ok(())
    }

    fn end(self) -> Result<u64, DigestFailure> {
        Ok(self.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};
    use std::net::Ipv4Addr;

    use super::*;

    fn of<T: Serialize + ?Sized>(value: &T) -> u64 {
        digest(value, false).expect("it can be serialised")
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
        assert_eq!(digest(&address, true).expect("it can be serialised"), of("127.0.0.1"));
        assert_ne!(of(&address), of("127.0.0.1"));
    }

    #[test]
    fn a_type_that_refuses_to_be_written_has_no_digest() {
        let before = std::time::UNIX_EPOCH - std::time::Duration::from_secs(1);
        digest(&before, false).expect_err("serde does not write times before 1970");
    }
}
