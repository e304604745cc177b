//! Resource objects: what a response says of one record.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::identifier::{id_of, read_type};
use super::links::{check_meta, read_links};
use super::name::{NameKind, kind_of};
use super::pointer::FieldError;
use super::relationship::check_relationship;
use super::visit::{Text, defined_members, each_member, optional_text};
use crate::field::FieldPlace;
use crate::id::Id;
use crate::map::HashSet;
use crate::record::RecordRef;
use crate::record_types::RecordType;
use crate::resource::AnyRecord;

/// A resource object, of which only type and id have been read.
pub(crate) struct ResourceObject<'a> {
    pub(crate) kind: Cow<'a, str>,
    id: Option<Text<'a>>,
    lid: Option<Text<'a>>,
    attributes: Option<&'a RawValue>,
    relationships: Option<&'a RawValue>,
    links: Option<&'a RawValue>,
    meta: Option<&'a RawValue>,
}

impl<'a> ResourceObject<'a> {
    pub(crate) fn read(json: &'a RawValue) -> Result<Self, FieldError> {
        let names = ["type", "id", "lid", "attributes", "relationships", "links", "meta"];
        let [kind, id, lid, attributes, relationships, links, meta] = defined_members(json, names)?;
        let Text(kind) = read_type(kind)?;
        let (id, lid) = (optional_text("id", id)?, optional_text("lid", lid)?);
        Ok(Self { kind, id, lid, attributes, relationships, links, meta })
    }

    /// Reads the fields, into a record of this type.
    pub(crate) fn record(
        &self,
        record_type: &RecordType,
    ) -> Result<(RecordRef, Arc<dyn AnyRecord>), FieldError> {
        let id = self.id()?;
        let mut record = (record_type.absent)();
        // Just made, so that there is no other handle.
        self.read_fields(Arc::get_mut(&mut record))?;
        Ok((RecordRef { resource: record_type.resource, id }, record))
    }

    /// Returns the local name of a resource that has an id too.
    pub(crate) fn local_name(&self, record_type: &RecordType) -> Option<RecordRef> {
        self.id.as_ref()?;
        let Text(lid) = self.lid.as_ref().filter(|lid| !lid.0.is_empty())?;
        Some(RecordRef { resource: record_type.resource, id: Id::local(lid) })
    }

    /// Checks the form of a resource of a type that the program does not list.
    pub(crate) fn check(&self) -> Result<(), FieldError> {
        self.id()?;
        self.read_fields(None)
    }

    fn id(&self) -> Result<Id, FieldError> {
        id_of(self.id.as_ref(), self.lid.as_ref())
    }

    /// Reads the fields that the record has, and checks the form of all others.
    fn read_fields(&self, record: Option<&mut dyn AnyRecord>) -> Result<(), FieldError> {
        let mut fields = Fields { record, relationships: HashSet::default() };
        // Relationships first, since there are fewer names to compare with.
        if let Some(json) = self.relationships {
            each_member(json, &mut |name, json| fields.read(FieldPlace::Relationships, name, json))
                .map_err(|error| error.within("relationships"))?;
        }
        if let Some(json) = self.attributes {
            each_member(json, &mut |name, json| fields.read(FieldPlace::Attributes, name, json))
                .map_err(|error| error.within("attributes"))?;
        }
        read_links(self.links)?;
        check_meta(self.meta)
    }
}

/// The fields of a resource.
struct Fields<'r, 'a> {
    /// `None` if the program does not know the type.
    record: Option<&'r mut dyn AnyRecord>,
    /// The names of the relationships, which attributes must not have.
    relationships: HashSet<Text<'a>>,
}

impl<'a> Fields<'_, 'a> {
    fn read(&mut self, place: FieldPlace, name: &Text<'a>, json: &RawValue) -> Result<(), FieldError> {
        if kind_of(&name.0)? == NameKind::Ignored {
            return Ok(());
        }
        if matches!(&*name.0, "id" | "type") {
            return Err(FieldError::new(format!("a field must not be named `{}`", name.0)));
        }
        match place {
            FieldPlace::Relationships => _ = self.relationships.insert(name.clone()),
            FieldPlace::Attributes if self.relationships.contains(name) => {
                return Err(FieldError::new("the resource has a relationship of the same name"));
            }
            FieldPlace::Attributes => {}
        }
        if let Some(record) = &mut self.record
            && let Some(number) = record.names().iter().position(|field| *field == name.0)
        {
            let field = record.any_field_mut(number);
            return if field.place() == place { field.read(json) } else { Err(misplaced(place)) };
        }
        match place {
            FieldPlace::Attributes => Ok(()),
            FieldPlace::Relationships => check_relationship(json),
        }
    }
}

fn misplaced(place: FieldPlace) -> FieldError {
    FieldError::new(match place {
        FieldPlace::Attributes => "for the program this is a relationship, not an attribute",
        FieldPlace::Relationships => "for the program this is an attribute, not a relationship",
    })
}
