//! JSON by `serde_json`. The only file of the snapshot that names the crate.
//!
//! It stops at 128 levels by itself, and every element takes bytes of the input, so only the stack needs a
//! bound. The feature `float_roundtrip` of `serde_json` makes it read each float as the one that was written.

use serde::Serialize;
use serde::de::DeserializeSeed;

use super::bounds::{Bounded, Guarded, Limits};
use super::{Codec, CodecError, EncodeError, Json, Margin};
use crate::snapshot::digest::Digest;

impl Codec for Json {
    const NAME: &'static str = "json";
    const SELF_DESCRIBING: bool = true;

    #[inline]
    fn encode<T: Serialize>(
        value: &T,
        out: &mut Vec<u8>,
        digest: Option<&Digest>,
    ) -> Result<(), EncodeError> {
        let limits = Limits::for_writing(digest);
        let value = Guarded::<T, true>::new(value, &limits);
        match serde_json::to_writer(out, &value) {
            Ok(()) => Ok(()),
            Err(error) => Err(limits.encode_error(|| error.to_string())),
        }
    }

    #[inline]
    fn decode_seed<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        margin: Margin,
    ) -> Result<S::Value, CodecError> {
        let limits = Limits::for_reading(bytes.len(), margin);
        let seed = Bounded::new::<true>(seed, bytes.len(), &limits);
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let read = seed.deserialize(&mut deserializer);
        end(read, &mut deserializer, &limits)
    }
}

/// Returns what was read, if it is all of the input and nothing was refused.
fn end<T>(
    read: serde_json::Result<T>,
    deserializer: &mut serde_json::Deserializer<serde_json::de::SliceRead<'_>>,
    limits: &Limits<'_>,
) -> Result<T, CodecError> {
    let value = read.map_err(|error| decode_error(&error, limits))?;
    limits.check()?;
    deserializer.end().map_err(|error| decode_error(&error, limits))?;
    Ok(value)
}

#[cold]
fn decode_error(error: &serde_json::Error, limits: &Limits<'_>) -> CodecError {
    limits.decode_error(|| error.to_string())
}
