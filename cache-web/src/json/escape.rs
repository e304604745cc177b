//! Escapes what means something in HTML, or what old versions of JavaScript take for the end of a line.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// Writes `<`, `>`, `&`, U+2028 and U+2029 as escapes. In JSON they can only be inside strings, where the escapes mean
/// the same characters.
pub(super) struct HtmlSafe;

impl Formatter for HtmlSafe {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        // Bytes are compared first, since a text has few of these: 0xE2 begins U+2028, U+2029, and other characters.
        while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'<' | b'>' | b'&' | 0xE2)) {
            let (plain, special) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = special.chars();
            let character = characters.next().unwrap_or_default();
            match character {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    write!(writer, "\\u{:04x}", u32::from(character))?
                }
                other => write!(writer, "{other}")?,
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}
