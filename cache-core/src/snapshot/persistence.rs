//! How one table is saved: made by the derive, used by the snapshot writer and reader.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::codec::{Codec, CodecError, EncodeError, Margin};
use super::digest::digest;
use super::entry::{Downtime, SavedEntry};
use super::format::block::{Block, BlockBuilder, TooLong};
use super::report::{SkipReason, SkippedEntries, SkippedEntry};
use super::shape::{Fingerprint, Misfit, Shape, ShapeReport};
use crate::erased::SavedTable;
use crate::query::{Query, ShownKey};
use crate::table::Table;

/// How the keys and values of `Q` are saved. Made by `#[query(persist)]`; holds function pointers only, so that
/// nothing else of the cache asks `Serialize` of anything.
pub struct Persistence<Q: Query> {
    pub(super) codec: &'static str,
    is_self_describing: bool,
    pub(super) version: u32,
    pub(super) shape: fn() -> ShapeReport,
    pub(super) vouches: fn(&ShapeReport) -> bool,
    encode: Encode<Q>,
    decode: Decode<Q>,
    pub(super) single: Single<Q>,
    table: fn(&Table<Q>) -> &dyn SavedTable,
}

/// What turns one key, or one entry, into bytes and back.
pub(super) struct Single<Q: Query> {
    pub(super) encode_key: fn(&Q, &mut Vec<u8>) -> Result<(), EncodeError>,
    pub(super) encode: EncodeOne<Q>,
    pub(super) decode: DecodeOne<Q>,
    pub(super) verify: VerifyOne<Q>,
}

type EncodeOne<Q> = fn(&Q, &<Q as Query>::Value, &mut Vec<u8>) -> Result<(), EncodeError>;
type DecodeOne<Q> = fn(&[u8]) -> Result<(Q, Arc<<Q as Query>::Value>), CodecError>;

type VerifyOne<Q> = fn(&Q, &<Q as Query>::Value, &[u8]) -> Result<(), CodecError>;

type Encode<Q> = fn(&[SavedEntry<Q>], bool, &mut BlockBuilder) -> Result<(), SkipReason>;
type Decode<Q> = fn(&Block<'_>, u64, Downtime, &mut DecodedBlock<Q>);

/// What a table writes into the file beside its name, and what a file must have to be read into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableFormat {
    pub codec: &'static str,
    pub fingerprint: Fingerprint,
    pub version: u32,
    /// Every entry is read back when it is saved: the shape does not vouch for the type
    /// ([`ShapeReport::vouches_for`]).
    pub is_doubtful: bool,
}

/// The entries of one table that came out of a snapshot.
pub(crate) struct Decoded<Q: Query> {
    /// Least recently used first, through all blocks.
    pub blocks: Vec<Vec<SavedEntry<Q>>>,
    /// Entries that were left out one by one.
    pub skipped: SkippedEntries,
}

/// The entries of one block that came out of a snapshot.
pub(crate) struct DecodedBlock<Q: Query> {
    /// Least recently used first.
    pub entries: Vec<SavedEntry<Q>>,
    /// Entries that were left out one by one.
    pub skipped: SkippedEntries,
}

impl<Q: Query> Default for DecodedBlock<Q> {
    fn default() -> Self {
        Self { entries: Vec::new(), skipped: SkippedEntries::default() }
    }
}

/// Turns entries of one table into bytes and back.
pub(crate) trait TableCodec<Q: Query>: Send + Sync {
    /// The way to all that is done with a table that is saved. Known to its codec, so that a program has that code for
    /// no other tables.
    fn table<'a>(&self, table: &'a Table<Q>) -> &'a dyn SavedTable;

    fn format(&self) -> TableFormat;

    /// Encodes from the first entry on until `block` is full, and reads each back if it `verifies`; `block.len()` tells
    /// how far it came.
    ///
    /// # Errors
    /// Why the entry after the last one in the block cannot be saved.
    fn encode(
        &self,
        entries: &[SavedEntry<Q>],
        verifies: bool,
        block: &mut BlockBuilder,
    ) -> Result<(), SkipReason>;

    /// What a report calls the key.
    fn key_text(&self, key: &Q) -> String {
        format!("{:?}", ShownKey(key))
    }

    /// Appends the entries of `block`, as they are after `downtime`. `first` is the number of its first entry within the
    /// table.
    fn decode(&self, block: &Block<'_>, first: u64, downtime: Downtime, decoded: &mut DecodedBlock<Q>);
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
        Self::with_shape::<C>(version, ShapeReport::of_entry::<Q, Q::Value>)
    }

    /// Saves with codec `C`; the fingerprint is made of the names of the types, so that a change inside them must
    /// be told by `version`.
    #[must_use]
    pub fn opaque<C: Codec>(version: u32) -> Self {
        Self::with_shape::<C>(version, || {
            ShapeReport::of_opaque_entry(type_name::<Q>(), type_name::<Q::Value>())
        })
    }

    fn with_shape<C: Codec>(version: u32, shape: fn() -> ShapeReport) -> Self {
        Self {
            codec: C::NAME,
            is_self_describing: C::SELF_DESCRIBING,
            version,
            shape,
            vouches: ShapeReport::vouches_for::<C>,
            encode: encode::<Q, C>,
            decode: decode::<Q, C>,
            single: Single {
                encode_key: C::encode::<Q>,
                encode: |key, value, out| C::encode(&(key, value), out),
                decode: |bytes| C::decode::<Pair<Q, Q::Value>>(bytes).map(|Pair(key, value)| (key, value)),
                verify: verify::<Q, C>,
            },
            table: |table| table,
        }
    }
}

