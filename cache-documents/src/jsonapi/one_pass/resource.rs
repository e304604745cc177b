//! Resources. One that says the same as a record of a stored answer is only compared with it.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::super::cursor::Cursor;
use super::super::found::FoundRecord;
use super::super::links::{check_meta, read_links};
use super::super::name::{NameKind, kind_of};
use super::super::relationship::check_relationship;
use super::super::repeated::Place;
use super::super::visit::Text;
use super::Reader;
use crate::field::FieldPlace;
use crate::map::HashMap;
use crate::record::RecordRef;
use crate::record_types::RecordType;
use crate::resource::AnyRecord;

/// A resource, as far as it has been read.
#[derive(Default)]
struct Resource<'t, 'a> {
    kind: Option<&'t RecordType>,
    id: Option<Text<'a>>,
    /// Where the stored answer has the record. Looked for once the id is known.
    place: Option<Option<Place>>,
    has_attributes: bool,
    has_relationships: bool,
    has_links: bool,
    has_meta: bool,
    fields: Fields,
    /// The number after that of the last field. The next one often comes after it.
    next: usize,
}

/// What becomes of the fields of a resource.
#[derive(Default)]
enum Fields {
    /// None has been read.
    #[default]
    Unread,
    /// They are compared with those of a record of the stored answer.
    Repeated { named: u64 },
    /// They are read into a new record.
    New(Arc<dyn AnyRecord>),
}

impl<'t, 'a> Reader<'t, 'a> {
    /// Reads a resource of a type that the program lists, whose type comes before its fields.
    pub(super) fn resource(
        &mut self,
        cursor: &mut Cursor<'a>,
        expected: Option<&str>,
    ) -> Option<FoundRecord> {
        let start = cursor.place();
        let mut resource = Resource::default();
        let mut found = self.members(cursor, expected, &mut resource);
        if found.is_none() && matches!(resource.fields, Fields::Repeated { .. }) {
            // It says something else than the record of the stored answer.
            let fields = Fields::New((resource.kind?.absent)());
            resource = Resource { place: resource.place, fields, ..Resource::default() };
            cursor.go_back(start);
            found = self.members(cursor, expected, &mut resource);
        }
        found
    }

    fn members(
        &mut self,
        cursor: &mut Cursor<'a>,
        expected: Option<&str>,
        resource: &mut Resource<'t, 'a>,
    ) -> Option<FoundRecord> {
        self.unlisted.clear();
        cursor.object(|cursor| {
            let was_there = if cursor.name_is("type") {
                let kind = self.record_type(cursor)?;
                expected.is_none_or(|expected| expected == kind.name()).then_some(())?;
                resource.kind.replace(kind).is_some()
            } else if cursor.name_is("id") {
                resource.id.replace(cursor.text()?).is_some()
            } else if cursor.name_is("attributes") {
                self.fields(cursor, resource, FieldPlace::Attributes)?;
                std::mem::replace(&mut resource.has_attributes, true)
            } else if cursor.name_is("relationships") {
                self.fields(cursor, resource, FieldPlace::Relationships)?;
                std::mem::replace(&mut resource.has_relationships, true)
            } else if cursor.name_is("links") {
                read_links(Some(cursor.value()?)).ok()?;
                std::mem::replace(&mut resource.has_links, true)
            } else if cursor.name_is("meta") {
                check_meta(Some(cursor.value()?)).ok()?;
                std::mem::replace(&mut resource.has_meta, true)
            } else {
                return None;
            };
            (!was_there).then_some(())
        })?;
        self.finish(cursor, resource)
    }

    /// Decides what becomes of the fields, when the first of them comes.
    #[inline]
    fn begin(&mut self, cursor: &mut Cursor<'a>, resource: &mut Resource<'t, 'a>) -> Option<()> {
        if matches!(resource.fields, Fields::Unread) {
            let kind = resource.kind?;
            resource.fields = match self.place(cursor, resource) {
                Some(_) => Fields::Repeated { named: 0 },
                None => Fields::New((kind.absent)()),
            };
        }
        Some(())
    }

