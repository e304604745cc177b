//! Fields of which a message should have one line.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The value of a field.
#[derive(Clone, Copy)]
pub(super) enum Line<'a> {
    Absent,
    /// One line, or several that are equal.
    Single(&'a HeaderValue),
    /// The first of several lines that differ.
    Differing(&'a HeaderValue),
}

impl<'a> Line<'a> {
    /// Returns the value, unless the field is absent or has lines that differ.
    pub(super) fn single(self) -> Option<&'a HeaderValue> {
        match self {
            Self::Single(value) => Some(value),
            Self::Absent | Self::Differing(_) => None,
        }
    }

    /// Returns the first line.
    pub(super) fn first(self) -> Option<&'a HeaderValue> {
        match self {
            Self::Single(value) | Self::Differing(value) => Some(value),
            Self::Absent => None,
        }
    }

    fn and(self, value: &'a HeaderValue) -> Self {
        match self {
            Self::Absent => Self::Single(value),
            Self::Single(first) if first != value => Self::Differing(first),
            present => present,
        }
    }
}

/// Returns the lines of some fields. Compares the names of all fields, which takes less time than a look-up of each.
pub(super) fn lines<'a, const N: usize>(headers: &'a HeaderMap, names: &[HeaderName; N]) -> [Line<'a>; N] {
    let mut lines = [Line::Absent; N];
    for (name, value) in headers {
        for (wanted, line) in names.iter().zip(&mut lines) {
            if wanted == name {
                *line = line.and(value);
            }
        }
    }
    lines
}
