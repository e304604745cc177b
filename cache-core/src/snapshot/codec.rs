//! The formats that keys and values are saved in, each behind a cargo feature. Nothing else names their crates.

#[cfg(any(feature = "bincode", feature = "postcard"))]
mod bounds;
#[cfg(feature = "bincode")]
mod with_bincode;
#[cfg(feature = "json")]
mod with_json;
#[cfg(feature = "postcard")]
mod with_postcard;

#[cfg(all(test, feature = "bincode", feature = "json", feature = "postcard"))]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Values nested deeper than so many containers (structs, sequences, maps, enums, options) are refused by the binary
/// codecs; `serde_json` has a bound of its own, 128.
///
/// A level costs about 2 KiB of stack in an unoptimised build (measured with a `Vec` of itself), threads have 2 MiB.
pub const MAX_DEPTH: u32 = 256;

/// One format. `NAME` is written into the file beside each table.
#[diagnostic::on_unimplemented(
    message = "the snapshot codec `{Self}` is not compiled in",
    label = "this codec needs a cargo feature of `cache-core`",
    note = "switch on the feature of the codec's name: `cache-core = {{ version = \"..\", features = [\"bincode\"] }}` (or \"postcard\", \"json\")",
    note = "or choose another codec: `#[query(persist, codec = \"json\")]`"
)]
pub trait Codec: 'static {
    /// Name of the format in snapshot files.
    const NAME: &'static str;
    /// Whether the format tells a reader what comes next, as JSON does.
    const SELF_DESCRIBING: bool;

    /// Appends the encoded form of `value` to `out`.
    ///
    /// # Errors
    /// [`CodecError`] when the value's `Serialize` fails.
    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads one value that takes up all of `bytes`, whoever wrote them: lengths are not believed, depth is
    /// bounded by [`MAX_DEPTH`].
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are no such value, or more than it.
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError>;

    /// Reads the first element of a tuple whose encoded form is `bytes`, and does not look at the rest. Bounded as
    /// [`decode`](Self::decode) is.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes do not begin with such a value.
    fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError>;
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

/// The bytes after a value are as wrong as a missing byte: something else was saved than is read.
#[cfg(any(feature = "bincode", feature = "postcard"))]
fn refuse_rest(rest: usize) -> Result<(), CodecError> {
    match rest {
        0 => Ok(()),
        rest => Err(CodecError(format!("{rest} bytes are left after the value"))),
    }
}
