//! Reads a whole document in one pass, if it is one that the program can use as it stands. `None` says that it has to be
//! read the [other way](super::read). A resource that is unusual is read as a `RawValue` by itself.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::cursor::Cursor;
use super::found::Found;
use super::head::{Head, check_version};
use super::links::{check_meta, read_links, read_meta};
use super::name::{NameKind, is_allowed, kind_of};
use super::relationship::check_relationship;
use super::response::{Expected, KnownIds, Primary, Response};
use super::visit::Text;
use crate::field::FieldPlace;
use crate::map::HashMap;
use crate::record::RecordRef;
use crate::record_types::{RecordType, RecordTypes};
use crate::resource::AnyRecord;

/// A record and its name.
type Named = (RecordRef, Arc<dyn AnyRecord>);

/// Reads a document that has the primary data that a query expects, or any.
pub(super) fn read(
    text: &str,
    types: &RecordTypes,
    expected: Option<Expected>,
    known: KnownIds<'_>,
) -> Option<Response> {
    let mut reader = Reader::new(types, known);
    let (mut primary, mut head, mut has_included, mut has_version) = (None, Head::default(), false, false);
    let mut cursor = Cursor::new(text);
    cursor.object(|cursor, name| {
        match &*name.0 {
            "data" if primary.is_none() => {
                primary = Some(match expected {
                    Some(expected) => reader.primary(cursor, expected)?,
                    None => reader.any_primary(cursor)?,
                });
            }
            // What comes first is merged first, and that is the primary data.
            "included" if primary.is_some() && !has_included => {
                cursor.list(|cursor| reader.any(cursor).map(drop))?;
                has_included = true;
            }
            "links" if head.links.is_none() => head.links = read_links(Some(cursor.value()?)).ok()?,
            "meta" if head.meta.is_none() => head.meta = read_meta(Some(cursor.value()?)).ok()?,
            "jsonapi" if !has_version => {
                check_version(Some(cursor.value()?)).ok()?;
                has_version = true;
            }
            _ => return None,
        }
        Some(())
    })?;
    cursor.end()?;
    Some(reader.found.response(primary?, head))
}

