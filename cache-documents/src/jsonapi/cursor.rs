//! Reads JSON from its beginning to its end, each byte once.
//!
//! `None` stands for anything unusual: JSON that is not well-formed, a value that does not fit, a rare form. The caller
//! then reads the same text again as `RawValue`s, which tell exactly what is wrong.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::identifier::is_given;
use super::links::check_meta;
use super::scan::plain_end;
use super::visit::Text;
use crate::frame::ids::Ids;
use crate::id::Id;
use crate::map::HashSet;

/// A place in a text, up to which it has been read.
#[derive(Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// The ids that were read. Records and links share them.
    ids: HashSet<Id>,
    /// Ids that probably come one after another, and the place of the one that comes next.
    expected: Option<(Arc<Ids>, usize)>,
}

/// About as many bytes of a document are there for each id.
const BYTES_OF_ID: usize = 128;

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, ids: HashSet::default(), expected: None }
    }

    /// Returns how much has been read.
    pub(crate) fn place(&self) -> usize {
        self.at
    }

    /// Goes back to a place.
    pub(crate) fn go_back(&mut self, place: usize) {
        self.at = place;
    }

    /// Returns the first byte that is no space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        match *self.text.as_bytes().get(self.at)? {
            b' ' | b'\n' | b'\r' | b'\t' => self.peek_beyond_spaces(),
            byte => Some(byte),
        }
    }

    #[cold]
    fn peek_beyond_spaces(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let spaces = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
        self.at += spaces.unwrap_or(rest.len());
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads this byte.
    #[inline]
    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Reads a null.
    #[inline]
    pub(crate) fn null(&mut self) -> Option<()> {
        self.peek()?;
        self.text.as_bytes()[self.at..].starts_with(b"null").then(|| self.at += "null".len())
    }

    /// Checks that nothing is left.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Reads an object. `member` reads the name and the value of each member.
    #[inline]
    pub(crate) fn object(&mut self, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.byte(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.peek()?;
            member(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    /// Reads the name of a member if it is this one, written without escapes.
    #[inline]
    pub(crate) fn name_is(&mut self, name: &str) -> bool {
        let (start, end) = (self.at, self.at + name.len() + 2);
        match self.text.as_bytes().get(start..end) {
            Some([b'"', written @ .., b'"']) if written == name.as_bytes() => self.at = end,
            _ => return false,
        }
        if self.byte(b':').is_none() {
            self.at = start;
        }
        self.at != start
    }

    /// Reads the name of a member.
    pub(crate) fn name(&mut self) -> Option<Text<'a>> {
        let name = self.text()?;
        self.byte(b':').map(|()| name)
    }

    /// Reads a list. `element` reads each element.
    #[inline]
    pub(crate) fn list(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.byte(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            element(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    /// Reads a string.
    #[inline]
    pub(crate) fn text(&mut self) -> Option<Text<'a>> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let end = plain_end(self.text.as_bytes(), start)?;
        if self.text.as_bytes()[end] != b'"' {
            return self.text_with_escapes(start, end);
        }
        self.at = end + 1;
        Some(Text(Cow::Borrowed(&self.text[start..end])))
    }

    /// Reads the rest of a string, whose first escape is at `end`.
    #[inline(never)]
    fn text_with_escapes(&mut self, mut start: usize, mut end: usize) -> Option<Text<'a>> {
        let mut text = String::new();
        loop {
            text.push_str(&self.text[start..end]);
            if self.text.as_bytes()[end] == b'"' {
                self.at = end + 1;
                return Some(Text(Cow::Owned(text)));
            }
            let (c, next) = escaped(self.text.as_bytes(), end)?;
            text.push(c);
            (start, end) = (next, plain_end(self.text.as_bytes(), next)?);
        }
    }

    /// Reads a string that says this.
    #[inline]
    pub(crate) fn same_text(&mut self, expected: &str) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        let (bytes, start) = (self.text.as_bytes(), self.at + 1);
        let end = plain_end(bytes, start)?;
        if bytes[end] != b'"' {
            return self.same_text_with_escapes(expected);
        }
        (bytes[start..end] == *expected.as_bytes()).then(|| self.at = end + 1)
    }

    #[inline(never)]
    fn same_text_with_escapes(&mut self, expected: &str) -> Option<()> {
        let (bytes, mut expected, mut start) = (self.text.as_bytes(), expected.as_bytes(), self.at + 1);
        loop {
            let end = plain_end(bytes, start)?;
            expected = expected.strip_prefix(&bytes[start..end])?;
            if bytes[end] == b'"' {
                return expected.is_empty().then(|| self.at = end + 1);
            }
            let (c, next) = escaped(bytes, end)?;
            expected = expected.strip_prefix(c.encode_utf8(&mut [0; 4]).as_bytes())?;
            start = next;
        }
    }

    /// Reads any value.
    pub(crate) fn value<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    /// Shares ids that probably come one after another.
    pub(crate) fn expect(&mut self, ids: Arc<Ids>) {
        self.expected = Some((ids, 0));
    }

    /// Reads an id that is not a local one.
    pub(crate) fn id(&mut self) -> Option<Id> {
        let Text(text) = self.text()?;
        self.shared_id(&text)
    }

    /// Returns the id of this text, if it is not a local one.
    pub(crate) fn shared_id(&mut self, text: &str) -> Option<Id> {
        if let Some((expected, next)) = &mut self.expected
            && let Some(id) = expected.as_slice().get(*next)
            && id.as_str() == text
        {
            *next += 1;
            return Some(id.clone()).filter(|_| is_given(text));
        }
        if let Some(id) = self.ids.get(text) {
            return Some(id.clone());
        }
        is_given(text).then_some(())?;
        if self.ids.is_empty() {
            self.ids.reserve((self.text.len() - self.at) / BYTES_OF_ID);
        }
        let id = Id::from(text);
        self.ids.insert(id.clone());
        Some(id)
    }

    /// Reads an identifier of a resource of this type.
    pub(crate) fn identifier(&mut self, kind: &str) -> Option<Id> {
        self.identifier_with(kind, Self::id)
    }

    /// Reads an identifier of the resource of this type that has this id.
    pub(crate) fn same_identifier(&mut self, kind: &str, id: &Id) -> Option<()> {
        self.identifier_with(kind, |cursor| cursor.same_text(id.as_str()).filter(|()| is_given(id.as_str())))
    }

    #[inline]
    fn identifier_with<T>(&mut self, kind: &str, read_id: impl Fn(&mut Self) -> Option<T>) -> Option<T> {
        let (mut id, mut has_kind, mut has_meta) = (None, false, false);
        self.object(|cursor| {
            if !has_kind && cursor.name_is("type") {
                cursor.same_text(kind)?;
                has_kind = true;
            } else if id.is_none() && cursor.name_is("id") {
                id = Some(read_id(cursor)?);
            } else if !has_meta && cursor.name_is("meta") {
                check_meta(Some(cursor.value()?)).ok()?;
                has_meta = true;
            } else {
                return None;
            }
            Some(())
        })?;
        id.filter(|_| has_kind)
    }

    /// Reads a value that may be null.
    pub(crate) fn nullable<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.null() {
            Some(()) => Some(None),
            None => read(self).map(Some),
        }
    }
}

/// Returns the character of the escape at this place, and the place after it; `None` if it stands for none.
fn escaped(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let rest = bytes.get(at..)?.strip_prefix(b"\\")?;
    let (&kind, rest) = rest.split_first()?;
    let c = match kind {
        b'"' | b'\\' | b'/' => char::from(kind),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return code_point(rest, at + 2),
        _ => return None,
    };
    Some((c, at + 2))
}

/// Reads the digits of an escape that begin `rest`, at this place, and those of the second half of a surrogate pair.
fn code_point(rest: &[u8], at: usize) -> Option<(char, usize)> {
    const DIGITS: usize = 4;
    let unit = |bytes: &[u8]| {
        let digits = bytes.first_chunk::<DIGITS>()?;
        digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
    };
    let first = unit(rest)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, at + DIGITS));
    }
    let second = unit(rest.get(DIGITS..)?.strip_prefix(b"\\u")?)?;
    let is_pair = (0xD800..0xDC00).contains(&first) && (0xDC00..0xE000).contains(&second);
    let c = char::from_u32(0x1_0000 + ((first & 0x3FF) << 10 | second & 0x3FF)).filter(|_| is_pair)?;
    Some((c, at + DIGITS + 2 + DIGITS))
}
