//! Writes the parts of JSON that are no lists, maps or structs.

use std::fmt::{self, Display, Write};
use std::io;

use serde::ser::Error;
use serde_json::ser::CompactFormatter;

use super::error::JsonError;
use super::escape::{Quoting, write_json_in_script, write_string, write_text};

/// Writes JSON at the end of a buffer.
pub(crate) struct JsonWriter {
    out: Vec<u8>,
    quoting: Quoting,
}

impl JsonWriter {
    pub(crate) fn after(out: Vec<u8>, quoting: Quoting) -> Self {
        Self { out, quoting }
    }

    pub(crate) fn quoting(&self) -> Quoting {
        self.quoting
    }

    /// What was written, after what was there before.
    pub(crate) fn written(&self) -> &[u8] {
        &self.out
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Takes back what was written after this length.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.out.truncate(length);
    }

    /// Writes a part of JSON that has no backslashes and single quotes.
    #[inline]
    pub(crate) fn raw(&mut self, json: impl AsRef<[u8]>) {
        self.out.extend_from_slice(json.as_ref());
    }

    /// Whether JSON of a writer whose quoting is plain means the same here.
    pub(crate) fn is_same_here(&self, json: &[u8]) -> bool {
        self.quoting == Quoting::Plain || memchr::memchr2(b'\\', b'\'', json).is_none()
    }

    /// Writes JSON of a writer whose quoting is plain.
    pub(crate) fn json(&mut self, json: &[u8]) {
        match self.quoting {
            Quoting::Plain => self.out.extend_from_slice(json),
            Quoting::InScript => write_json_in_script(&mut self.out, json),
        }
    }

    #[inline]
    pub(crate) fn integer(&mut self, number: u64) {
        if number >= 100 {
            return self.raw(itoa::Buffer::new().format(number));
        }
        // Small numbers are common. Both digits are copied, which is faster than one or two.
        let digits = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        let zeros = usize::from(number < 10);
        let end = self.out.len() + digits.len() - zeros;
        self.raw((u16::from_le_bytes(digits) >> (8 * zeros)).to_le_bytes());
        self.truncate(end);
    }

    pub(crate) fn string(&mut self, text: &str) {
        write_string(&mut self.out, text, self.quoting);
    }

    /// The inside of a string.
    pub(super) fn text(&mut self, text: &str) {
        write_text(&mut self.out, text, self.quoting);
    }

    /// A string of what a value displays.
    pub(super) fn displayed<T: Display + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.raw("\"");
        write!(Fragments(self), "{value}").map_err(JsonError::custom)?;
        self.raw("\"");
        Ok(())
    }

    pub(super) fn float(
        &mut self,
        is_finite: bool,
        write: impl FnOnce(&mut CompactFormatter, &mut Vec<u8>) -> io::Result<()>,
    ) -> Result<(), JsonError> {
        if !is_finite {
            return Err(JsonError::new("is infinite or not a number, for which JSON has no form"));
        }
        write(&mut CompactFormatter, &mut self.out).map_err(JsonError::custom)
    }
}

/// Writes pieces of one string.
struct Fragments<'w>(&'w mut JsonWriter);

impl Write for Fragments<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.text(text);
        Ok(())
    }
}
