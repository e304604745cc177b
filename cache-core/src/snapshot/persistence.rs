//! How one table is saved. Created by the derive, used by the snapshot writer and reader.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{forget, replace};
use std::sync::Arc;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codec::{Codec, CodecError, EncodeError, Margin};
use super::digest::Digest;
use super::format::block::TooLong;
use super::key_fields::{KeyField, KeyFields, NotFlat};
use super::report::SkipReason;
use super::shape::{Fingerprint, Misfit, Shape, ShapeReport};
use crate::erased::UsedTable;
use crate::hooks::BoxError;
use crate::query::Query;
use crate::shard::erased::{AnyPair, AnyPairs};
use crate::shard::key::AnyKey;
use crate::shard::pairs::ValueHandle;
use crate::table::Table;
use crate::typed::{Pair, Pairs};

/// How the keys and values of `Q` are saved. Created by `#[query(persist)]`. Holds function pointers only, so
/// that nothing else in the cache requires `Serialize`.
pub struct Persistence<Q: Query> {
    pub(crate) codec: PairCodec,
    /// Gives access to the shards of a table. Creates them if needed. Set where the codec is created, so that
    /// a program does not contain this code for tables that it never uses.
    pub(crate) ensure_shards: fn(&Table<Q>) -> &dyn UsedTable,
}

/// How keys and values of a query that the holder does not know are saved. The functions behind its pointers
/// are compiled for each query, so they are kept small.
#[derive(Clone, Copy)]
pub(crate) struct PairCodec {
    name: &'static str,
    is_self_describing: bool,
    version: u32,
    shape: fn() -> ShapeReport,
    vouches: fn(&ShapeReport) -> bool,
    pairs: fn(usize) -> Box<dyn AnyPairs>,
    encode: EncodePair,
    /// Adds a pair; after an error, the part of it that could be read.
    decode: fn(&[u8], Margin, &mut dyn AnyPairs) -> Result<(), CodecError>,
    /// Adds the fields of a key.
    fields: fn(&dyn AnyPair, &mut KeyFields) -> Result<(), NotFlat>,
}

/// Appends a key, and its value if there is one. Also adds them to the digest, if given.
type EncodePair = fn(&dyn AnyPair, &mut Vec<u8>, Option<&Digest>) -> EncodeResult;

pub(super) type EncodeResult = Result<(), EncodeError>;

/// Why an entry could not be read, and its key, if at least that is readable.
pub(crate) struct Undecodable {
    pub key: Option<Box<dyn AnyKey>>,
    pub reason: SkipReason,
}

/// What the file holds of a table besides its name. A file must have the same to be read into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableFormat {
    pub codec: &'static str,
    pub fingerprint: Fingerprint,
    pub version: u32,
    /// Whether every entry is read back when it is saved, since the shape does not vouch for the type
    /// ([`ShapeReport::vouches_for`]).
    pub is_doubtful: bool,
}

/// Turns entries of one table into bytes and back.
pub(crate) trait TableCodec: Send + Sync {
    fn format(&self) -> TableFormat;

    /// Creates an empty list of pairs of the table's query.
    fn pairs(&self, capacity: usize) -> Box<dyn AnyPairs>;

    /// Appends an entry to `out`, and reads it back if it `verifies`.
    ///
    /// # Errors
    /// Why the entry cannot be saved. The caller must remove what was appended.
    fn encode(&self, pair: &dyn AnyPair, verifies: bool, out: &mut Vec<u8>) -> Result<(), SkipReason>;

    /// Returns the text of a key for reports.
    fn key_text(&self, key: &dyn AnyKey) -> String {
        format!("{key:?}")
    }

    /// Reads the entry with this number within its table, and adds it.
    ///
    /// # Errors
    /// Why the entry is left out.
    fn decode(&self, entry: u64, bytes: &[u8], pairs: &mut dyn AnyPairs) -> Result<(), Undecodable>;
}

