//! Reading values, with JSON pointers (RFC 6901) to what does not fit. How lists and objects are visited: `visit`.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

/// Why a response could not be read. Nothing of it is applied.
///
/// # Examples
/// ```
/// use cache_documents::ReadError;
///
/// fn report(error: &ReadError) {
///     // such as: /data/attributes/title: invalid type: integer `7`, expected a string
///     eprintln!("{}: {}", error.pointer(), error.problem());
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document cannot be read: at `{pointer}`: {problem}")]
pub struct ReadError {
    pointer: String,
    problem: String,
}

impl ReadError {
    /// Returns where the problem is, as a JSON pointer. Empty for the document as a whole.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Returns what the problem is.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// Why a part of a document could not be read.
#[derive(Debug)]
pub struct FieldError(ReadError);

impl FieldError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(ReadError { pointer: String::new(), problem: problem.into() })
    }

    /// Returns the same error, seen from the object that has the part as a member.
    pub(crate) fn within(mut self, member: &str) -> Self {
        let mut pointer = String::with_capacity(self.0.pointer.len() + member.len() + 1);
        push_member(&mut pointer, member);
        pointer.push_str(&self.0.pointer);
        self.0.pointer = pointer;
        self
    }

    /// Returns the same error, seen from the list that has the part as an element.
    pub(crate) fn at(self, index: usize) -> Self {
        self.within(&index.to_string())
    }
}

impl From<FieldError> for ReadError {
    fn from(FieldError(error): FieldError) -> Self {
        error
    }
}

fn push_member(pointer: &mut String, member: &str) {
    pointer.push('/');
    for c in member.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

fn pointer_of(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => _ = write!(pointer, "/{index}"),
            Segment::Map { key } => push_member(&mut pointer, key),
            // Of an enum, whose variant is the only member; or unknown, which leaves the pointer at its parent.
            Segment::Enum { variant } => push_member(&mut pointer, variant),
            Segment::Unknown => {}
        }
    }
    pointer
}

/// The message of an error, without its position in the part that was read.
fn problem_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..end].to_owned()
}

/// Reads a value.
pub(crate) fn read_value<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Result<T, FieldError> {
    match serde_json::from_str(json.get()) {
        Ok(value) => Ok(value),
        Err(error) => Err(located::<T>(json, &error)),
    }
}

/// Reads a value that does not fit once more, to learn where the problem is.
#[cold]
fn located<'a, T: Deserialize<'a>>(json: &'a RawValue, error: &serde_json::Error) -> FieldError {
    let mut deserializer = serde_json::Deserializer::from_str(json.get());
    let located = serde_path_to_error::deserialize::<_, T>(&mut deserializer).err();
    FieldError(ReadError {
        pointer: located.map(|located| pointer_of(located.path())).unwrap_or_default(),
        problem: problem_of(error),
    })
}

/// Reads an object. A derived `Deserialize` alone would take a list of the members too.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Result<T, FieldError> {
    match json.get().as_bytes().first() {
        Some(b'{') => read_value(json),
        _ => Err(expected("an object", json)),
    }
}

/// Returns the error that another kind of value is expected.
#[cold]
pub(crate) fn expected(what: &str, json: &RawValue) -> FieldError {
    let found = match json.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    };
    FieldError::new(format!("{what} is expected, not {found}"))
}
