//! The field `Cache-Control` of requests and responses (RFC 9111, section 5.2; RFC 5861). Reads any bytes.

use std::borrow::Cow;
use std::time::Duration;

use http::{
    HeaderMap,
    header::{CACHE_CONTROL, PRAGMA},
};
use smallvec::SmallVec;

/// Greater numbers count as this one (RFC 9111, section 1.2.2).
pub(super) const MAX_SECONDS: u32 = 1 << 31;

/// The directives of one message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CacheControl {
    pub(super) max_age: Seconds,
    pub(super) max_stale: Seconds,
    pub(super) min_fresh: Seconds,
    pub(super) stale_while_revalidate: Seconds,
    pub(super) stale_if_error: Seconds,
    pub(super) must_revalidate: bool,
    pub(super) must_understand: bool,
    /// Also set by `Pragma: no-cache` in a message without `Cache-Control`, and if the field cannot be parsed.
    pub(super) no_cache: bool,
    pub(super) no_store: bool,
    pub(super) private: bool,
    pub(super) public: bool,
}

/// The number of a directive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Seconds {
    #[default]
    Absent,
    /// No number, or two that differ.
    Invalid,
    Valid(u32),
}

impl Seconds {
    /// Returns the number as a duration, zero if it is invalid, `None` if the directive is absent.
    pub(super) fn or_zero(self) -> Option<Duration> {
        match self {
            Self::Absent => None,
            Self::Invalid => Some(Duration::ZERO),
            Self::Valid(seconds) => Some(Duration::from_secs(seconds.into())),
        }
    }

    fn add(&mut self, found: Self) {
        *self = if *self == Self::Absent || *self == found { found } else { Self::Invalid };
    }
}

impl CacheControl {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut read = Self::default();
        if headers.is_empty() {
            return read;
        }
        for line in headers.get_all(CACHE_CONTROL) {
            read.add_line(line.as_bytes());
        }
        if !headers.contains_key(CACHE_CONTROL) {
            let elements =
                headers.get_all(PRAGMA).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
            read.no_cache =
                elements.map(<[u8]>::trim_ascii).any(|element| element.eq_ignore_ascii_case(b"no-cache"));
        }
        read
    }

    fn add_line(&mut self, mut rest: &[u8]) {
        while !rest.is_empty() {
            let end = end_of_element(rest).unwrap_or_else(|| {
                // A quoted string without an end may hide any directive.
                self.no_cache = true;
                rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len())
            });
            self.add_element(rest[..end].trim_ascii());
            rest = rest.get(end + 1..).unwrap_or_default();
        }
    }

    fn add_element(&mut self, element: &[u8]) {
        let end = element.iter().position(|byte| !is_token(*byte)).unwrap_or(element.len());
        let (name, argument) = element.split_at(end);
        let number = || seconds(argument);
        let mut name: SmallVec<[u8; 24]> = name.into();
        name.make_ascii_lowercase();
        match &*name {
            b"max-age" => self.max_age.add(number()),
            // Without a number, any age is welcome.
            b"max-stale" if argument.is_empty() => self.max_stale.add(Seconds::Valid(MAX_SECONDS)),
            b"max-stale" => self.max_stale.add(number()),
            b"min-fresh" => self.min_fresh.add(number()),
            b"stale-while-revalidate" => self.stale_while_revalidate.add(number()),
            b"stale-if-error" => self.stale_if_error.add(number()),
            b"must-revalidate" => self.must_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"no-cache" => self.no_cache = true,
            b"no-store" => self.no_store = true,
            b"private" => self.private = true,
            b"public" => self.public = true,
            _ => {}
        }
    }
}

/// Returns the position of the comma that ends the first element, or the length. `None`: a quoted string has no end.
fn end_of_element(text: &[u8]) -> Option<usize> {
    let mut is_quoted = false;
    let mut bytes = text.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\\' if is_quoted => drop(bytes.next()),
            b',' if !is_quoted => return Some(at),
            _ => {}
        }
    }
    (!is_quoted).then_some(text.len())
}

/// Reads `=` and a number, plain or quoted.
fn seconds(argument: &[u8]) -> Seconds {
    let Some(value) = argument.strip_prefix(b"=") else { return Seconds::Invalid };
    let digits = match value {
        [b'"', inner @ .., b'"'] => unescaped(inner),
        _ => Cow::Borrowed(value),
    };
    digits_to_seconds(&digits).map_or(Seconds::Invalid, Seconds::Valid)
}

fn unescaped(inner: &[u8]) -> Cow<'_, [u8]> {
    let mut is_escaped = false;
    let kept = inner.iter().filter(|byte| {
        is_escaped = !is_escaped && **byte == b'\\';
        !is_escaped
    });
    kept.copied().collect()
}

/// Reads decimal digits; a number beyond [`MAX_SECONDS`] is cut to it. `None`: anything but digits.
pub(super) fn digits_to_seconds(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: u32, digit: &u8| sum.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
    Some(digits.iter().fold(0, add).min(MAX_SECONDS))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
