//! The formats that keys and values are saved in, each behind a cargo feature.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// One format. `NAME` is written into the file beside each table.
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
    /// Reads one value that takes up all of `bytes`.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are no such value.
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError>;
}

/// Why a value could not be encoded or decoded.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(pub(crate) String);

/// Stub.
#[derive(Clone, Copy, Debug)]
pub struct Bincode;
/// Stub.
#[derive(Clone, Copy, Debug)]
pub struct Postcard;
/// Stub.
#[derive(Clone, Copy, Debug)]
pub struct Json;
macro_rules! stub {
    ($($codec:ident)*) => {$(
        impl Codec for $codec {
            const NAME: &'static str = stringify!($codec);
            const SELF_DESCRIBING: bool = false;
            fn encode<T: Serialize>(_: &T, _: &mut Vec<u8>) -> Result<(), CodecError> { Err(CodecError(String::new())) }
            fn decode<T: DeserializeOwned>(_: &[u8]) -> Result<T, CodecError> { Err(CodecError(String::new())) }
        }
    )*};
}
stub!(Bincode Postcard Json);
