//! Dates in header fields (RFC 9110, section 5.6.7).

use std::time::SystemTime;

use http::HeaderValue;

use super::lines::Line;

/// Reads a date in one of the three formats of HTTP, in any case. `None`: it is no such date.
pub(super) fn parse(value: &HeaderValue) -> Option<SystemTime> {
    let text = value.to_str().ok()?;
    let mut canonical = String::with_capacity(text.len());
    for word in text.split_inclusive([' ', ',', '-']) {
        let is_zone = word.eq_ignore_ascii_case("GMT");
        for (at, letter) in word.chars().enumerate() {
            let upper = at == 0 || is_zone;
            canonical.push(if upper { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() });
        }
    }
    httpdate::parse_http_date(&canonical).ok()
}

/// The date of a field of which a message should have one.
pub(super) enum DateField {
    Absent,
    /// No date, or lines that differ.
    Invalid,
    At(SystemTime),
}

impl DateField {
    pub(super) fn read(line: Line<'_>) -> Self {
        match line {
            Line::Absent => Self::Absent,
            Line::Differing(_) => Self::Invalid,
            Line::Single(value) => parse(value).map_or(Self::Invalid, Self::At),
        }
    }

    /// Returns the date, if it is there and valid.
    pub(super) fn at(&self) -> Option<SystemTime> {
        match self {
            Self::At(date) => Some(*date),
            Self::Absent | Self::Invalid => None,
        }
    }
}
