//! `postcard` 1. The only file that names the crate.

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::bounds::BoundedSeed;
use super::{Codec, CodecError, Postcard, refuse_rest};

impl Codec for Postcard {
    const NAME: &'static str = "postcard";
    const SELF_DESCRIBING: bool = false;

    #[inline]
    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        postcard::to_extend(value, Sink(out)).map(|_| ()).map_err(codec_error)
    }

    #[inline]
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let (value, rest) = decode_prefix(bytes)?;
        refuse_rest(rest.len())?;
        Ok(value)
    }

    fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        decode_prefix(bytes).map(|(value, _)| value)
    }
}

/// The value that `bytes` begin with, and the bytes after it.
#[inline]
fn decode_prefix<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), CodecError> {
    let mut deserializer = postcard::Deserializer::from_bytes(bytes);
    let value = BoundedSeed::<T>::new(bytes.len()).deserialize(&mut deserializer).map_err(codec_error)?;
    let rest = deserializer.finalize().map_err(codec_error)?;
    Ok((value, rest))
}

/// `postcard` takes its sink by value and asks for `Extend`.
struct Sink<'a>(&'a mut Vec<u8>);

impl Extend<u8> for Sink<'_> {
    #[inline]
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        self.0.extend(bytes);
    }
}

#[cold]
fn codec_error(error: postcard::Error) -> CodecError {
    CodecError(error.to_string())
}
