//! `bincode` 2.0.1, serde mode. The only file that names the crate.

use bincode::config::{Configuration, Fixint, LittleEndian, NoLimit};
use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError as WriteError};
use bincode::serde::BorrowedSerdeDecoder;
use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize};

use super::bounds::{Bounded, Guarded, Limits};
use super::{Bincode, Codec, CodecError, EncodeError, Margin, refuse_rest};
use crate::snapshot::digest::Digest;

/// Sets no limit in bincode: it is a compile-time number, so either too small for honest entries or too large
/// to protect from a forged length. `Bounded` measures against the input instead.
const CONFIG: Fixed = bincode::config::standard().with_little_endian().with_fixed_int_encoding();

type Fixed = Configuration<LittleEndian, Fixint, NoLimit>;

impl Codec for Bincode {
    const NAME: &'static str = "bincode";
    const SELF_DESCRIBING: bool = false;

    #[inline]
    fn encode<T: Serialize>(
        value: &T,
        out: &mut Vec<u8>,
        digest: Option<&Digest>,
    ) -> Result<(), EncodeError> {
        let (limits, start) = (Limits::for_writing(digest), out.len());
        let value = Guarded::<T, false>::new(value, &limits);
        match bincode::serde::encode_into_writer(value, BincodeSink(out), CONFIG) {
            Ok(()) => limits.check_elements(out.len() - start),
            Err(error) => Err(encode_error(error, &limits)),
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
        let mut decoder = Decoder::from_slice(bytes, CONFIG, ());
        let read = seed.deserialize(decoder.as_deserializer());
        end(read, &mut decoder, &limits)
    }
}

/// Returns what was read, if it is all of the input and nothing was refused.
fn end<T>(
    read: Result<T, DecodeError>,
    decoder: &mut Decoder<'_>,
    limits: &Limits<'_>,
) -> Result<T, CodecError> {
    let value = read.map_err(|error| decode_error(error, limits))?;
    limits.check()?;
    refuse_rest(rest(decoder))?;
    Ok(value)
}

type Decoder<'de> =
    BorrowedSerdeDecoder<'de, bincode::de::DecoderImpl<bincode::de::read::SliceReader<'de>, Fixed, ()>>;

/// Returns how many bytes are left. The decoder does not say, so this reads them.
fn rest(decoder: &mut Decoder<'_>) -> usize {
    let mut rest = 0;
    while u8::deserialize(decoder.as_deserializer()).is_ok() {
        rest += 1;
    }
    rest
}

struct BincodeSink<'a>(&'a mut Vec<u8>);

impl Writer for BincodeSink<'_> {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

#[cold]
fn encode_error(error: WriteError, limits: &Limits<'_>) -> EncodeError {
    limits.encode_error(|| match error {
        WriteError::OtherString(text) => text,
        other => other.to_string(),
    })
}

#[cold]
fn decode_error(error: DecodeError, limits: &Limits<'_>) -> CodecError {
    limits.decode_error(|| match error {
        DecodeError::OtherString(text) => text,
        DecodeError::UnexpectedEnd { .. } => "the bytes end before the value does".to_owned(),
        DecodeError::Serde(inner) => format!("bincode is not self-describing: {inner:?}"),
        other => other.to_string(),
    })
}
