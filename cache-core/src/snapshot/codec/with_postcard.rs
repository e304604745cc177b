//! `postcard` 1. The only file that names the crate.

use serde::Serialize;
use serde::de::DeserializeSeed;

use super::bounds::{Bounded, Guarded, Limits};
use super::{Codec, CodecError, EncodeError, Margin, Postcard, refuse_rest};
use crate::snapshot::digest::Digest;

impl Codec for Postcard {
    const NAME: &'static str = "postcard";
    const SELF_DESCRIBING: bool = false;

    #[inline]
    fn encode<T: Serialize>(
        value: &T,
        out: &mut Vec<u8>,
        digest: Option<&Digest>,
    ) -> Result<(), EncodeError> {
        let (limits, start) = (Limits::for_writing(digest), out.len());
        let value = Guarded::<T, false>::new(value, &limits);
        match postcard::to_extend(&value, PostcardSink(out)) {
            Ok(PostcardSink(out)) => limits.check_elements(out.len() - start),
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
        let seed = Bounded::new::<false>(seed, bytes.len(), &limits);
        let mut deserializer = postcard::Deserializer::from_bytes(bytes);
        let read = seed.deserialize(&mut deserializer);
        end(read, deserializer, &limits)
    }
}

/// Returns what was read, if it is all of the input and nothing was refused.
fn end<'de, T>(
    read: postcard::Result<T>,
    deserializer: postcard::Deserializer<'de, postcard::de_flavors::Slice<'de>>,
    limits: &Limits<'_>,
) -> Result<T, CodecError> {
    let value = read.map_err(|error| decode_error(&error, limits))?;
    limits.check()?;
    refuse_rest(deserializer.finalize().map_err(|error| decode_error(&error, limits))?.len())?;
    Ok(value)
}

#[cold]
fn decode_error(error: &postcard::Error, limits: &Limits<'_>) -> CodecError {
    limits.decode_error(|| error.to_string())
}

/// `postcard` takes its sink by value and requires `Extend`.
struct PostcardSink<'a>(&'a mut Vec<u8>);

impl Extend<u8> for PostcardSink<'_> {
    #[inline]
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        self.0.extend(bytes);
    }
}
