//! How the entries of one table travel between machines. Created by the derive, used by clients with a shared tier.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::{Codec, CodecError};
use super::persistence::{EntryCodec, PairCodec, Persistence};
use crate::hooks::BoxError;
use crate::query::Query;
use crate::shard::key::AnyKey;

/// Encodes the entries of a query with `share`, and its keys alone. Holds function pointers only.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct SharedCodec {
    entries: PairCodec,
    decode_key: fn(&[u8]) -> Result<Box<dyn AnyKey>, CodecError>,
}

impl SharedCodec {
    /// Creates the codec from the one for entries, which must be of the same format.
    #[must_use]
    pub fn new<Q: Query + Serialize + DeserializeOwned, C: Codec>(entries: Persistence<Q>) -> Self {
        Self {
            entries: entries.codec,
            decode_key: |bytes| match C::decode::<Q>(bytes) {
                Ok(key) => Ok(Box::new(key)),
                Err(error) => Err(error),
            },
        }
    }

    /// Returns the codec of whole entries.
    #[must_use]
    pub fn entries(self) -> EntryCodec {
        EntryCodec::of(self.entries)
    }

    /// Reads a key, which takes up all of `bytes`. The bytes may be hostile.
    ///
    /// # Errors
    /// If the bytes are not such a key.
    pub fn decode_key(&self, bytes: &[u8]) -> Result<Box<dyn AnyKey>, BoxError> {
        Ok((self.decode_key)(bytes)?)
    }

    pub(crate) fn pairs(&self) -> &PairCodec {
        &self.entries
    }
}

impl fmt::Debug for SharedCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCodec").field("codec", &self.entries.name()).finish_non_exhaustive()
    }
}
