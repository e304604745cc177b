//! `postcard` 1. The only file that names the crate.

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::bounds::{BoundedSeed, Guarded, Limits};
use super::{Codec, CodecError, EncodeError, Margin, Postcard, refuse_rest};

impl Codec for Postcard {
    const NAME: &'static str = "postcard";
    const SELF_DESCRIBING: bool = false;

    #[inline]
    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (limits, start) = (Limits::for_writing(), out.len());
        let value = Guarded::<T, false>::new(value, &limits);
        postcard::to_extend(&value, Sink(out)).map_err(|error| limits.encode_error(|| error.to_string()))?;
        limits.check_elements(out.len() - start)
    }

    #[inline]
    fn decode_within<T: DeserializeOwned>(bytes: &[u8], margin: Margin) -> Result<T, CodecError> {
        let (value, rest) = decode_prefix(bytes, margin)?;
        refuse_rest(rest.len())?;
        Ok(value)
    }

    fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        decode_prefix(bytes, Margin::None).map(|(value, _)| value)
    }
}

/// The value that `bytes` begin with, and the bytes after it.
#[inline]
fn decode_prefix<T: DeserializeOwned>(bytes: &[u8], margin: Margin) -> Result<(T, &[u8]), CodecError> {
    let limits = Limits::for_reading(bytes.len(), margin);
    let error = |error: postcard::Error| limits.decode_error(|| error.to_string());
    let mut deserializer = postcard::Deserializer::from_bytes(bytes);
    let seed = BoundedSeed::<T>::new::<false>(bytes.len(), &limits);
    let value = seed.deserialize(&mut deserializer).map_err(error)?;
    Ok((value, deserializer.finalize().map_err(error)?))
}

/// `postcard` takes its sink by value and asks for `Extend`.
struct Sink<'a>(&'a mut Vec<u8>);

impl Extend<u8> for Sink<'_> {
    #[inline]
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        self.0.extend(bytes);
    }
}
