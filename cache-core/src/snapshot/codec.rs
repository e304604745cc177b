//! The formats that keys and values are saved in, each behind a cargo feature. Nothing else names their crates.

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

/// How much less stack than usual a decoder may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Margin {
    /// None.
    None,
    /// A quarter. What decodes so decodes without it too, whatever the optimiser makes of either.
    Quarter,
}

/// One format. `NAME` is written into the file beside each table.
#[diagnostic::on_unimplemented(
    message = "the snapshot codec `{Self}` is not compiled in",
    label = "this codec needs a cargo feature of `cache-core`",
    note = "switch on the feature of the codec's name: `cache-core = {{ version = \"..\", features = [\"bincode\"] }}` (or \"postcard\", \"json\")",
    note = "or choose a codec that is compiled in: `#[query(persist, codec = \"..\")]`"
)]
pub trait Codec: 'static {
    /// Name of the format in snapshot files.
    const NAME: &'static str;
    /// Whether the format tells a reader what comes next, as JSON does.
    const SELF_DESCRIBING: bool;

    /// Appends the encoded form of `value` to `out`. What could not be read back is not written: values that are
    /// nested too deep, have too many elements without bytes, or would read back as another value.
    ///
    /// # Errors
    /// [`EncodeError`] says which of the two it is.
    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Reads one value that takes up all of `bytes`, whoever wrote them: lengths are not believed, and depth and
    /// stack are bounded. Uses less stack than usual, by `margin`.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are no such value, or more than it.
    fn decode_seed<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        margin: Margin,
    ) -> Result<S::Value, CodecError>;

    /// [`decode_seed`](Self::decode_seed) of a type that says itself how it is read.
    ///
    /// # Errors
    /// As [`decode_seed`](Self::decode_seed).
    #[inline]
    fn decode_within<T: DeserializeOwned>(bytes: &[u8], margin: Margin) -> Result<T, CodecError> {
        Self::decode_seed(PhantomData::<T>, bytes, margin)
    }

    /// [`decode_within`](Self::decode_within) without a margin.
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
    /// The format has no form for it, or its `Serialize` failed.
    Unencodable(#[from] CodecError),
    /// It has a form, which would not read back, or as another value.
    Unreadable(CodecError),
}

impl From<EncodeError> for CodecError {
    fn from(error: EncodeError) -> Self {
        let (EncodeError::Unencodable(error) | EncodeError::Unreadable(error)) = error;
        error
    }
}

/// The bytes after a value are as wrong as a missing byte: something else was saved than is read.
#[cfg(any(feature = "bincode", feature = "postcard"))]
#[inline]
fn refuse_rest(rest: usize) -> Result<(), CodecError> {
    #[cold]
    fn refuse(rest: usize) -> CodecError {
        CodecError(format!("{rest} bytes are left after the value"))
    }
    if rest == 0 { Ok(()) } else { Err(refuse(rest)) }
}