impl<Q: Query + Serialize + DeserializeOwned> Persistence<Q>
where
    Q::Value: SavedValue,
{
    /// Saves with codec `C`. The fingerprint is that of the shapes of key and value.
    #[must_use]
    pub fn shaped<C: Codec>(version: u32) -> Self
    where
        Q: Shape,
        Q::Value: Shape,
    {
        Self::with_shape::<C>(version, ShapeReport::of_entry::<Q, Q::Value>)
    }

    /// Saves with codec `C`. The fingerprint is made of the type names alone, so a change inside the types
    /// needs a new `version`.
    #[must_use]
    pub fn opaque<C: Codec>(version: u32) -> Self {
        Self::with_shape::<C>(version, || {
            ShapeReport::of_opaque_entry(type_name::<Q>(), type_name::<Q::Value>())
        })
    }

    fn with_shape<C: Codec>(version: u32, shape: fn() -> ShapeReport) -> Self {
        let codec = PairCodec {
            name: C::NAME,
            is_self_describing: C::SELF_DESCRIBING,
            version,
            shape,
            vouches: ShapeReport::vouches_for::<C>,
            pairs: Pairs::<Q>::boxed,
            encode: Pair::<Q>::encode::<C>,
            decode: Pair::<Q>::decode::<C>,
            fields: Pair::<Q>::fields,
        };
        Self { codec, ensure_shards: Table::ensure_shards }
    }
}

impl<Q: Query> Persistence<Q> {
    /// Returns the codec of individual entries, for callers that do not know the query.
    #[doc(hidden)]
    #[must_use]
    pub fn entry_codec(self) -> EntryCodec {
        EntryCodec(self.codec)
    }
}

/// Encodes individual entries as snapshots do, for code that keeps entries elsewhere. Keys and values must be
/// those of the query.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct EntryCodec(PairCodec);

impl EntryCodec {
    pub(super) fn of(codec: PairCodec) -> Self {
        Self(codec)
    }

    /// Returns the name of the codec that keys and values are written with.
    #[must_use]
    pub fn codec_name(&self) -> &'static str {
        self.0.name
    }

    /// Returns the fingerprint of the shapes of key and value, and of the version that the query was derived
    /// with.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        (self.0.shape)().with_version(self.0.version).fingerprint
    }

    /// Appends a key.
    ///
    /// # Errors
    /// If the key cannot be written.
    pub fn encode_key(&self, key: &dyn AnyKey, out: &mut Vec<u8>) -> Result<(), BoxError> {
        let mut pairs = (self.0.pairs)(1);
        pairs.add_key(key);
        if pairs.len() == 0 {
            return Err(foreign().into());
        }
        Ok((self.0.encode)(pairs.pair(0), out, None)?)
    }

    /// Returns the fields of a key, in the order of their names. `None` if the key is not a flat struct of scalars.
    #[must_use]
    pub fn key_fields(&self, key: &dyn AnyKey) -> Option<Vec<KeyField>> {
        let mut pairs = (self.0.pairs)(1);
        pairs.add_key(key);
        if pairs.len() == 0 {
            return None;
        }
        let mut fields = KeyFields::default();
        (self.0.fields)(pairs.pair(0), &mut fields).ok()?;
        Some(fields.sorted())
    }

    /// Creates a list of one pair. `None` if key or value are those of another query.
    pub(crate) fn pair(&self, key: &dyn AnyKey, value: &ValueHandle) -> Option<Box<dyn AnyPairs>> {
        let mut pairs = (self.0.pairs)(1);
        pairs.add_key(key);
        if pairs.len() == 0 {
            return None;
        }
        pairs.pair_mut(0).set_value(&*value.0);
        pairs.pair(0).has_value().then_some(pairs)
    }

    /// Appends a key and its value.
    ///
    /// # Errors
    /// If they cannot be written, or would not read back.
    pub fn encode_entry(
        &self,
        key: &dyn AnyKey,
        value: &ValueHandle,
        out: &mut Vec<u8>,
    ) -> Result<(), BoxError> {
        let pairs = self.pair(key, value).ok_or_else(foreign)?;
        Ok(self.0.encode(pairs.pair(0), !(self.0.vouches)(&(self.0.shape)()), out)?)
    }

    /// Reads a key and its value, which take up all of `bytes`. The bytes may be hostile.
    ///
    /// # Errors
    /// If the bytes are not such an entry.
    pub fn decode_entry(&self, bytes: &[u8]) -> Result<(Box<dyn AnyKey>, ValueHandle), BoxError> {
        let mut pairs = (self.0.pairs)(1);
        (self.0.decode)(bytes, Margin::None, &mut *pairs)?;
        let pair = pairs.pair_mut(0);
        let value = pair.take_handle().ok_or_else(foreign)?;
        Ok((pair.key().ok_or_else(foreign)?.to_box(), ValueHandle(value)))
    }
}

