//! How the dynamic table is saved. Its values have many types, each registered under a tag. The file holds
//! the tag of each entry, never a type name, since the name may change without the type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::CodecError;
#[cfg(any(feature = "bincode", feature = "postcard", feature = "json"))]
use super::codec::{Codec, EncodeError, Margin};
use super::digest::Digest;
use super::format::bytes::{Cursor, put_text};
use super::persistence::{EncodeResult, TableCodec, TableFormat, Undecodable, encode_verified, foreign};
use super::report::SkipReason;
#[cfg(feature = "json")]
use super::shape::Misfit;
use super::shape::{Fingerprint, Shape, ShapeReport};
use crate::dynamic::{Dynamic, DynamicValue};
use crate::shard::erased::{AnyPair, AnyPairs};
use crate::shard::key::AnyKey;
use crate::typed::{Pair, Pairs};

/// Types whose values the dynamic table can save.
#[derive(Clone, Debug, Default)]
pub(crate) struct DynamicTypes {
    by_type: HashMap<TypeId, Registered>,
    by_tag: HashMap<&'static str, TypeId>,
}

/// Why a type of dynamic values could not be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Two types have the same tag.
    #[error("dynamic type `{type_name}`: the tag \"{tag}\" already belongs to `{owner}`")]
    TagTaken {
        /// The tag.
        tag: &'static str,
        /// The second type.
        type_name: &'static str,
        /// The first type, which keeps the tag.
        owner: &'static str,
    },
    /// One type has two tags.
    #[error("dynamic type `{type_name}` is registered twice, as \"{first}\" and \"{second}\"")]
    Twice {
        /// The type.
        type_name: &'static str,
        /// The first tag.
        first: &'static str,
        /// The second tag.
        second: &'static str,
    },
    /// No compiled-in codec can carry the type.
    #[error(
        "dynamic type `{type_name}`: no compiled-in codec can save `{culprit}`; enable the feature `{feature}` of cache-core"
    )]
    NoCodec {
        /// The type.
        type_name: &'static str,
        /// The type inside it that is the reason.
        culprit: &'static str,
        /// The cargo feature that would help.
        feature: &'static str,
    },
    /// Only JSON is left for the type, and JSON has one form for two of its values, or none.
    #[error(
        "dynamic type `{type_name}`: codec \"json\" cannot save `{culprit}`: {problem}; choose another type, or, if no \
         part needs a self-describing format, enable the feature `bincode` of cache-core"
    )]
    Json {
        /// The type.
        type_name: &'static str,
        /// The type inside it that is the reason.
        culprit: &'static str,
        /// Why not.
        problem: &'static str,
    },
}

type Decode = fn(&[u8]) -> Result<Arc<dyn DynamicValue>, CodecError>;

/// How the values of one type are saved.
#[derive(Clone, Copy)]
struct Registered {
    tag: &'static str,
    type_name: &'static str,
    codec: &'static str,
    fingerprint: Fingerprint,
    encode: fn(&dyn DynamicValue, &mut Vec<u8>, Option<&Digest>) -> EncodeResult,
    decode: Decode,
    /// Decodes a value and adds it to the digest.
    read_back: fn(&[u8], &Digest) -> Result<(), CodecError>,
}

