//! JSON by `serde_json`. The only file of the snapshot that names the crate.
//!
//! It stops at 128 levels by itself, and every element takes bytes of the input, so that stack alone is to be bounded.
//! The feature `float_roundtrip` of `serde_json` makes it read each float as the one that was written.

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::bounds::{BoundedSeed, Guarded, Limits};
use super::{Codec, CodecError, EncodeError, Json, Margin};

impl Codec for Json {
    const NAME: &'static str = "json";
    const SELF_DESCRIBING: bool = true;

    #[inline]
    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let limits = Limits::for_writing();
        let value = Guarded::<T, true>::new(value, &limits);
        serde_json::to_writer(out, &value).map_err(|error| limits.encode_error(|| error.to_string()))
    }

    #[inline]
    fn decode_within<T: DeserializeOwned>(bytes: &[u8], margin: Margin) -> Result<T, CodecError> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let value = read(&mut deserializer, bytes.len(), margin)?;
        deserializer.end().map_err(|error| CodecError(error.to_string()))?;
        Ok(value)
    }

    fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let elements = bytes.strip_prefix(b"[").unwrap_or_default();
        read(&mut serde_json::Deserializer::from_slice(elements), elements.len(), Margin::None)
    }
}

/// The value that the input begins with.
#[inline]
fn read<'de, T: DeserializeOwned>(
    deserializer: &mut serde_json::Deserializer<serde_json::de::SliceRead<'de>>,
    input: usize,
    margin: Margin,
) -> Result<T, CodecError> {
    let limits = Limits::for_reading(input, margin);
    let seed = BoundedSeed::<T>::new::<true>(input, &limits);
    seed.deserialize(deserializer).map_err(|error| limits.decode_error(|| error.to_string()))
}
