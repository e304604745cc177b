//! JSON by `serde_json`. The only file of the snapshot that names the crate.
//!
//! Needs no bounds of ours: it stops at 128 levels by itself, and every element takes bytes of the input. The feature
//! `float_roundtrip` of `serde_json` makes it read each float as the one that was written.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, CodecError, Json};

impl Codec for Json {
    const NAME: &'static str = "json";
    const SELF_DESCRIBING: bool = true;

    #[inline]
    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        serde_json::to_writer(out, value).map_err(codec_error)
    }

    #[inline]
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        serde_json::from_slice(bytes).map_err(codec_error)
    }

    fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let elements = bytes.strip_prefix(b"[").unwrap_or_default();
        T::deserialize(&mut serde_json::Deserializer::from_slice(elements)).map_err(codec_error)
    }
}

#[cold]
fn codec_error(error: serde_json::Error) -> CodecError {
    CodecError(error.to_string())
}
