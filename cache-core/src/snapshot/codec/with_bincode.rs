//! `bincode` 2.0.1, serde mode. The only file that names the crate.

use bincode::config::{Configuration, Fixint, LittleEndian, NoLimit};
use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError as WriteError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bounds::{BoundedSeed, Guarded, Limits};
use super::{Bincode, Codec, CodecError, EncodeError, Margin, refuse_rest};

/// No limit of bincode's own: it is a compile-time number, so either too small for honest entries or too large
/// to protect from a forged length. `BoundedSeed` measures against the input instead.
const CONFIG: Configuration<LittleEndian, Fixint, NoLimit> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding();

impl Codec for Bincode {
    const NAME: &'static str = "bincode";
    const SELF_DESCRIBING: bool = false;

    #[inline]
    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (limits, start) = (Limits::for_writing(), out.len());
        let value = Guarded::<T, false>::new(value, &limits);
        bincode::serde::encode_into_writer(value, Sink(out), CONFIG)
            .map_err(|error| limits.encode_error(|| encode_error(error)))?;
        limits.check_elements(out.len() - start)
    }

    #[inline]
    fn decode_within<T: DeserializeOwned>(bytes: &[u8], margin: Margin) -> Result<T, CodecError> {
        let (value, read) = decode_prefix(bytes, margin)?;
        refuse_rest(bytes.len() - read)?;
        Ok(value)
    }

    fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        decode_prefix(bytes, Margin::None).map(|(value, _)| value)
    }
}

/// The value that `bytes` begin with, and how many of them it takes.
#[inline]
fn decode_prefix<T: DeserializeOwned>(bytes: &[u8], margin: Margin) -> Result<(T, usize), CodecError> {
    let limits = Limits::for_reading(bytes.len(), margin);
    let seed = BoundedSeed::<T>::new::<false>(bytes.len(), &limits);
    bincode::serde::seed_decode_from_slice(seed, bytes, CONFIG)
        .map_err(|error| limits.decode_error(|| decode_error(error)))
}

struct Sink<'a>(&'a mut Vec<u8>);

impl Writer for Sink<'_> {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

#[cold]
fn encode_error(error: WriteError) -> String {
    match error {
        WriteError::OtherString(text) => text,
        other => other.to_string(),
    }
}

#[cold]
fn decode_error(error: DecodeError) -> String {
    match error {
        DecodeError::OtherString(text) => text,
        DecodeError::UnexpectedEnd { .. } => "the bytes end before the value does".to_owned(),
        DecodeError::Serde(inner) => format!("bincode is not self-describing: {inner:?}"),
        other => other.to_string(),
    }
}