    /// Returns where the stored answer has the record, as far as its type and id are known.
    fn place(&mut self, cursor: &mut Cursor<'a>, resource: &mut Resource<'t, 'a>) -> Option<Place> {
        if resource.place.is_none()
            && let (Some(kind), Some(Text(id))) = (resource.kind, &resource.id)
        {
            if let Some(ids) = self.found.choose(kind.resource, id) {
                cursor.expect(ids);
            }
            resource.place = Some(self.found.repeated.place(kind.resource, id));
        }
        resource.place?
    }

    /// Reads the attributes or the relationships.
    fn fields(
        &mut self,
        cursor: &mut Cursor<'a>,
        resource: &mut Resource<'t, 'a>,
        place: FieldPlace,
    ) -> Option<()> {
        self.begin(cursor, resource)?;
        let (kind, next, unlisted) = (resource.kind?, &mut resource.next, &mut self.unlisted);
        match &mut resource.fields {
            Fields::Unread => None,
            Fields::Repeated { named } => {
                let record = self.found.repeated.record(resource.place??)?;
                each_field(cursor, (kind, place), next, unlisted, |cursor, number| {
                    let (field, bit) = (record.any_field(number), bit(number)?);
                    (field.place() == place && *named & bit == 0).then_some(())?;
                    *named |= bit;
                    field.repeats(cursor)
                })
            }
            Fields::New(record) => {
                // Just made, so that there is no other handle.
                let record = Arc::get_mut(record)?;
                each_field(cursor, (kind, place), next, unlisted, |cursor, number| {
                    let field = record.any_field_mut(number);
                    if field.place() == place { field.read_next(cursor) } else { None }
                })
            }
        }
    }

    /// Adds the record, when all members have been read.
    fn finish(&mut self, cursor: &mut Cursor<'a>, resource: &mut Resource<'t, 'a>) -> Option<FoundRecord> {
        self.begin(cursor, resource)?;
        let (kind, place) = (resource.kind?, self.place(cursor, resource));
        if let Fields::Repeated { named } = resource.fields {
            let record = self.found.repeated.record(place?)?;
            let is_named = |number| bit(number).is_some_and(|bit| named & bit != 0);
            let mut numbers = 0..kind.fields().len();
            let is_same = numbers.all(|number| is_named(number) || record.any_field(number).known() == 0);
            return if is_same { Some(self.found.repeat(kind.resource, place?)) } else { None };
        }
        let Fields::New(record) = std::mem::take(&mut resource.fields) else { return None };
        let id = match place {
            Some(place) => self.found.repeated.id(place),
            None => cursor.shared_id(&resource.id.as_ref()?.0)?,
        };
        let name = RecordRef { resource: kind.resource, id };
        self.found.put_at(place, name.clone(), record);
        Some(FoundRecord::Other(name))
    }
}

/// Returns what stands for a field among those of a record; `None` if the record has too many.
fn bit(number: usize) -> Option<u64> {
    1_u64.checked_shl(number.try_into().ok()?)
}

/// Reads fields. `read` gets the number of each that the type has, and reads its value.
#[inline]
fn each_field<'a>(
    cursor: &mut Cursor<'a>,
    (kind, place): (&RecordType, FieldPlace),
    next: &mut usize,
    unlisted: &mut HashMap<Text<'a>, FieldPlace>,
    mut read: impl FnMut(&mut Cursor<'a>, usize) -> Option<()>,
) -> Option<()> {
    let names = kind.fields();
    cursor.object(|cursor| {
        if let Some(name) = names.get(*next).filter(|_| kind.has_usual_fields())
            && cursor.name_is(name)
        {
            *next += 1;
            return read(cursor, *next - 1);
        }
        let name = cursor.name()?;
        if kind_of(&name.0).ok()? == NameKind::Ignored {
            return cursor.value::<&RawValue>().map(drop);
        }
        if matches!(&*name.0, "id" | "type") {
            return None;
        }
        if let Some(number) = names.iter().position(|field| *field == name.0) {
            *next = number + 1;
            return read(cursor, number);
        }
        let other = unlisted.insert(name, place);
        let json = cursor.value()?;
        match place {
            _ if other.is_some_and(|other| other != place) => None,
            FieldPlace::Attributes => Some(()),
            FieldPlace::Relationships => check_relationship(json).ok(),
        }
    })
}