impl DynamicTypes {
    /// Saves values of type `T` as `tag`, with the fastest compiled-in codec that can carry them.
    ///
    /// # Errors
    /// [`RegisterError`]; nothing is registered then.
    pub fn register<T>(&mut self, tag: &'static str) -> Result<(), RegisterError>
    where
        T: Shape + Serialize + DeserializeOwned + Send + Sync,
    {
        let entry = Registered::of::<T>(tag)?;
        self.add(TypeId::of::<T>(), entry)
    }

    fn add(&mut self, id: TypeId, entry: Registered) -> Result<(), RegisterError> {
        let Registered { tag, type_name, .. } = entry;
        if let Some(first) = self.by_type.get(&id) {
            return Err(RegisterError::Twice { type_name, first: first.tag, second: tag });
        }
        if let Some(owner) = self.by_tag.get(tag).and_then(|id| self.by_type.get(id)) {
            return Err(RegisterError::TagTaken { tag, type_name, owner: owner.type_name });
        }
        self.by_tag.insert(tag, id);
        self.by_type.insert(id, entry);
        Ok(())
    }

    fn of_value(&self, value: &dyn DynamicValue) -> Option<&Registered> {
        self.by_type.get(&(value as &dyn Any).type_id())
    }

    fn of_tag(&self, tag: &str) -> Option<&Registered> {
        self.by_type.get(self.by_tag.get(tag)?)
    }
}

impl Registered {
    fn of<T>(tag: &'static str) -> Result<Self, RegisterError>
    where
        T: Shape + Serialize + DeserializeOwned + Send + Sync,
    {
        let shape = ShapeReport::of::<T>();
        #[cfg(feature = "bincode")]
        if shape.self_describing.is_none() {
            return Ok(Self::with::<T, super::codec::Bincode>(tag, &shape));
        }
        #[cfg(all(feature = "postcard", not(feature = "bincode")))]
        if shape.self_describing.is_none() {
            return Ok(Self::with::<T, super::codec::Postcard>(tag, &shape));
        }
        #[cfg(feature = "json")]
        return match shape.misfit(true) {
            Some(Misfit { type_name: culprit, problem }) => {
                Err(RegisterError::Json { type_name: type_name::<T>(), culprit, problem })
            }
            None => Ok(Self::with::<T, super::codec::Json>(tag, &shape)),
        };
        #[cfg(not(feature = "json"))]
        let _ = tag;
        #[cfg(not(feature = "json"))]
        Err(RegisterError::NoCodec {
            type_name: type_name::<T>(),
            culprit: shape.self_describing.unwrap_or(type_name::<T>()),
            feature: if shape.self_describing.is_some() { "json" } else { "bincode" },
        })
    }

    #[cfg(any(feature = "bincode", feature = "postcard", feature = "json"))]
    fn with<T, C: Codec>(tag: &'static str, shape: &ShapeReport) -> Self
    where
        T: Shape + Serialize + DeserializeOwned + Send + Sync,
    {
        Self {
            tag,
            type_name: type_name::<T>(),
            codec: C::NAME,
            fingerprint: shape.fingerprint,
            encode: encode::<T, C>,
            decode: |bytes| Ok(Arc::new(C::decode::<T>(bytes)?)),
            read_back: read_back::<T, C>,
        }
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} as {:?} by {}", self.type_name, self.tag, self.codec)
    }
}

#[cfg(any(feature = "bincode", feature = "postcard", feature = "json"))]
fn encode<T: Serialize + 'static, C: Codec>(
    value: &dyn DynamicValue,
    out: &mut Vec<u8>,
    digest: Option<&Digest>,
) -> Result<(), EncodeError> {
    C::encode(typed::<T>(value)?, out, digest)
}

#[cfg(any(feature = "bincode", feature = "postcard", feature = "json"))]
fn read_back<T: Serialize + DeserializeOwned, C: Codec>(
    bytes: &[u8],
    digest: &Digest,
) -> Result<(), CodecError> {
    let copy: T = C::decode_within(bytes, Margin::Quarter)?;
    Ok(C::encode(&copy, &mut Vec::with_capacity(bytes.len()), Some(digest))?)
}

#[cfg(any(feature = "bincode", feature = "postcard", feature = "json"))]
fn typed<T: 'static>(value: &dyn DynamicValue) -> Result<&T, CodecError> {
    (value as &dyn Any).downcast_ref().ok_or_else(|| CodecError(format!("this is a {}", value.type_name())))
}

impl TableCodec for DynamicTypes {
    /// Returns the format of the envelope only; each entry has its own codec and fingerprint.
    fn format(&self) -> TableFormat {
        TableFormat {
            codec: "tagged",
            fingerprint: ShapeReport::of_opaque_entry("name", "tagged value").fingerprint,
            version: 1,
            is_doubtful: true,
        }
    }

