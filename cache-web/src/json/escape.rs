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

/// Writes a string of JSON. `<`, `>`, `&`, U+2028 and U+2029 are written as escapes, which mean the same characters: in
/// HTML they could end a script, and old versions of JavaScript take the latter for the end of a line.
pub(super) fn write_string(out: &mut Vec<u8>, text: &str, quoting: Quoting) {
    match chunk_of(text.as_bytes()) {
        Some(chunk) if special_bits_of_few(chunk, text.len()) == 0 => {
            out.push(b'"');
            // Copies of one length are faster than those of many.
            let end = out.len() + text.len();
            out.extend_from_slice(&chunk);
            out.truncate(end);
            out.push(b'"');
        }
        _ => write_any_string(out, text, quoting),
    }
}

/// Like [`write_string`]. Separate from the path of short plain texts.
#[inline(never)]
fn write_any_string(out: &mut Vec<u8>, text: &str, quoting: Quoting) {
    out.push(b'"');
    match is_plain(text.as_bytes()) {
        true => out.extend_from_slice(text.as_bytes()),
        false => write_text(out, text, quoting),
    }
    out.push(b'"');
}

/// Writes the inside of a string of JSON, or a part of it.
#[inline(never)]
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

/// Whether a text has only ASCII characters that need no escape, as most have. May be `false` if it is shorter than a
/// chunk. Takes less than to find the first special byte.
fn is_plain(text: &[u8]) -> bool {
    let (blocks, _) = text.as_chunks::<{ 2 * CHUNK }>();
    // The last bytes are looked at together with bytes before them.
    match (text.last_chunk::<{ 2 * CHUNK }>(), text.first_chunk::<CHUNK>(), text.last_chunk::<CHUNK>()) {
        (Some(last), ..) => blocks.iter().all(are_plain) && are_plain(last),
        (None, Some(first), Some(last)) => special_bits(*first) | special_bits(*last) == 0,
        _ => false,
    }
}

/// Whether all bytes are ASCII characters that need no escape. The compiler compares many at the same time.
#[inline]
fn are_plain(bytes: &[u8; 2 * CHUNK]) -> bool {
    bytes.iter().fold(true, |are_plain, &byte| are_plain & is_plain_ascii(byte))
}

/// Compares as few times as it can: bytes beyond ASCII are negative numbers, and some characters that need no escape
/// are found with others by one comparison. See [`special_bits`].
#[inline]
fn is_plain_ascii(byte: u8) -> bool {
    (byte.cast_signed() >= 0x20) & (byte | 0b101 != b'\'') & (byte | 0b0110_0010 != b'~')
}

/// The position of the first byte that may need an escape.
fn first_special(bytes: &[u8]) -> Option<usize> {
    if let Some(chunk) = chunk_of(bytes) {
        return first_bit(special_bits_of_few(chunk, bytes.len()));
    }
    let (chunks, _) = bytes.as_chunks::<CHUNK>();
    let (pairs, last) = chunks.as_chunks::<2>();
    for (number, [first, second]) in pairs.iter().enumerate() {
        let bits = special_bits(*first) | special_bits(*second) << CHUNK;
        if bits != 0 {
            return first_bit(bits).map(|at| number * 2 * CHUNK + at);
        }
    }
    if let [chunk] = last
        && let Some(at) = first_bit(special_bits(*chunk))
    {
        return Some(pairs.len() * 2 * CHUNK + at);
    }
    // The last bytes are looked at together too, with bytes before them that are known to need no escape.
    let at = first_bit(special_bits(*bytes.last_chunk()?))?;
    Some(bytes.len() - CHUNK + at)
}

/// The bytes, and zeros after them. `None` if they are more than a chunk.
#[inline]
fn chunk_of(bytes: &[u8]) -> Option<[u8; CHUNK]> {
    // Some bytes may be in both parts, at the same place.
    let joined = |first: u64, last: u64, part: usize| {
        u128::from(first) | u128::from(last) << (8 * (bytes.len() - part))
    };
    let all = match *bytes {
        _ if bytes.len() > CHUNK => return None,
        [] => 0,
        [one] => one.into(),
        [one, two] => u16::from_le_bytes([one, two]).into(),
        [one, two, three] => u32::from_le_bytes([one, two, three, 0]).into(),
        _ => match (bytes.first_chunk(), bytes.last_chunk(), bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last), ..) => joined(u64::from_le_bytes(*first), u64::from_le_bytes(*last), 8),
            (.., Some(first), Some(last)) => {
                joined(u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into(), 4)
            }
            _ => return None,
        },
    };
    Some(all.to_le_bytes())
}

/// [`special_bits`] of the first bytes of a chunk.
#[inline]
fn special_bits_of_few(chunk: [u8; CHUNK], length: usize) -> u32 {
    special_bits(chunk) & !(u32::MAX << length)
}

fn first_bit(bits: u32) -> Option<usize> {
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
    // `"`, `#`, `&` and `'`; `<`, `>`, `\`, `^`, `|` and `~`. `#`, `^`, `|` and `~` need no escape.
    let (quotes, others) = (equal_but(0b101, b'\''), equal_but(0b0110_0010, b'~'));
    move_mask_i8_m128i(control | quotes | others | equal(0xE2)).cast_unsigned()
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
pub(super) use special_bits_anywhere as special_bits;

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
#[inline]
pub(super) fn special_bits_anywhere(chunk: [u8; CHUNK]) -> u32 {
    chunk.iter().rev().fold(0, |bits, &byte| bits << 1 | u32::from(may_be_special(byte)))
}

/// Whether a character that begins with this byte may need an escape. 0xE2 begins U+2028, U+2029, and others; `#`, `^`,
/// `|` and `~` need none, but are found with others by one comparison.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
fn may_be_special(byte: u8) -> bool {
    (byte < 0x20)
        | matches!(byte, b'"' | b'&' | b'\'' | b'<' | b'>' | b'\\' | 0xE2)
        | matches!(byte, b'#' | b'^' | b'|' | b'~')
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
