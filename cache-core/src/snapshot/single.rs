//! One entry alone, as bytes: for who keeps entries elsewhere than in snapshots, in the form that snapshots have them.

use std::sync::Arc;

use super::persistence::Persistence;
use super::shape::Fingerprint;
use crate::error::BoxError;
use crate::query::Query;

impl<Q: Query> Persistence<Q> {
    /// Name of the codec that keys and values are written with.
    #[doc(hidden)]
    #[must_use]
    pub fn codec_name(&self) -> &'static str {
        self.codec
    }

    /// Of the shapes of key and value, and the version that the query was derived with.
    #[doc(hidden)]
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        (self.shape)().with_version(self.version).fingerprint
    }

    /// Appends a key.
    ///
    /// # Errors
    /// When the key cannot be written.
    #[doc(hidden)]
    pub fn encode_key(&self, key: &Q, out: &mut Vec<u8>) -> Result<(), BoxError> {
        Ok((self.single.encode_key)(key, out)?)
    }

    /// Appends a key and its value.
    ///
    /// # Errors
    /// When they cannot be written, or would not read back.
    #[doc(hidden)]
    pub fn encode_entry(&self, key: &Q, value: &Q::Value, out: &mut Vec<u8>) -> Result<(), BoxError> {
        let start = out.len();
        (self.single.encode)(key, value, out)?;
        if !(self.vouches)(&(self.shape)()) {
            (self.single.verify)(key, value, &out[start..])?;
        }
        Ok(())
    }

    /// Reads a key and its value, which take up all of `bytes`, whoever wrote them.
    ///
    /// # Errors
    /// When the bytes are no such entry.
    #[doc(hidden)]
    pub fn decode_entry(&self, bytes: &[u8]) -> Result<(Q, Arc<Q::Value>), BoxError> {
        Ok((self.single.decode)(bytes)?)
    }
}