    fn pairs(&self, capacity: usize) -> Box<dyn AnyPairs> {
        Pairs::<Dynamic>::boxed(capacity)
    }

    fn encode(&self, pair: &dyn AnyPair, verifies: bool, out: &mut Vec<u8>) -> Result<(), SkipReason> {
        let Some(Pair { key: Some(key), value: Some(value) }) = Pair::<Dynamic>::of(pair) else {
            return Err(SkipReason::unwritten(self.format().codec, foreign().into()));
        };
        let value = &**value;
        let Some(registered) = self.of_value(value) else {
            return Err(SkipReason::Unregistered { type_name: value.type_name().to_owned() });
        };
        Envelope::new(&key.0, registered).write(out);
        let encode = |out: &mut Vec<u8>, digest: Option<&Digest>| (registered.encode)(value, out, digest);
        let written = match verifies {
            true => encode_verified(encode, registered.read_back, out),
            false => encode(out, None),
        };
        written.map_err(|error| SkipReason::unwritten(registered.codec, error))
    }

    fn key_text(&self, key: &dyn AnyKey) -> String {
        (key as &dyn Any).downcast_ref().map_or_else(String::new, |key: &Dynamic| key.name().to_owned())
    }

    fn decode(&self, entry: u64, bytes: &[u8], pairs: &mut dyn AnyPairs) -> Result<(), Undecodable> {
        let undecodable = |error: CodecError| SkipReason::Undecodable { entry, reason: error.0 };
        let unread = |error| Undecodable { key: None, reason: undecodable(error) };
        let (envelope, value) = Envelope::parse(bytes).map_err(unread)?;
        let key = Dynamic(Arc::from(envelope.name));
        match self.registered(&envelope).and_then(|found| (found.decode)(value).map_err(undecodable)) {
            Ok(value) => match Pairs::<Dynamic>::of_mut(pairs) {
                Some(pairs) => {
                    pairs.push(Some(key), Some(value));
                    Ok(())
                }
                None => Err(unread(foreign())),
            },
            Err(reason) => Err(Undecodable { key: Some(Box::new(key)), reason }),
        }
    }
}

impl DynamicTypes {
    /// Returns how to read the value in this envelope.
    fn registered(&self, envelope: &Envelope<'_>) -> Result<&Registered, SkipReason> {
        let Some(registered) = self.of_tag(envelope.tag) else {
            return Err(SkipReason::UnknownTag { tag: envelope.tag.to_owned() });
        };
        if registered.codec != envelope.codec {
            let (saved, now) = (envelope.codec.to_owned(), registered.codec.to_owned());
            return Err(SkipReason::CodecChanged { saved, now });
        }
        if registered.fingerprint != envelope.fingerprint {
            return Err(SkipReason::ShapeChanged);
        }
        Ok(registered)
    }
}

/// What stands before the bytes of a dynamic value.
struct Envelope<'a> {
    name: &'a str,
    tag: &'a str,
    codec: &'a str,
    fingerprint: Fingerprint,
}

impl<'a> Envelope<'a> {
    fn new(name: &'a str, registered: &Registered) -> Self {
        let Registered { tag, codec, fingerprint, .. } = *registered;
        Self { name, tag, codec, fingerprint }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.fingerprint.to_le_bytes());
        [self.name, self.tag, self.codec].iter().for_each(|text| put_text(text, out));
    }

    fn parse(entry: &'a [u8]) -> Result<(Self, &'a [u8]), CodecError> {
        const WHAT: &str = "the envelope of a dynamic entry";
        let mut cursor = Cursor::new(entry, 0);
        let mut envelope = || {
            let fingerprint = Fingerprint::from_le_bytes(cursor.array(WHAT)?);
            let (name, tag, codec) = (cursor.text(WHAT)?, cursor.text(WHAT)?, cursor.text(WHAT)?);
            Ok(Self { name, tag, codec, fingerprint })
        };
        let envelope = envelope().map_err(|error: super::SnapshotError| CodecError(error.to_string()))?;
        Ok((envelope, cursor.rest()))
    }
}
