//! Resource objects: what a response says of one record.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::pointer::{FieldError, read_value};
use crate::field::FieldPlace;
use crate::id::Id;
use crate::records::record::RecordRef;
use crate::relation::present;
use crate::resource::AnyRecord;
use crate::resources::RecordType;

/// A resource object, of which only type and id have been read.
#[derive(Deserialize)]
pub(crate) struct ResourceObject<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    attributes: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    relationships: Option<&'a RawValue>,
}

impl<'a> ResourceObject<'a> {
    pub(crate) fn read(json: &'a RawValue) -> Result<Self, FieldError> {
        read_value(json)
    }

    /// Reads the fields, into a record of this type.
    pub(crate) fn record(
        &self,
        record_type: &RecordType,
    ) -> Result<(RecordRef, Arc<dyn AnyRecord>), FieldError> {
        let Some(id) = &self.id else {
            return Err(FieldError::new("a resource of a response needs an `id`"));
        };
        let mut record = (record_type.absent)();
        // Just made, so that there is no other handle.
        if let Some(record) = Arc::get_mut(&mut record) {
            let places = [
                (FieldPlace::Attributes, "attributes", self.attributes),
                (FieldPlace::Relationships, "relationships", self.relationships),
            ];
            for (place, name, json) in places {
                let Some(json) = json else { continue };
                read_fields(record, place, json).map_err(|error| error.within(name))?;
            }
        }
        Ok((RecordRef { resource: record_type.resource, id: Id::from(&**id) }, record))
    }
}

/// Reads the members of `attributes` or `relationships`. Members that the record does not have are ignored.
fn read_fields(record: &mut dyn AnyRecord, place: FieldPlace, json: &RawValue) -> Result<(), FieldError> {
    let mut problem = None;
    let mut deserializer = serde_json::Deserializer::from_str(json.get());
    let fields = Fields { record, place, problem: &mut problem };
    let read = fields.deserialize(&mut deserializer);
    match (problem, read) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(()),
        // Not an object.
        (None, Err(_)) => read_value::<serde_json::Map<String, serde_json::Value>>(json).map(drop),
    }
}

struct Fields<'r> {
    record: &'r mut dyn AnyRecord,
    place: FieldPlace,
    problem: &'r mut Option<FieldError>,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let names = self.record.names();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let json = map.next_value::<&'de RawValue>()?;
            let Some(number) = names.iter().position(|field| **field == *name) else { continue };
            let field = self.record.any_field_mut(number);
            if field.place() != self.place || self.problem.is_some() {
                continue;
            }
            *self.problem = field.read(json).err().map(|error| error.within(&name));
        }
        Ok(())
    }
}
