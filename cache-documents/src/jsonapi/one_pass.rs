//! Reads a whole document in one pass, if it is one that the program can use as it stands. `None` says that it has to be
//! read the [other way](super::read). A resource that is unusual is read as a `RawValue` by itself.

mod resource;

use super::cursor::Cursor;
use super::found::{Found, FoundRecord};
use super::head::{Head, check_version};
use super::links::{read_links, read_meta};
use super::name::is_allowed;
use super::repeated::Repeated;
use super::response::{Expected, Known, Primary, Response};
use super::visit::Text;
use crate::field::FieldPlace;
use crate::map::HashMap;
use crate::record::RecordRef;
use crate::record_types::{RecordType, RecordTypes};

/// Reads a document that has the primary data that a query expects, or any.
pub(super) fn read(
    text: &str,
    types: &RecordTypes,
    expected: Option<Expected>,
    known: &dyn Known,
) -> Option<Response> {
    let mut reader = Reader::new(types, known, Repeated::new(known));
    let read = reader.document(text, expected);
    if !reader.found.is_doubled {
        let (primary, head) = read?;
        return Some(reader.found.response(primary, head));
    }
    let mut reader = Reader::new(types, known, Repeated::nothing(known));
    let (primary, head) = reader.document(text, expected)?;
    Some(reader.found.response(primary, head))
}

/// Reads a [saved](super::write::WrittenDocument) document.
pub(super) fn read_saved(text: &str, types: &RecordTypes, expected: Expected) -> Option<Response> {
    let mut reader = Reader::new(types, &(), Repeated::nothing(&()));
    let resource = types.by_name(expected.kind)?.resource;
    let name = |id| RecordRef { resource, id };
    let (mut primary, mut head, mut has_resources, mut skipped) = (None, Head::default(), false, None);
    let mut cursor = Cursor::new(text);
    cursor.object(|cursor| {
        if primary.is_none() && cursor.name_is("data") {
            primary = Some(if expected.is_collection {
                let mut names = Vec::new();
                cursor.list(|cursor| {
                    names.push(name(cursor.identifier(expected.kind)?));
                    Some(())
                })?;
                Primary::Many(names.into())
            } else {
                let id = cursor.nullable(|cursor| cursor.identifier(expected.kind))?;
                id.map_or(Primary::Null, |id| Primary::One(name(id)))
            });
        } else if !has_resources && cursor.name_is("resources") {
            cursor.list(|cursor| reader.any(cursor).map(drop))?;
            has_resources = true;
        } else if skipped.is_none() && cursor.name_is("skipped") {
            skipped = Some(cursor.value::<usize>()?);
        } else {
            read_head(cursor, &mut head)?;
        }
        Some(())
    })?;
    cursor.end()?;
    let skipped = skipped.filter(|_| has_resources)? + reader.found.skipped;
    let primary = primary.unwrap_or(Primary::Absent);
    Some(Response { primary, records: reader.found.records(), head, skipped, renamed: Vec::new() })
}

/// Reads the links or the meta of a document.
fn read_head(cursor: &mut Cursor<'_>, head: &mut Head) -> Option<()> {
    if head.links.is_none() && cursor.name_is("links") {
        head.links = read_links(Some(cursor.value()?)).ok()?;
    } else if head.meta.is_none() && cursor.name_is("meta") {
        head.meta = read_meta(Some(cursor.value()?)).ok()?;
    } else {
        return None;
    }
    Some(())
}

struct Reader<'t, 'a> {
    types: &'t RecordTypes,
    /// That of the last resource. The next one often has the same.
    last_type: Option<&'t RecordType>,
    found: Found<'t>,
    /// The fields of a resource that its record does not have. An attribute and a relationship must not share a name.
    unlisted: HashMap<Text<'a>, FieldPlace>,
}

impl<'t, 'a> Reader<'t, 'a> {
    fn new(types: &'t RecordTypes, known: &'t dyn Known, repeated: Repeated<'t>) -> Self {
        let found = Found::new(types, known, repeated);
        Self { types, last_type: None, found, unlisted: HashMap::default() }
    }

    fn document(&mut self, text: &'a str, expected: Option<Expected>) -> Option<(Primary, Head)> {
        let (mut primary, mut head, mut has_included, mut has_version) =
            (None, Head::default(), false, false);
        let mut cursor = Cursor::new(text);
        cursor.object(|cursor| {
            if primary.is_none() && cursor.name_is("data") {
                primary = Some(match expected {
                    Some(expected) => self.primary(cursor, expected)?,
                    None => self.any_primary(cursor)?,
                });
            } else if primary.is_some() && !has_included && cursor.name_is("included") {
                // What comes first is merged first, and that is the primary data.
                cursor.list(|cursor| self.any(cursor).map(drop))?;
                has_included = true;
            } else if !has_version && cursor.name_is("jsonapi") {
                check_version(Some(cursor.value()?)).ok()?;
                has_version = true;
            } else {
                read_head(cursor, &mut head)?;
            }
            Some(())
        })?;
        cursor.end()?;
        Some((primary?, head))
    }

    /// Reads a resource, a list of resources or null. Those of types that the program does not list are left out.
    fn any_primary(&mut self, cursor: &mut Cursor<'a>) -> Option<Primary> {
        match cursor.peek()? {
            b'[' => {
                let mut names = Vec::new();
                cursor.list(|cursor| {
                    names.extend(self.any(cursor)?.map(|one| self.found.name(one)));
                    Some(())
                })?;
                Some(Primary::Many(names.into()))
            }
            b'{' => Some(self.any(cursor)?.map_or(Primary::Absent, |one| Primary::One(self.found.name(one)))),
            _ => cursor.null().map(|()| Primary::Null),
        }
    }

    fn primary(&mut self, cursor: &mut Cursor<'a>, expected: Expected) -> Option<Primary> {
        let Expected { kind, is_collection } = expected;
        if is_collection {
            let mut names = Vec::new();
            cursor.list(|cursor| {
                names.push(self.primary_resource(cursor, kind)?);
                Some(())
            })?;
            return Some(Primary::Many(names.into()));
        }
        match cursor.null() {
            Some(()) => Some(Primary::Null),
            None => self.primary_resource(cursor, kind).map(Primary::One),
        }
    }

    fn primary_resource(&mut self, cursor: &mut Cursor<'a>, kind: &str) -> Option<RecordRef> {
        let start = cursor.place();
        if let Some(record) = self.resource(cursor, Some(kind)) {
            return Some(self.found.name(record));
        }
        cursor.go_back(start);
        self.found.add_primary(cursor.value()?, kind).ok()
    }

    /// Reads a resource of any type. Returns its record, unless the program does not list the type.
    fn any(&mut self, cursor: &mut Cursor<'a>) -> Option<Option<FoundRecord>> {
        let start = cursor.place();
        if let Some(record) = self.resource(cursor, None) {
            return Some(Some(record));
        }
        cursor.go_back(start);
        let name = self.found.add(cursor.value()?).ok()?;
        Some(name.map(FoundRecord::Other))
    }

    /// Reads the name of a type, if the program lists it and the format allows the name.
    fn record_type(&mut self, cursor: &mut Cursor<'a>) -> Option<&'t RecordType> {
        if let Some(last) = self.last_type
            && cursor.same_text(last.name()).is_some()
        {
            return Some(last);
        }
        let Text(name) = cursor.text()?;
        self.last_type = self.types.by_name(&name).filter(|_| is_allowed(&name));
        self.last_type
    }
}
