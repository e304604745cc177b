//! Relationship objects: what a response says of the records that a record names.

use serde_json::value::RawValue;
use std::sync::Arc;

use super::identifier::Identifier;
use super::links::{check_meta, read_links, read_meta};
use super::pointer::{FieldError, expected};
use super::visit::{defined_members, each_element, read_list};
use super::{Links, Meta};
use crate::field::Field;

/// A relationship object, whose members have not been read yet.
pub(crate) struct RelationshipObject<'a> {
    data: Option<&'a RawValue>,
    links: Option<&'a RawValue>,
    meta: Option<&'a RawValue>,
}

impl<'a> RelationshipObject<'a> {
    pub(crate) fn read(json: &'a RawValue) -> Result<Self, FieldError> {
        let [data, links, meta] = defined_members(json, ["data", "links", "meta"])?;
        if data.is_none() && links.is_none() && meta.is_none() {
            return Err(FieldError::new("a relationship needs at least one of `data`, `links` and `meta`"));
        }
        Ok(Self { data, links, meta })
    }

    pub(crate) fn links(&self) -> Result<Option<Links>, FieldError> {
        read_links(self.links)
    }

    pub(crate) fn meta(&self) -> Result<Option<Meta>, FieldError> {
        read_meta(self.meta)
    }

    /// Reads the data of a relationship to one record.
    pub(crate) fn one<K>(
        &self,
        read: fn(&RawValue) -> Result<K, FieldError>,
    ) -> Result<Field<K>, FieldError> {
        let Some(data) = self.data else { return Ok(Field::Absent) };
        let key = match data.get().as_bytes().first() {
            Some(b'n') => return Ok(Field::Null),
            Some(b'{') => read(data),
            _ => Err(expected("a resource identifier or null", data)),
        };
        key.map(Field::Value).map_err(|error| error.within("data"))
    }

    /// Reads the data of a relationship to many records.
    pub(crate) fn many<K>(
        &self,
        read: fn(&RawValue) -> Result<K, FieldError>,
    ) -> Result<Field<Arc<[K]>>, FieldError> {
        let Some(data) = self.data else { return Ok(Field::Absent) };
        let keys = match data.get().as_bytes().first() {
            Some(b'[') => read_list(data, &mut |member| read(member)),
            _ => Err(expected("a list of resource identifiers", data)),
        };
        keys.map(|keys| Field::Value(keys.into())).map_err(|error| error.within("data"))
    }
}

/// Checks the form of a relationship that the program does not know.
pub(crate) fn check_relationship(json: &RawValue) -> Result<(), FieldError> {
    let object = RelationshipObject::read(json)?;
    object.links()?;
    check_meta(object.meta)?;
    let Some(data) = object.data else { return Ok(()) };
    let checked = match data.get().as_bytes().first() {
        Some(b'n') => Ok(()),
        Some(b'{') => check_identifier(data),
        Some(b'[') => each_element(data, &mut check_identifier),
        _ => Err(expected("a resource identifier, a list of them or null", data)),
    };
    checked.map_err(|error| error.within("data"))
}

fn check_identifier(json: &RawValue) -> Result<(), FieldError> {
    Identifier::read(json)?.id().map(drop)
}
