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

/// The part of a text that has not been read yet.
#[derive(Debug)]
pub struct Cursor<'a> {
    rest: &'a str,
    /// The ids that were read. Records and links share them.
    ids: HashSet<Id>,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text, ids: HashSet::default() }
    }

    /// Returns the text that has not been read yet.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Goes back to what was the rest.
    pub(crate) fn go_back(&mut self, rest: &'a str) {
        self.rest = rest;
    }

    /// Returns the first byte that is no space.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.skip_spaces();
        self.rest.as_bytes().first().copied()
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n', '\r', '\t']);
    }

    /// Reads this token.
    pub(crate) fn token(&mut self, token: &str) -> Option<()> {
        self.skip_spaces();
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
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
        self.token("{")?;
        if self.token("}").is_some() {
            return Some(());
        }
        loop {
            let name = self.text()?;
            self.token(":")?;
            member(self, &name)?;
            if self.token(",").is_none() {
                return self.token("}");
            }
        }
    }

    /// Reads a list. `element` reads each element.
    pub(crate) fn list(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.token("[")?;
        if self.token("]").is_some() {
            return Some(());
        }
        loop {
            element(self)?;
            if self.token(",").is_none() {
                return self.token("]");
            }
        }
    }

    /// Reads a string.
    pub(crate) fn text(&mut self) -> Option<Text<'a>> {
        self.skip_spaces();
        let text = self.rest.strip_prefix('"')?;
        let end = text.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        if text.as_bytes()[end] != b'"' {
            return self.value();
        }
        self.rest = &text[end + 1..];
        Some(Text(Cow::Borrowed(&text[..end])))
    }

    /// Reads any value.
    pub(crate) fn value<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter();
        let value = values.next()?.ok()?;
        self.rest = &self.rest[values.byte_offset()..];
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
        match self.token("null") {
            Some(()) => Some(None),
            None => read(self).map(Some),
        }
    }
}
