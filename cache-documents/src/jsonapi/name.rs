//! Names of members and types: which ones the format allows, and which ones are to be ignored.

use super::pointer::FieldError;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameKind {
    /// A member of the document.
    Member,
    /// A member that is no part of the document: `@context`, or `version:id` of an extension.
    Ignored,
}

/// Returns what a member name stands for.
pub(crate) fn kind_of(name: &str) -> Result<NameKind, FieldError> {
    if name.starts_with('@') {
        return Ok(NameKind::Ignored);
    }
    if is_allowed(name) {
        return Ok(NameKind::Member);
    }
    match name.split_once(':') {
        Some((space, rest)) if is_namespace(space) && is_allowed(rest) => Ok(NameKind::Ignored),
        _ => Err(FieldError::new("the format does not allow this member name")),
    }
}

/// Returns whether a name has only characters that are allowed where they are.
pub(crate) fn is_allowed(name: &str) -> bool {
    let kind_of = |byte: &u8| BYTES[usize::from(*byte)];
    let is_everywhere = |byte: Option<&u8>| byte.is_some_and(|byte| kind_of(byte) == NameByte::Everywhere);
    let bytes = name.as_bytes();
    is_everywhere(bytes.first())
        && is_everywhere(bytes.last())
        && bytes.iter().all(|byte| kind_of(byte) != NameByte::Nowhere)
}

/// Where a byte of a name is allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NameByte {
    Nowhere,
    Inside,
    Everywhere,
}

/// By byte. All characters that are not of ASCII are allowed everywhere.
static BYTES: [NameByte; 256] = {
    let mut bytes = [NameByte::Everywhere; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        bytes[byte as usize] = match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => NameByte::Everywhere,
            b'-' | b'_' | b' ' => NameByte::Inside,
            _ => NameByte::Nowhere,
        };
        byte += 1;
    }
    bytes
};

fn is_namespace(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
