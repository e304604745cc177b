//! The names of keys in a provider: readable, and different for different keys. Knows no provider.
//!
//! A name is the name of the table, a semicolon, and the key in one of two forms. The fields of a flat struct of
//! scalars, sorted by name, are `field=value`, joined by `&`. Any other key is its codec's bytes in base64 for URLs.
//!
//! In a field all bytes are percent-encoded except ASCII letters, digits, `-`, `.` and `_`. Text that could be taken
//! for a number, a boolean or an absent value has its first byte encoded too. So the two forms differ, as one has a `=`
//! that the other never has, and so do different values.

use cache_core::client_support::{AnyKey, FieldValue, Fingerprint, KeyField};
use cache_core::{BoxError, EntryCodec};

/// The maximum length of a name. A longer one is cut, and ends in the hash of the whole name.
const MAX_LEN: usize = 200;

/// Precedes the hash. Occurs only in names with a hash.
const BEFORE_HASH: char = '~';

/// An absent value.
const ABSENT: &str = "-";

/// The name of a key of a table.
///
/// # Errors
/// If the codec cannot write the key.
pub(super) fn name(table: &str, codec: EntryCodec, key: &dyn AnyKey) -> Result<String, BoxError> {
    let mut name = String::new();
    push_encoded(&mut name, table);
    name.push(';');
    match codec.key_fields(key) {
        Some(fields) => push_fields(&mut name, &fields),
        None => {
            let mut bytes = Vec::new();
            codec.encode_key(key, &mut bytes)?;
            push_base64(&mut name, &bytes);
        }
    }
    Ok(shortened(name))
}

fn push_fields(name: &mut String, fields: &[KeyField]) {
    for (at, KeyField { name: field, value }) in fields.iter().enumerate() {
        if at > 0 {
            name.push('&');
        }
        push_encoded(name, field);
        name.push('=');
        match value {
            FieldValue::Absent => name.push_str(ABSENT),
            FieldValue::Plain(text) => name.push_str(text),
            FieldValue::Text(text) => push_text(name, text),
        }
    }
}

/// Appends text, encoded so that it cannot be taken for another type.
fn push_text(name: &mut String, text: &str) {
    match text.as_bytes().split_first() {
        Some((first, _)) if looks_plain(text) => {
            push_percent(name, *first);
            push_encoded(name, &text[1..]);
        }
        _ => push_encoded(name, text),
    }
}

/// Whether text could be taken for a number, a boolean or an absent value. If so, its first character is ASCII.
fn looks_plain(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
        || ["true", "false"].contains(&text)
}

fn push_encoded(name: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => name.push(byte.into()),
            _ => push_percent(name, byte),
        }
    }
}

fn push_percent(name: &mut String, byte: u8) {
    let digits = b"0123456789ABCDEF";
    name.push('%');
    name.extend([byte >> 4, byte & 15].map(|digit| char::from(digits[usize::from(digit)])));
}

/// Appends bytes in base64 for URLs without padding (RFC 4648, section 5).
fn push_base64(name: &mut String, bytes: &[u8]) {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for group in bytes.chunks(3) {
        let byte = |at| group.get(at).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=group.len() {
            let digit = bits >> (18 - 6 * at) & 63;
            name.push(char::from(digits[digit as usize]));
        }
    }
}

/// Replaces the end of a name that is too long with the hash of the whole name.
fn shortened(mut name: String) -> String {
    if name.len() <= MAX_LEN {
        return name;
    }
    let hash = format!("{BEFORE_HASH}{}", Fingerprint::of_bytes(name.as_bytes()));
    name.truncate(MAX_LEN - hash.len());
    // Do not cut inside a percent-encoded byte.
    if let Some(at) = name.rfind('%').filter(|at| at + 3 > name.len()) {
        name.truncate(at);
    }
    name + &hash
}
