//! The formats that keys and values are saved in, each behind a cargo feature. No other module names their
//! crates.

#[cfg(any(feature = "bincode", feature = "postcard", feature = "json"))]
mod bounds;
#[cfg(feature = "bincode")]
mod with_bincode;
#[cfg(feature = "json")]
mod with_json;
#[cfg(feature = "postcard")]
mod with_postcard;

#[cfg(test)]
mod tests;

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::digest::Digest;

/// How much less stack than usual a decoder may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Margin {
    /// None.
    None,
    /// A quarter. What decodes with this margin also decodes without it, however the optimiser compiles the
    /// two.
    Quarter,
}

/// One format. The file stores its `NAME` with each table.
#[diagnostic::on_unimplemented(
    message = "the snapshot codec `{Self}` is not compiled in",
    label = "this codec needs a cargo feature of `cache-core`",
    note = "enable the feature with the codec's name: `cache-core = {{ version = \"..\", features = [\"bincode\"] }}` (or \"postcard\", \"json\")",
    note = "or choose a codec that is compiled in: `#[query(persist, codec = \"..\")]`"
)]
pub trait Codec: 'static {
    /// Name of the format in snapshot files.
    const NAME: &'static str;
    /// Whether the format tells a reader what comes next, as JSON does.
    const SELF_DESCRIBING: bool;

    /// Appends the encoded form of `value` to `out`. Refuses values that could not be read back: values that
    /// are nested too deep, have too many elements without bytes, or would read back as a different value.
    /// Also adds the value to `digest`, if given.
    ///
    /// # Errors
    /// [`EncodeError`] says which of the two it is.
    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>, digest: Option<&Digest>)
    -> Result<(), EncodeError>;

    /// Reads one value that takes up all of `bytes`, which may be hostile: lengths are not trusted, and depth
    /// and stack are bounded. Uses less stack than usual, by `margin`.
    ///
    /// # Errors
    /// [`CodecError`] if the bytes are not such a value, or are longer than it.
    fn decode_seed<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        margin: Margin,
    ) -> Result<S::Value, CodecError>;

    /// Decodes as [`decode_seed`](Self::decode_seed) does, for a type that implements `Deserialize`.
    ///
    /// # Errors
    /// As [`decode_seed`](Self::decode_seed).
    #[inline]
    fn decode_within<T: DeserializeOwned>(bytes: &[u8], margin: Margin) -> Result<T, CodecError> {
        Self::decode_seed(PhantomData::<T>, bytes, margin)
    }

    /// Decodes as [`decode_within`](Self::decode_within) does, without a margin.
    ///
    /// # Errors
    /// As [`decode_seed`](Self::decode_seed).
    #[inline]
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        Self::decode_within(bytes, Margin::None)
    }
}

/// `bincode` 2 with fixed little-endian integers: the default, and the fastest. Needs feature `bincode`.
#[derive(Clone, Copy, Debug)]
pub struct Bincode;

/// `postcard`: smaller files, variable-length integers. Needs feature `postcard`.
#[derive(Clone, Copy, Debug)]
pub struct Postcard;

/// JSON: for types that need a self-describing format. Needs feature `json`.
#[derive(Clone, Copy, Debug)]
pub struct Json;

/// Why a value could not be encoded or decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(pub(crate) String);

/// Why a value was not encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub enum EncodeError {
    /// The format cannot represent it, or its `Serialize` failed.
    Unencodable(#[from] CodecError),
    /// It can be encoded, but would not read back, or would read back as a different value.
    Unreadable(CodecError),
}

impl From<EncodeError> for CodecError {
    fn from(error: EncodeError) -> Self {
        let (EncodeError::Unencodable(error) | EncodeError::Unreadable(error)) = error;
        error
    }
}

/// Refuses bytes after a value: like missing bytes, they show that the saved type differs from the one that
/// is read.
#[cfg(any(feature = "bincode", feature = "postcard"))]
#[inline]
fn refuse_rest(rest: usize) -> Result<(), CodecError> {
    #[cold]
    fn refuse(rest: usize) -> CodecError {
        CodecError(format!("{rest} bytes are left after the value"))
    }
    if rest == 0 { Ok(()) } else { Err(refuse(rest)) }
}
