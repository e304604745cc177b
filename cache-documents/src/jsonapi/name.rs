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
    let is_everywhere = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii();
    name.starts_with(is_everywhere)
        && name.ends_with(is_everywhere)
        && name.chars().all(|c| is_everywhere(c) || matches!(c, '-' | '_' | ' '))
}

fn is_namespace(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
