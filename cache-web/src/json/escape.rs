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
        let (plain, special) = rest.split_at(first_special(rest.as_bytes()).unwrap_or(rest.len()));
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
    while let Some(at) = memchr::memchr2(b'\\', b'\'', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// The position of the first byte that may need an escape.
fn first_special(bytes: &[u8]) -> Option<usize> {
    let (chunks, rest) = bytes.as_chunks::<CHUNK>();
    for (number, chunk) in chunks.iter().enumerate() {
        if let Some(at) = first_special_of(*chunk) {
            return Some(number * CHUNK + at);
        }
    }
    if rest.is_empty() {
        return None;
    }
    // The last bytes are looked at together too, with bytes before them that are known to need no escape.
    match bytes.last_chunk::<CHUNK>() {
        Some(last) => first_special_of(*last).map(|at| bytes.len() - CHUNK + at),
        None => first_special_of_few(bytes),
    }
}

/// As [`first_special`], for less than a chunk.
fn first_special_of_few(bytes: &[u8]) -> Option<usize> {
    let (chunk, half) = if let Some(chunk) = first_and_last::<8>(bytes) {
        (chunk, 8)
    } else if let Some(chunk) = first_and_last::<4>(bytes) {
        (chunk, 4)
    } else {
        return bytes.iter().position(|&byte| may_be_special(byte));
    };
    let at = first_special_of(chunk)?;
    Some(if at < half { at } else { bytes.len() + at - 2 * half })
}

/// A chunk with the first and the last `N` bytes, which may be some of the same, and then blanks.
fn first_and_last<const N: usize>(bytes: &[u8]) -> Option<[u8; CHUNK]> {
    let mut chunk = [b' '; CHUNK];
    chunk[..N].copy_from_slice(bytes.first_chunk::<N>()?);
    chunk[N..2 * N].copy_from_slice(bytes.last_chunk::<N>()?);
    Some(chunk)
}

/// The position of the first byte of a chunk that may need an escape.
#[inline]
fn first_special_of(chunk: [u8; CHUNK]) -> Option<usize> {
    let bits = special_bits(chunk);
    (bits != 0).then(|| bits.trailing_zeros() as usize)
}

/// A bit for each byte that may need an escape. All bytes are compared at the same time.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
pub(super) fn special_bits(chunk: [u8; CHUNK]) -> u32 {
    use safe_arch::{cmp_eq_mask_i8_m128i, m128i, min_u8_m128i, move_mask_i8_m128i, set_splat_i8_m128i};

    let bytes = m128i::from(chunk);
    let all = |byte: u8| set_splat_i8_m128i(byte.cast_signed());
    let equal = |byte| cmp_eq_mask_i8_m128i(bytes, all(byte));
    // Characters that differ from another one only in bits that are set here.
    let equal_but = |bits: u8, byte| cmp_eq_mask_i8_m128i(bytes | all(bits), all(byte));
    let control = cmp_eq_mask_i8_m128i(min_u8_m128i(bytes, all(0x1f)), bytes);
    // `"`, `#`, `&` and `'`, of which `#` needs no escape; `<` and `>`.
    let (quotes, angles) = (equal_but(0b101, b'\''), equal_but(0b10, b'>'));
    move_mask_i8_m128i(control | quotes | angles | equal(b'\\') | equal(0xE2)).cast_unsigned()
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
pub(super) use special_bits_anywhere as special_bits;

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
#[inline]
pub(super) fn special_bits_anywhere(chunk: [u8; CHUNK]) -> u32 {
    chunk.iter().rev().fold(0, |bits, &byte| bits << 1 | u32::from(may_be_special(byte)))
}

/// Whether a character that begins with this byte may need an escape. 0xE2 begins U+2028, U+2029, and others; `#` needs
/// none, but is found with the quotes by one comparison.
fn may_be_special(byte: u8) -> bool {
    (byte < 0x20) | matches!(byte, b'"' | b'#' | b'&' | b'\'' | b'<' | b'>' | b'\\' | 0xE2)
}

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
