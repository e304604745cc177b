//! How one table is saved: made by the derive, used by the snapshot writer and reader.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::codec::{Codec, CodecError};
use super::entry::SavedEntry;
use super::format::block::{Block, BlockBuilder, TooLong};
use super::report::SkippedEntry;
use super::shape::Shape;
use crate::query::Query;

/// How the keys and values of `Q` are saved. Made by `#[query(persist)]`; holds function pointers only, so that
/// nothing else of the cache asks `Serialize` of anything.
pub struct Persistence<Q: Query> {
    codec: &'static str,
    is_self_describing: bool,
    version: u32,
    shape: fn() -> TableShape,
    encode: fn(&[SavedEntry<Q>], &mut BlockBuilder) -> Result<(), CodecError>,
    decode: fn(&Block<'_>, Duration, &mut Vec<SavedEntry<Q>>) -> Result<(), CodecError>,
    verify: fn(&[u8]) -> Result<(), CodecError>,
}

/// What a table writes into the file beside its name, and what a file must have to be read into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableFormat {
    pub codec: &'static str,
    pub fingerprint: u128,
    pub version: u32,
    /// Every entry is read back when it is saved, not only the first: the type may hold what its shape does not
    /// show, or nest deeper than a restore will follow.
    pub is_doubtful: bool,
}

/// Entries of one table that came out of a snapshot.
pub(crate) struct Decoded<Q: Query> {
    /// Least recently used first.
    pub entries: Vec<SavedEntry<Q>>,
    /// Entries that were left out one by one; only tables of many types have such.
    pub skipped: Vec<SkippedEntry>,
}

/// Turns entries of one table into bytes and back.
pub(crate) trait TableCodec<Q: Query>: Send + Sync {
    fn format(&self) -> TableFormat;

    /// Why `entry` cannot be saved at all; such entries are reported and left out.
    fn refuses(&self, _entry: &SavedEntry<Q>) -> Option<SkippedEntry> {
        None
    }

    /// Encodes from the first entry on until `block` is full; `block.len()` tells how far it came, also when the
    /// entry after that failed.
    fn encode(&self, entries: &[SavedEntry<Q>], block: &mut BlockBuilder) -> Result<(), CodecError>;

    /// Whether one encoded entry reads back.
    fn verify(&self, entry: &[u8]) -> Result<(), CodecError>;

    /// Appends the entries of `block`, each older by `elapsed`.
    fn decode(
        &self,
        block: &Block<'_>,
        elapsed: Duration,
        decoded: &mut Decoded<Q>,
    ) -> Result<(), CodecError>;
}

impl<Q: Query + Serialize + DeserializeOwned> Persistence<Q>
where
    Q::Value: SavedValue,
{
    /// Saves with codec `C`; the fingerprint is that of the shapes of key and value.
    #[must_use]
    pub fn shaped<C: Codec>(version: u32) -> Self
    where
        Q: Shape,
        Q::Value: Shape,
    {
        Self::with_shape::<C>(version, TableShape::of::<Q, Q::Value>)
    }

    /// Saves with codec `C`; the fingerprint is made of the names of the types, so that a change inside them must
    /// be told by `version`.
    #[must_use]
    pub fn opaque<C: Codec>(version: u32) -> Self {
        Self::with_shape::<C>(version, TableShape::opaque::<Q, Q::Value>)
    }

    fn with_shape<C: Codec>(version: u32, shape: fn() -> TableShape) -> Self {
        Self {
            codec: C::NAME,
            is_self_describing: C::SELF_DESCRIBING,
            version,
            shape,
            encode: encode::<Q, C>,
            decode: decode::<Q, C>,
            verify: verify::<Pair<Q, Q::Value>, C>,
        }
    }
}

impl<Q: Query> Persistence<Q> {
    /// Name of the type that needs a self-describing format, when the codec is none.
    pub(crate) fn misfit(&self) -> Option<&'static str> {
        (self.shape)().needs_self_describing.filter(|_| !self.is_self_describing)
    }

    /// Name of the codec.
    pub(crate) fn codec(&self) -> &'static str {
        self.codec
    }
}

impl<Q: Query> TableCodec<Q> for Persistence<Q> {
    fn format(&self) -> TableFormat {
        let shape = (self.shape)();
        TableFormat {
            codec: self.codec,
            fingerprint: shape.fingerprint,
            version: self.version,
            is_doubtful: shape.is_recursive || shape.is_opaque,
        }
    }

    fn encode(&self, entries: &[SavedEntry<Q>], block: &mut BlockBuilder) -> Result<(), CodecError> {
        (self.encode)(entries, block)
    }

    fn verify(&self, entry: &[u8]) -> Result<(), CodecError> {
        (self.verify)(entry)
    }

    fn decode(
        &self,
        block: &Block<'_>,
        elapsed: Duration,
        decoded: &mut Decoded<Q>,
    ) -> Result<(), CodecError> {
        (self.decode)(block, elapsed, &mut decoded.entries)
    }
}

impl<Q: Query> Clone for Persistence<Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q: Query> Copy for Persistence<Q> {}

impl<Q: Query> fmt::Debug for Persistence<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persistence")
            .field("codec", &self.codec)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

