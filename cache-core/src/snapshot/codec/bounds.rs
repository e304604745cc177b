//! Bounds on what is written and read: depth, stack, and elements that take no bytes.
//!
//! Both directions count in the same way, so a value that was written can be read back. Knows nothing of
//! formats, except that JSON has its own bounds, and forms that stand for two values.

mod reading;
mod writing;

use std::cell::Cell;

pub(super) use reading::Bounded;
pub(super) use writing::Guarded;

use super::{CodecError, EncodeError, Margin};
use crate::snapshot::digest::Digest;

/// Maximum nesting of a value in a binary format: structs, sequences, maps, enums, options.
pub(super) const MAX_DEPTH: u32 = 256;

/// Maximum nesting of a value in JSON. `serde_json` reads no more.
pub(super) const MAX_JSON_DEPTH: u32 = 127;

/// By how much the elements of a value that take no bytes (`()`, empty structs) may outnumber its bytes.
///
/// An attacker gets this many steps for the few bytes of an entry.
pub(super) const FREE_ELEMENTS: usize = 8192;

/// Maximum stack between the codec and the level that it enters: half of the default of a thread, which
/// leaves the rest to the caller and to that level. The stack of a level depends on the size of the type and
/// on the optimiser, so it is measured, not guessed.
///
/// WebAssembly usually has a stack of 1 MiB, as does the main thread on Windows.
const MAX_STACK: usize = if cfg!(any(target_family = "wasm", windows)) { 256 * 1024 } else { 1024 * 1024 };

/// The limit of the stack. It grows towards lower addresses on every platform where Rust has threads.
#[derive(Clone, Copy, Debug)]
struct StackEnd(usize);

impl StackEnd {
    /// An address this far below the limit is not stack use: the program has switched to another stack, as
    /// sanitizers do.
    const ANOTHER: usize = 64 * 1024 * 1024;

    #[inline]
    fn after(bytes: usize) -> Self {
        Self(Self::here().saturating_sub(bytes))
    }

    /// Returns an address in the current frame, or just below it.
    #[inline(always)]
    fn here() -> usize {
        let mark = 0u8;
        std::ptr::from_ref(&mark).addr()
    }

    #[inline(always)]
    fn is_passed(self) -> bool {
        let here = Self::here();
        here < self.0 && self.0 - here < Self::ANOTHER
    }
}

/// Why a bound, or a form with two meanings, stopped the codec.
///
/// Kept beside the error of the format, since some formats drop the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("it is nested deeper than {MAX_DEPTH} levels")]
    Depth,
    #[error("it is nested deeper than {MAX_JSON_DEPTH} levels of JSON")]
    JsonDepth,
    #[error("it is nested so deep that its levels take more than {} KiB of stack", MAX_STACK / 1024)]
    Stack,
    #[error("it has more than {FREE_ELEMENTS} elements that take no bytes")]
    FreeElements,
    #[error("it contains a number that is infinite or NaN, which JSON cannot represent")]
    NotFinite,
    #[error("it contains a `Some` whose content is `null` in JSON, and which would read back as `None`")]
    NullInside,
}

impl From<Refusal> for CodecError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

/// The bounds of one value, shared by all its parts.
pub(super) struct Limits<'a> {
    stack: StackEnd,
    /// Elements of sequences and maps that the value may still have.
    elements: Cell<usize>,
    refusal: Cell<Option<Refusal>>,
    /// What is written is added to it.
    digest: Option<&'a Digest>,
}

impl<'a> Limits<'a> {
    /// Creates the limits for writing a value.
    #[inline]
    pub(super) fn for_writing(digest: Option<&'a Digest>) -> Self {
        Self { digest, ..Self::new(usize::MAX, MAX_STACK) }
    }

    /// Creates the limits for reading a value from `input` bytes.
    #[inline]
    pub(super) fn for_reading(input: usize, margin: Margin) -> Self {
        let stack = match margin {
            Margin::None => MAX_STACK,
            Margin::Quarter => MAX_STACK / 4 * 3,
        };
        Self::new(input.saturating_add(FREE_ELEMENTS), stack)
    }

    #[inline]
    fn new(elements: usize, stack: usize) -> Self {
        Self {
            stack: StackEnd::after(stack),
            elements: Cell::new(elements),
            refusal: Cell::new(None),
            digest: None,
        }
    }

    /// Takes `count` of the remaining elements; `false` if there are fewer.
    #[inline]
    fn take_elements(&self, count: usize) -> bool {
        let left = self.elements.get().checked_sub(count);
        self.elements.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Checks that a value that was written as `bytes` bytes has no more elements than a reader accepts.
    #[cfg(any(feature = "bincode", feature = "postcard"))]
    pub(super) fn check_elements(&self, bytes: usize) -> Result<(), EncodeError> {
        if usize::MAX - self.elements.get() <= bytes.saturating_add(FREE_ELEMENTS) {
            return Ok(());
        }
        Err(EncodeError::Unreadable(Refusal::FreeElements.into()))
    }

    /// Returns the error of writing a value: the bound that it exceeded, else the error of the format.
    #[cold]
    pub(super) fn encode_error(&self, format: impl FnOnce() -> String) -> EncodeError {
        match self.refusal.get() {
            Some(refusal) => EncodeError::Unreadable(refusal.into()),
            None => EncodeError::Unencodable(CodecError(format())),
        }
    }

    /// Returns the error of reading a value: the bound that it exceeded, else the error of the format.
    #[cold]
    pub(super) fn decode_error(&self, format: impl FnOnce() -> String) -> CodecError {
        self.refusal.get().map_or_else(|| CodecError(format()), CodecError::from)
    }

    /// Checks that the bounds refused nothing to a value that was read. A refused part must not end up as a
    /// default.
    #[inline]
    pub(super) fn check(&self) -> Result<(), CodecError> {
        match self.refusal.get() {
            None => Ok(()),
            Some(refusal) => Err(refusal.into()),
        }
    }

    #[cold]
    fn refuse(&self, refusal: Refusal) -> Option<Refusal> {
        self.refusal.set(Some(refusal));
        Some(refusal)
    }
}