/// Reads a [saved](super::write::WrittenDocument) document.
pub(super) fn read_saved(text: &str, types: &RecordTypes, expected: Expected) -> Option<Response> {
    let mut reader = Reader::new(types, &|_| None);
    let resource = types.by_name(expected.kind)?.resource;
    let name = |id| RecordRef { resource, id };
    let (mut primary, mut head, mut has_resources, mut skipped) = (None, Head::default(), false, None);
    let mut cursor = Cursor::new(text);
    cursor.object(|cursor, member| {
        match &*member.0 {
            "data" if primary.is_none() && expected.is_collection => {
                let mut names = Vec::new();
                cursor.list(|cursor| {
                    names.push(name(cursor.identifier(expected.kind)?));
                    Some(())
                })?;
                primary = Some(Primary::Many(names.into()));
            }
            "data" if primary.is_none() => {
                let id = cursor.nullable(|cursor| cursor.identifier(expected.kind))?;
                primary = Some(id.map_or(Primary::Null, |id| Primary::One(name(id))));
            }
            "resources" if !has_resources => {
                cursor.list(|cursor| reader.any(cursor).map(drop))?;
                has_resources = true;
            }
            "links" if head.links.is_none() => head.links = read_links(Some(cursor.value()?)).ok()?,
            "meta" if head.meta.is_none() => head.meta = read_meta(Some(cursor.value()?)).ok()?,
            "skipped" if skipped.is_none() => skipped = Some(cursor.value::<usize>()?),
            _ => return None,
        }
        Some(())
    })?;
    cursor.end()?;
    let Found { records, skipped: unlisted, .. } = reader.found;
    let skipped = skipped.filter(|_| has_resources)? + unlisted;
    let primary = primary.unwrap_or(Primary::Absent);
    Some(Response { primary, records, head, skipped, renamed: Vec::new() })
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
    fn new(types: &'t RecordTypes, known: KnownIds<'t>) -> Self {
        Self { types, last_type: None, found: Found::new(types, known), unlisted: HashMap::default() }
    }

    /// Reads a resource, a list of resources or null. Those of types that the program does not list are left out.
    fn any_primary(&mut self, cursor: &mut Cursor<'a>) -> Option<Primary> {
        match cursor.peek()? {
            b'[' => {
                let mut names = Vec::new();
                cursor.list(|cursor| {
                    names.extend(self.any(cursor)?);
                    Some(())
                })?;
                Some(Primary::Many(names.into()))
            }
            b'{' => Some(self.any(cursor)?.map_or(Primary::Absent, Primary::One)),
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
        if let Some((name, record)) = self.resource(cursor, Some(kind)) {
            self.found.put(name.clone(), record);
            return Some(name);
        }
        cursor.go_back(start);
        self.found.add_primary(cursor.value()?, kind).ok()
    }

    /// Reads a resource of any type. Returns its name, unless the program does not list the type.
    fn any(&mut self, cursor: &mut Cursor<'a>) -> Option<Option<RecordRef>> {
        let start = cursor.place();
        if let Some((name, record)) = self.resource(cursor, None) {
            self.found.put(name.clone(), record);
            return Some(Some(name));
        }
        cursor.go_back(start);
        self.found.add(cursor.value()?).ok()
    }

    /// Reads a resource of a type that the program lists, whose type comes before its fields.
    fn resource(&mut self, cursor: &mut Cursor<'a>, expected: Option<&str>) -> Option<Named> {
        self.unlisted.clear();
        let (mut kind, mut id) = (None, None);
        let (mut has_attributes, mut has_relationships, mut has_links, mut has_meta) = Default::default();
        cursor.object(|cursor, name| {
            let is_second = match &*name.0 {
                "type" => {
                    let Text(name) = cursor.text()?;
                    let record_type = self.record_type(&name)?;
                    expected.is_none_or(|expected| expected == name).then_some(())?;
                    kind.replace((record_type.resource, (record_type.absent)())).is_some()
                }
                "id" => id.replace(cursor.id()?).is_some(),
                "attributes" => {
                    self.fields(cursor, &mut kind.as_mut()?.1, FieldPlace::Attributes)?;
                    std::mem::replace(&mut has_attributes, true)
                }
                "relationships" => {
                    self.fields(cursor, &mut kind.as_mut()?.1, FieldPlace::Relationships)?;
                    std::mem::replace(&mut has_relationships, true)
                }
                "links" => {
                    read_links(Some(cursor.value()?)).ok()?;
                    std::mem::replace(&mut has_links, true)
                }
                "meta" => {
                    check_meta(Some(cursor.value()?)).ok()?;
                    std::mem::replace(&mut has_meta, true)
                }
                _ => true,
            };
            (!is_second).then_some(())
        })?;
        let (resource, record) = kind?;
        Some((RecordRef { resource, id: id? }, record))
    }

    /// Returns the type of this name, if the program lists it and the format allows the name.
    fn record_type(&mut self, name: &str) -> Option<&'t RecordType> {
        if let Some(last) = self.last_type.filter(|last| last.name() == name) {
            return Some(last);
        }
        self.last_type = self.types.by_name(name).filter(|_| is_allowed(name));
        self.last_type
    }

    /// Reads the attributes or the relationships.
    fn fields(
        &mut self,
        cursor: &mut Cursor<'a>,
        record: &mut Arc<dyn AnyRecord>,
        place: FieldPlace,
    ) -> Option<()> {
        // Just made, so that there is no other handle.
        let record = Arc::get_mut(record)?;
        cursor.object(|cursor, name| {
            if kind_of(&name.0).ok()? == NameKind::Ignored {
                return cursor.value::<&RawValue>().map(drop);
            }
            if matches!(&*name.0, "id" | "type") {
                return None;
            }
            if let Some(number) = record.names().iter().position(|field| *field == name.0) {
                let field = record.any_field_mut(number);
                return if field.place() == place { field.read_next(cursor) } else { None };
            }
            let other = self.unlisted.insert(name.clone(), place);
            let json = cursor.value()?;
            match place {
                _ if other.is_some_and(|other| other != place) => None,
                FieldPlace::Attributes => Some(()),
                FieldPlace::Relationships => check_relationship(json).ok(),
            }
        })
    }
}
