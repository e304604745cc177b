//! Reads JSON from its beginning to its end, each byte once.
//!
//! `None` stands for anything unusual: JSON that is not well-formed, a value that does not fit, a rare form. The caller
//! then reads the same text again as `RawValue`s, which tell exactly what is wrong.

use std::borrow::Cow;

use serde::Deserialize;

use super::identifier::is_id;
use super::links::check_meta;
use super::visit::Text;
use crate::id::Id;
use crate::map::HashSet;

/// A place in a text, up to which it has been read.
#[derive(Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// The ids that were read. Records and links share them.
    ids: HashSet<Id>,
}

/// About as many bytes of a document are there for each id.
const BYTES_OF_ID: usize = 128;

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let ids = HashSet::with_capacity_and_hasher(text.len() / BYTES_OF_ID, Default::default());
        Self { text, at: 0, ids }
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
        loop {
            match self.text.as_bytes().get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// Reads this byte.
    #[inline]
    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Reads a null.
    pub(crate) fn null(&mut self) -> Option<()> {
        self.peek()?;
        self.text.as_bytes()[self.at..].starts_with(b"null").then(|| self.at += "null".len())
    }

    /// Checks that nothing is left.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Reads an object. `member` gets each name, and reads the value.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &Text<'a>) -> Option<()>,
    ) -> Option<()> {
        self.byte(b'{')?;
        if self.byte(b'}').is_some() {
            return Some(());
        }
        loop {
            let name = self.text()?;
            self.byte(b':')?;
            member(self, &name)?;
            if self.byte(b',').is_none() {
                return self.byte(b'}');
            }
        }
    }

    /// Reads a list. `element` reads each element.
    pub(crate) fn list(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.byte(b'[')?;
        if self.byte(b']').is_some() {
            return Some(());
        }
        loop {
            element(self)?;
            if self.byte(b',').is_none() {
                return self.byte(b']');
            }
        }
    }

    /// Reads a string.
    pub(crate) fn text(&mut self) -> Option<Text<'a>> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let end = plain_end(self.text.as_bytes(), start)?;
        if self.text.as_bytes()[end] != b'"' {
            return self.value();
        }
        self.at = end + 1;
        Some(Text(Cow::Borrowed(&self.text[start..end])))
    }

    /// Reads any value.
    pub(crate) fn value<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    /// Reads an id that is not a local one.
    pub(crate) fn id(&mut self) -> Option<Id> {
        let Text(text) = self.text()?;
        if let Some(id) = self.ids.get(&*text) {
            return Some(id.clone());
        }
        let id = Id::from(&*text);
        if !is_id(&id) {
            return None;
        }
        self.ids.insert(id.clone());
        Some(id)
    }

    /// Reads an identifier of a resource of this type.
    pub(crate) fn identifier(&mut self, kind: &str) -> Option<Id> {
        let (mut id, mut has_kind, mut has_meta) = (None, false, false);
        self.object(|cursor, name| {
            match &*name.0 {
                "type" if !has_kind => has_kind = cursor.text()?.0 == kind,
                "id" if id.is_none() => id = Some(cursor.id()?),
                "meta" if !has_meta => {
                    check_meta(Some(cursor.value()?)).ok()?;
                    has_meta = true;
                }
                _ => return None,
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

/// Returns the place of the next quote, backslash or control character. Looks at eight bytes at a time.
fn plain_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return Some(at + special.trailing_zeros() as usize / 8);
        }
        at += word.len();
    }
    let rest = bytes.get(at..)?;
    Some(at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?)
}

/// Sets the highest bit of the first byte of a word that is a quote, a backslash or a control character. The bytes after it
/// may have this bit too.
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let less_than = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & (ONES << 7);
    let equal = |byte: u8| less_than(word ^ (ONES * u64::from(byte)), 1);
    equal(b'"') | equal(b'\\') | less_than(word, 0x20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_ends_at_the_first_special_byte_wherever_it_is() {
        for length in 0..20 {
            for special in (0..0x20).chain([b'"', b'\\']) {
                for after in [b'"', 0x1F, 0x20, b'#', 0x7F, 0xFF] {
                    let plain = [b' ', b'!', b'#', b'[', b']', 0x7F, 0x80, 0xA2, 0xDC, 0xFF].iter().cycle();
                    let mut text: Vec<u8> = plain.copied().skip(length).take(length).collect();
                    assert_eq!(plain_end(&text, 0), None);
                    text.extend([special, after, after, after, after, after, after, after, after, after]);
                    assert_eq!(plain_end(&text, length / 2), Some(length));
                }
            }
        }
    }
}