impl<Q: Query> Persistence<Q> {
    /// The first type that the codec cannot carry.
    pub(crate) fn misfit(&self) -> Option<Misfit> {
        (self.shape)().misfit(self.is_self_describing)
    }

    /// What to do about a misfit.
    pub(crate) fn way_out(&self) -> &'static str {
        match (self.is_self_describing, (self.shape)().self_describing) {
            (false, _) => "say `codec = \"json\"` in the query",
            (true, None) => {
                "choose another type, or another codec, as with `codec = \"bincode\"` in the query"
            }
            (true, Some(_)) => "choose another type",
        }
    }

    /// Name of the codec.
    pub(crate) fn codec(&self) -> &'static str {
        self.codec
    }
}

impl<Q: Query> TableCodec<Q> for Persistence<Q> {
    fn table<'a>(&self, table: &'a Table<Q>) -> &'a dyn SavedTable {
        (self.table)(table)
    }

    fn format(&self) -> TableFormat {
        let shape = (self.shape)();
        TableFormat {
            codec: self.codec,
            fingerprint: shape.fingerprint,
            version: self.version,
            is_doubtful: !(self.vouches)(&shape),
        }
    }

    fn encode(
        &self,
        entries: &[SavedEntry<Q>],
        verifies: bool,
        block: &mut BlockBuilder,
    ) -> Result<(), SkipReason> {
        (self.encode)(entries, verifies, block)
    }

    fn decode(&self, block: &Block<'_>, first: u64, downtime: Downtime, decoded: &mut DecodedBlock<Q>) {
        (self.decode)(block, first, downtime, decoded);
    }
}

impl<Q: Query> Clone for Persistence<Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q: Query> Copy for Persistence<Q> {}

impl<Q: Query> Clone for Single<Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q: Query> Copy for Single<Q> {}

impl<Q: Query> fmt::Debug for Persistence<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persistence")
            .field("codec", &self.codec)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

fn encode<Q: Query + Serialize + DeserializeOwned, C: Codec>(
    entries: &[SavedEntry<Q>],
    verifies: bool,
    block: &mut BlockBuilder,
) -> Result<(), SkipReason>
where
    Q::Value: SavedValue,
{
    for SavedEntry { key, value, meta } in entries {
        if block.is_full() {
            break;
        }
        block
            .push(meta, |out| C::encode(&(key, &**value), out))
            .map_err(|error| SkipReason::unwritten(C::NAME, error))?;
        if verifies && let Err(error) = verify::<Q, C>(key, value, block.last()) {
            block.pop();
            return Err(SkipReason::unreadable(C::NAME, error));
        }
    }
    Ok(())
}

fn decode<Q: Query + DeserializeOwned, C: Codec>(
    block: &Block<'_>,
    first: u64,
    downtime: Downtime,
    decoded: &mut DecodedBlock<Q>,
) where
    Q::Value: SavedValue,
{
    let DecodedBlock { entries, skipped } = decoded;
    entries.reserve(block.len());
    for (number, (meta, bytes)) in (first..).zip(block.entries()) {
        match C::decode::<Pair<Q, Q::Value>>(bytes) {
            Ok(Pair(key, value)) => entries.push(SavedEntry { key, value, meta: meta.after(downtime) }),
            Err(error) => skipped.push(|| undecodable::<Q, C>(number, bytes, error)),
        }
    }
}

/// Names an entry whose key, at least, may still be readable.
#[cold]
fn undecodable<Q: Query + DeserializeOwned, C: Codec>(
    entry: u64,
    bytes: &[u8],
    error: CodecError,
) -> SkippedEntry {
    let key = C::decode_first::<Q>(bytes).ok().map(|key| format!("{:?}", ShownKey(&key)));
    SkippedEntry { key, reason: SkipReason::Undecodable { entry, reason: error.0 } }
}

/// Whether `bytes`, which were just written from `key` and `value`, read back as these.
///
/// # Errors
/// What is wrong with them.
fn verify<Q: Query + Serialize + DeserializeOwned, C: Codec>(
    key: &Q,
    value: &Q::Value,
    bytes: &[u8],
) -> Result<(), CodecError>
where
    Q::Value: SavedValue,
{
    let Pair(found, copy) = C::decode_within::<Pair<Q, Q::Value>>(bytes, Margin::Quarter)?;
    if found != *key {
        return Err(CodecError(format!("its key reads back as {:?}", ShownKey(&found))));
    }
    verify_value::<Q::Value, C>(value, &copy, |out| C::encode(&(key, value), out), bytes)
}

/// Whether `copy`, which was read from `bytes`, is what `value` is; `encode` writes `value` once more.
///
/// # Errors
/// If it is another one.
pub(super) fn verify_value<V: Serialize + ?Sized, C: Codec>(
    value: &V,
    copy: &V,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    bytes: &[u8],
) -> Result<(), CodecError> {
    // Of the codecs, those that describe themselves are for people too.
    let digest = |value: &V| digest(value, C::SELF_DESCRIBING);
    if digest(value)? == digest(copy)? {
        return Ok(());
    }
    let mut again = Vec::with_capacity(bytes.len());
    encode(&mut again)?;
    match again == bytes {
        true => Err(CodecError("it reads back as another value".to_owned())),
        // It was changed meanwhile, or tells the time: what was written is how it was at one moment.
        false => Ok(()),
    }
}

impl From<TooLong> for EncodeError {
    fn from(_: TooLong) -> Self {
        CodecError("the entry takes more than 4 GiB".to_owned()).into()
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

struct PairVisitor<K, V: ?Sized>(PhantomData<(K, Arc<V>)>);

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
