//! Escapes what means something in JSON, in HTML, or in the string of JavaScript that it is written into.

/// Where JSON is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// By itself.
    Plain,
    /// In a string of JavaScript in single quotes, with one more escape for each backslash and single quote.
    InScript,
}

/// How many bytes are looked at together.
const CHUNK: usize = 16;

/// Writes the inside of a string of JSON. `<`, `>`, `&`, U+2028 and U+2029 are written as escapes, which mean the same
/// characters: in HTML they could end a script, and old versions of JavaScript take the latter for the end of a line.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str, quoting: Quoting) {
    let mut rest = text;
    loop {
        // Only whole characters are in front of it: a special byte is never inside of one.
        let (plain, special) = rest.split_at(plain_length(rest.as_bytes()));
        out.extend_from_slice(plain.as_bytes());
        let mut characters = special.chars();
        let Some(character) = characters.next() else { return };
        write_special(out, character, quoting);
        rest = characters.as_str();
    }
}

/// Writes JSON, which is escaped already, into a string of JavaScript in single quotes.
pub(super) fn write_json_in_script(out: &mut Vec<u8>, json: &[u8]) {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\'')) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// How many bytes at the beginning need no escape.
fn plain_length(bytes: &[u8]) -> usize {
    let (chunks, _) = bytes.as_chunks::<CHUNK>();
    let plain = chunks.iter().take_while(|chunk| is_plain(chunk)).count() * CHUNK;
    let rest = &bytes[plain..];
    plain + rest.iter().position(|&byte| SPECIAL[usize::from(byte)]).unwrap_or(rest.len())
}

/// Without a branch for each byte, so that all bytes of a chunk are compared at the same time.
fn is_plain(chunk: &[u8; CHUNK]) -> bool {
    u128::from_ne_bytes(chunk.map(|byte| u8::from(may_be_special(byte)))) == 0
}

/// Whether a character that begins with this byte may need an escape. 0xE2 begins U+2028, U+2029, and others.
const fn may_be_special(byte: u8) -> bool {
    (byte < 0x20)
        | (byte == b'"')
        | (byte == b'\\')
        | (byte == b'\'')
        | (byte == b'<')
        | (byte == b'>')
        | (byte == b'&')
        | (byte == 0xE2)
}

/// [`may_be_special`] for each byte, for the bytes that fill no chunk.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        special[byte] = may_be_special(byte as u8);
        byte += 1;
    }
    special
};

fn write_special(out: &mut Vec<u8>, character: char, quoting: Quoting) {
    let backslash: &[u8] = match quoting {
        Quoting::Plain => br"\",
        Quoting::InScript => br"\\",
    };
    let mut escape = |rest: &[u8]| {
        out.extend_from_slice(backslash);
        out.extend_from_slice(rest);
    };
    match character {
        '"' => escape(b"\""),
        '\\' => escape(backslash),
        '\n' => escape(b"n"),
        '\r' => escape(b"r"),
        '\t' => escape(b"t"),
        '\u{8}' => escape(b"b"),
        '\u{c}' => escape(b"f"),
        '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
            escape(format!("u{:04x}", u32::from(character)).as_bytes());
        }
        '\'' if quoting == Quoting::InScript => out.extend_from_slice(br"\'"),
        other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}
