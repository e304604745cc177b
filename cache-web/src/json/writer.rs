//! Writes the parts of JSON that are no lists, maps or structs.

use std::fmt::{self, Display, Write};
use std::io;

use serde::ser::Error;
use serde_json::ser::CompactFormatter;

use super::error::JsonError;
use super::escape::{Quoting, write_json_in_script, write_text};

/// Writes JSON at the end of a buffer.
pub(crate) struct JsonWriter<'a> {
    out: &'a mut Vec<u8>,
    quoting: Quoting,
}

impl<'a> JsonWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, quoting: Quoting) -> Self {
        Self { out, quoting }
    }

    /// Writes a part of JSON that has no backslashes and single quotes.
    #[inline]
    pub(crate) fn raw(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    /// Writes JSON of a writer whose quoting is plain.
    pub(crate) fn json(&mut self, json: &[u8]) {
        match self.quoting {
            Quoting::Plain => self.out.extend_from_slice(json),
            Quoting::InScript => write_json_in_script(self.out, json),
        }
    }

    pub(crate) fn integer(&mut self, number: u64) {
        self.raw(itoa::Buffer::new().format(number));
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.raw("\"");
        self.text(text);
        self.raw("\"");
    }

    /// The inside of a string.
    pub(super) fn text(&mut self, text: &str) {
        write_text(self.out, text, self.quoting);
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
        write(&mut CompactFormatter, self.out).map_err(JsonError::custom)
    }
}

/// Writes pieces of one string.
struct Fragments<'w, 'a>(&'w mut JsonWriter<'a>);

impl Write for Fragments<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.text(text);
        Ok(())
    }
}