fn encode<Q: Query + Serialize, C: Codec>(
    entries: &[SavedEntry<Q>],
    block: &mut BlockBuilder,
) -> Result<(), CodecError>
where
    Q::Value: Serialize,
{
    for entry in entries {
        if block.is_full() {
            break;
        }
        block.push(&entry.meta, |out| C::encode(&(&entry.key, &*entry.value), out))?;
    }
    Ok(())
}

fn decode<Q: Query + DeserializeOwned, C: Codec>(
    block: &Block<'_>,
    elapsed: Duration,
    out: &mut Vec<SavedEntry<Q>>,
) -> Result<(), CodecError>
where
    Q::Value: SavedValue,
{
    out.reserve(block.len());
    for (meta, bytes) in block.entries() {
        let Pair(key, value) = C::decode::<Pair<Q, Q::Value>>(bytes)?;
        out.push(SavedEntry { key, value, meta: meta.older_by(elapsed) });
    }
    Ok(())
}

/// Whether `bytes` are read back as what they were written from.
///
/// A format that is not self-describing may misread bytes without noticing, so what was read is written again
/// and compared: as bags of bytes, for a hash map comes back in another order.
pub(super) fn verify<T: Serialize + DeserializeOwned, C: Codec>(bytes: &[u8]) -> Result<(), CodecError> {
    let value = C::decode::<T>(bytes)?;
    if C::SELF_DESCRIBING {
        return Ok(());
    }
    let mut again = Vec::with_capacity(bytes.len());
    C::encode(&value, &mut again)?;
    match bag(bytes) == bag(&again) {
        true => Ok(()),
        false => Err(CodecError("it reads back as another value".to_owned())),
    }
}

fn bag(bytes: &[u8]) -> [usize; 256] {
    let mut counts = [0; 256];
    bytes.iter().for_each(|&byte| counts[byte as usize] += 1);
    counts
}

impl From<TooLong> for CodecError {
    fn from(_: TooLong) -> Self {
        CodecError("the entry takes more than 4 GiB".to_owned())
    }
}

/// A value that can be read back into an `Arc`: every `Deserialize` type, `str` and slices.
pub trait SavedValue: Serialize {
    /// Reads the value into its final allocation.
    ///
    /// # Errors
    /// Those of the deserializer.
    fn deserialize_arc<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Self>, D::Error>;
}

impl<V: Serialize + DeserializeOwned> SavedValue for V {
    #[inline]
    fn deserialize_arc<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Self>, D::Error> {
        V::deserialize(deserializer).map(Arc::new)
    }
}

impl SavedValue for str {
    fn deserialize_arc<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Self>, D::Error> {
        String::deserialize(deserializer).map(Arc::from)
    }
}

impl<T: Serialize + DeserializeOwned> SavedValue for [T] {
    fn deserialize_arc<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Self>, D::Error> {
        Vec::deserialize(deserializer).map(Arc::from)
    }
}

/// Key and value as they stand in the file.
struct Pair<K, V: ?Sized>(K, Arc<V>);

impl<K: Serialize, V: Serialize + ?Sized> Serialize for Pair<K, V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.0, &*self.1).serialize(serializer)
    }
}

impl<'de, K: Deserialize<'de>, V: SavedValue + ?Sized> Deserialize<'de> for Pair<K, V> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(2, PairVisitor(PhantomData))
    }
}

struct PairVisitor<K, V: ?Sized>(PhantomData<fn() -> (K, Arc<V>)>);

impl<'de, K: Deserialize<'de>, V: SavedValue + ?Sized> Visitor<'de> for PairVisitor<K, V> {
    type Value = Pair<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key and its value")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Pair<K, V>, A::Error> {
        let key = elements.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let value = elements.next_element_seed(ArcSeed(PhantomData))?;
        Ok(Pair(key, value.ok_or_else(|| A::Error::invalid_length(1, &self))?))
    }
}

struct ArcSeed<V: ?Sized>(PhantomData<fn() -> Arc<V>>);

impl<'de, V: SavedValue + ?Sized> DeserializeSeed<'de> for ArcSeed<V> {
    type Value = Arc<V>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Arc<V>, D::Error> {
        V::deserialize_arc(deserializer)
    }
}

/// What the shapes of key and value say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TableShape {
    pub fingerprint: u128,
    pub is_recursive: bool,
    pub is_opaque: bool,
    pub needs_self_describing: Option<&'static str>,
}

impl TableShape {
    fn of<K: Shape, V: Shape + ?Sized>() -> Self {
        // TODO(shape)
        Self::opaque::<K, V>()
    }

    pub(super) fn opaque<K, V: ?Sized>() -> Self {
        Self {
            fingerprint: name_fingerprint(&[type_name::<K>(), type_name::<V>()]),
            is_recursive: false,
            is_opaque: true,
            needs_self_describing: None,
        }
    }
}

/// 128-bit FNV-1a: equal names must give equal numbers in every build, and nobody gains by a collision.
fn name_fingerprint(names: &[&str]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = names.iter().flat_map(|name| name.bytes().chain([0xff]));
    bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}