impl fmt::Debug for EntryCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryCodec").field("codec", &self.0.name).finish_non_exhaustive()
    }
}

impl PairCodec {
    /// Returns the name of the codec.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the first type that the codec cannot carry.
    pub(crate) fn misfit(&self) -> Option<Misfit> {
        (self.shape)().misfit(self.is_self_describing)
    }

    /// Returns what to do about a misfit.
    pub(crate) fn advice(&self) -> &'static str {
        match (self.is_self_describing, (self.shape)().self_describing) {
            (false, _) => "add `codec = \"json\"` to the query",
            (true, None) => {
                "choose another type, or another codec, as with `codec = \"bincode\"` in the query"
            }
            (true, Some(_)) => "choose another type",
        }
    }

    /// Appends a pair, and reads it back if it `verifies`.
    fn encode(&self, pair: &dyn AnyPair, verifies: bool, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match verifies {
            true => encode_verified(
                |out, digest| (self.encode)(pair, out, digest),
                |bytes, digest| self.read_back(pair, bytes, digest),
                out,
            ),
            false => (self.encode)(pair, out, None),
        }
    }

    /// Reads `bytes`, which were just written from a pair, and adds what they hold to the digest.
    ///
    /// # Errors
    /// If they cannot be read, or hold another key.
    fn read_back(&self, pair: &dyn AnyPair, bytes: &[u8], digest: &Digest) -> Result<(), CodecError> {
        let mut read = (self.pairs)(1);
        (self.decode)(bytes, Margin::Quarter, &mut *read)?;
        let copy = read.pair(0);
        let (Some(key), Some(found)) = (pair.key(), copy.key()) else { return Err(foreign()) };
        if !found.equals(key) {
            return Err(CodecError(format!("its key reads back as {found:?}")));
        }
        Ok((self.encode)(copy, &mut Vec::with_capacity(bytes.len()), Some(digest))?)
    }
}

impl TableCodec for PairCodec {
    fn format(&self) -> TableFormat {
        let shape = (self.shape)();
        TableFormat {
            codec: self.name,
            fingerprint: shape.fingerprint,
            version: self.version,
            is_doubtful: !(self.vouches)(&shape),
        }
    }

    fn pairs(&self, capacity: usize) -> Box<dyn AnyPairs> {
        (self.pairs)(capacity)
    }

    fn encode(&self, pair: &dyn AnyPair, verifies: bool, out: &mut Vec<u8>) -> Result<(), SkipReason> {
        let written = Self::encode(self, pair, verifies, out);
        written.map_err(|error| SkipReason::unwritten(self.name, error))
    }

    fn decode(&self, entry: u64, bytes: &[u8], pairs: &mut dyn AnyPairs) -> Result<(), Undecodable> {
        let number = pairs.len();
        (self.decode)(bytes, Margin::None, pairs).map_err(|reason| {
            let is_added = pairs.len() > number;
            let key = if is_added { pairs.pair(number).key().map(AnyKey::to_box) } else { None };
            pairs.truncate(number);
            Undecodable { key, reason: SkipReason::Undecodable { entry, reason: reason.0 } }
        })
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
            .field("codec", &self.codec.name)
            .field("version", &self.codec.version)
            .finish_non_exhaustive()
    }
}

impl<Q: Query + Serialize + DeserializeOwned> Pair<Q>
where
    Q::Value: SavedValue,
{
    fn encode<C: Codec>(
        pair: &dyn AnyPair,
        out: &mut Vec<u8>,
        digest: Option<&Digest>,
    ) -> Result<(), EncodeError> {
        match Self::of(pair) {
            Some(Self { key: Some(key), value }) => C::encode(&SavedPair(key, value.as_deref()), out, digest),
            _ => Err(foreign().into()),
        }
    }

    fn decode<C: Codec>(bytes: &[u8], margin: Margin, pairs: &mut dyn AnyPairs) -> Result<(), CodecError> {
        match Pairs::<Q>::of_mut(pairs) {
            Some(pairs) => C::decode_seed(PairSeed(pairs.push_empty()), bytes, margin),
            None => Err(foreign()),
        }
    }

    fn fields(pair: &dyn AnyPair, out: &mut KeyFields) -> Result<(), NotFlat> {
        match Self::of(pair) {
            Some(Self { key: Some(key), .. }) => key.serialize(out),
            _ => Err(NotFlat),
        }
    }
}

/// Returns the error for a pair of another table. A table passes its own pairs to its own codec. If not, the
/// entry is reported as left out.
#[cold]
pub(super) fn foreign() -> CodecError {
    CodecError("it is an entry of another table".to_owned())
}

/// Appends a value, and compares it with a copy that is read back from what was appended.
///
/// `read_back` decodes the copy and adds it to the digest.
///
/// # Errors
/// If the value cannot be written, or the copy cannot be read or has a different value.
pub(super) fn encode_verified(
    encode: impl Fn(&mut Vec<u8>, Option<&Digest>) -> EncodeResult,
    read_back: impl Fn(&[u8], &Digest) -> Result<(), CodecError>,
    out: &mut Vec<u8>,
) -> EncodeResult {
    let (start, value, copy) = (out.len(), Digest::new(), Digest::new());
    encode(out, Some(&value))?;
    let bytes = &out[start..];
    read_back(bytes, &copy).map_err(EncodeError::Unreadable)?;
    if value.finish() == copy.finish() {
        return Ok(());
    }
    let mut again = Vec::with_capacity(bytes.len());
    encode(&mut again, None)?;
    match again == bytes {
        true => Err(EncodeError::Unreadable(CodecError("it reads back as a different value".to_owned()))),
        // The value was changed meanwhile, or depends on the time: the bytes hold its state at one moment.
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
        match V::deserialize(deserializer) {
            Ok(value) => Ok(Arc::new(value)),
            Err(error) => Err(error),
        }
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

/// Key and value as they are in the file, or the key alone.
struct SavedPair<'a, K, V: ?Sized>(&'a K, Option<&'a V>);

impl<K: Serialize, V: Serialize + ?Sized> Serialize for SavedPair<'_, K, V> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Some(value) => (self.0, value).serialize(serializer),
            None => self.0.serialize(serializer),
        }
    }
}

/// Reads a key and its value into a pair; the key alone if the value cannot be read.
struct PairSeed<'a, Q: Query>(&'a mut Pair<Q>);

impl<'de, Q: Query + Deserialize<'de>> DeserializeSeed<'de> for PairSeed<'_, Q>
where
    Q::Value: SavedValue,
{
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_tuple(2, self)
    }
}

impl<'de, Q: Query + Deserialize<'de>> Visitor<'de> for PairSeed<'_, Q>
where
    Q::Value: SavedValue,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        // The pair was empty, so there is nothing to drop.
        match elements.next_element() {
            Ok(key) => forget(replace(&mut self.0.key, key)),
            Err(error) => return Err(error),
        }
        match elements.next_element_seed(ArcSeed(PhantomData)) {
            Ok(value) => forget(replace(&mut self.0.value, value)),
            Err(error) => return Err(error),
        }
        match self.0 {
            Pair { key: Some(_), value: Some(_) } => Ok(()),
            Pair { key, .. } => Err(A::Error::invalid_length(usize::from(key.is_some()), &EXPECTED)),
        }
    }
}

const EXPECTED: &str = "a key and its value";

struct ArcSeed<V: ?Sized>(PhantomData<fn() -> Arc<V>>);

impl<'de, V: SavedValue + ?Sized> DeserializeSeed<'de> for ArcSeed<V> {
    type Value = Arc<V>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Arc<V>, D::Error> {
        V::deserialize_arc(deserializer)
    }
}
