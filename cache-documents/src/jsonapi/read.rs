//! Reads a whole document.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error_object::ErrorObject;
use super::head::{Head, check_version};
use super::identifier::Identifier;
use super::links::{read_links, read_meta};
use super::pointer::{FieldError, ReadError, expected, read_object};
use super::resource_object::ResourceObject;
use super::visit::{each_element, present, read_list};
use crate::field::Parts;
use crate::map::HashMap;
use crate::record::RecordRef;
use crate::record_types::RecordTypes;
use crate::resource::AnyRecord;

/// The primary data of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Primary {
    /// The document has no such member.
    Absent,
    Null,
    One(RecordRef),
    Many(Arc<[RecordRef]>),
}

impl Primary {
    /// Returns the same data without the records that are gone, if it is a list.
    pub(crate) fn without(&self, is_gone: &dyn Fn(&RecordRef) -> bool) -> Self {
        match self {
            Self::Many(records) if records.iter().any(is_gone) => {
                Self::Many(records.iter().filter(|name| !is_gone(name)).cloned().collect())
            }
            primary => primary.clone(),
        }
    }
}

/// What a document says.
pub(crate) struct Response {
    pub(crate) primary: Primary,
    /// Each record once.
    pub(crate) records: Vec<(RecordRef, Arc<dyn AnyRecord>)>,
    pub(crate) head: Head,
    /// The number of resources of types that the program does not list.
    pub(crate) skipped: usize,
}

/// The members of a document, which have not been read yet.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    included: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    errors: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    links: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    meta: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    jsonapi: Option<&'a RawValue>,
}

/// What primary data a query expects.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    /// The name of the type.
    pub(crate) kind: &'static str,
    pub(crate) is_collection: bool,
}

/// Reads a document.
pub(crate) fn read(body: &[u8], types: &RecordTypes, expected: Expected) -> Result<Response, ReadError> {
    read_as(body, types, Some(expected))
}

/// Reads a document with any primary data. Resources of types that the program does not list are left out.
#[cfg(feature = "http")]
pub(crate) fn read_any(body: &[u8], types: &RecordTypes) -> Result<Response, ReadError> {
    read_as(body, types, None)
}

fn read_as(body: &[u8], types: &RecordTypes, expected: Option<Expected>) -> Result<Response, ReadError> {
    // One pass finds the members of a document that is well-formed.
    if body.trim_ascii_start().starts_with(b"{")
        && let Ok(members) = serde_json::from_slice(body)
    {
        return Ok(read_members(members, types, expected)?);
    }
    let json: &RawValue = match serde_json::from_slice(body) {
        Ok(json) => json,
        Err(error) => return Err(FieldError::new(error.to_string()).into()),
    };
    Ok(read_members(read_object(json)?, types, expected)?)
}

fn read_members(
    members: Members<'_>,
    types: &RecordTypes,
    expected: Option<Expected>,
) -> Result<Response, FieldError> {
    if members.data.is_none() && members.errors.is_none() && members.meta.is_none() {
        return Err(FieldError::new("a document needs at least one of `data`, `errors` and `meta`"));
    }
    if members.data.is_some() && members.errors.is_some() {
        return Err(FieldError::new("a document must not have both `data` and `errors`").within("errors"));
    }
    if members.data.is_none() && members.included.is_some() {
        return Err(FieldError::new("a document without `data` must not have `included`").within("included"));
    }
    let mut found = Found { types, records: Vec::new(), places: HashMap::default(), skipped: 0 };
    let primary = match members.data {
        None => Primary::Absent,
        Some(data) => found.any_primary(data, expected).map_err(|error| error.within("data"))?,
    };
    if let Some(included) = members.included {
        each_element(included, &mut |json| found.add(json).map(drop))
            .map_err(|error| error.within("included"))?;
    }
    check_version(members.jsonapi)?;
    let head = Head {
        links: read_links(members.links)?,
        meta: read_meta(members.meta)?,
        errors: members.errors.map(read_errors).transpose()?,
    };
    Ok(Response { primary, records: found.records, head, skipped: found.skipped })
}

/// The members of a [saved](super::write::WrittenDocument) document, which have not been read yet.
#[derive(Deserialize)]
struct SavedMembers<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    resources: &'a RawValue,
    #[serde(borrow, default, deserialize_with = "present")]
    links: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    meta: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    errors: Option<&'a RawValue>,
    skipped: usize,
}

/// Reads a saved document.
pub(crate) fn read_saved(json: &str, types: &RecordTypes, expected: Expected) -> Result<Response, ReadError> {
    let json: &RawValue = match serde_json::from_str(json) {
        Ok(json) => json,
        Err(error) => return Err(FieldError::new(error.to_string()).into()),
    };
    Ok(read_saved_members(read_object(json)?, types, expected)?)
}

fn read_saved_members(
    members: SavedMembers<'_>,
    types: &RecordTypes,
    expected: Expected,
) -> Result<Response, FieldError> {
    let mut found =
        Found { types, records: Vec::new(), places: HashMap::default(), skipped: members.skipped };
    each_element(members.resources, &mut |json| found.add(json).map(drop))
        .map_err(|error| error.within("resources"))?;
    let primary = match members.data {
        None => Primary::Absent,
        Some(data) => saved_primary(data, types, expected).map_err(|error| error.within("data"))?,
    };
    let head = Head {
        links: read_links(members.links)?,
        meta: read_meta(members.meta)?,
        errors: members.errors.map(read_errors).transpose()?,
    };
    Ok(Response { primary, records: found.records, head, skipped: found.skipped })
}

fn saved_primary(
    json: &RawValue,
    types: &RecordTypes,
    Expected { kind, is_collection }: Expected,
) -> Result<Primary, FieldError> {
    let Some(record_type) = types.by_name(kind) else { return Err(FieldError::new("its type is unknown")) };
    let name = |json: &RawValue| -> Result<RecordRef, FieldError> {
        let id = Identifier::read(json)?.key_of(kind)?;
        Ok(RecordRef { resource: record_type.resource, id })
    };
    match (json.get().as_bytes().first(), is_collection) {
        (Some(b'['), true) => Ok(Primary::Many(read_list(json, &mut |json| name(json))?.into())),
        (Some(b'n'), false) => Ok(Primary::Null),
        (Some(b'{'), false) => name(json).map(Primary::One),
        (_, true) => Err(expected("a list of identifiers", json)),
        (_, false) => Err(expected("an identifier or null", json)),
    }
}

fn read_errors(json: &RawValue) -> Result<Vec<ErrorObject>, FieldError> {
    read_list(json, &mut ErrorObject::read).map_err(|error| error.within("errors"))
}

/// The records of a document that have been read so far.
struct Found<'t> {
    types: &'t RecordTypes,
    records: Vec<(RecordRef, Arc<dyn AnyRecord>)>,
    places: HashMap<RecordRef, usize>,
    skipped: usize,
}

impl Found<'_> {
    fn any_primary(&mut self, json: &RawValue, expected: Option<Expected>) -> Result<Primary, FieldError> {
        match (expected, json.get().as_bytes().first()) {
            (Some(expected), _) => self.primary(json, expected),
            (None, Some(b'[')) => {
                let records = read_list(json, &mut |json| self.add(json))?;
                Ok(Primary::Many(records.into_iter().flatten().collect()))
            }
            (None, Some(b'n')) => Ok(Primary::Null),
            (None, Some(b'{')) => Ok(self.add(json)?.map_or(Primary::Absent, Primary::One)),
            (None, _) => Err(expected_any(json)),
        }
    }

    fn primary(
        &mut self,
        json: &RawValue,
        Expected { kind, is_collection }: Expected,
    ) -> Result<Primary, FieldError> {
        match (json.get().as_bytes().first(), is_collection) {
            (Some(b'['), true) => {
                let records = read_list(json, &mut |json| self.add_primary(json, kind))?;
                Ok(Primary::Many(records.into()))
            }
            (Some(b'n'), false) => Ok(Primary::Null),
            (Some(b'{'), false) => self.add_primary(json, kind).map(Primary::One),
            (_, true) => Err(expected("a list of resources", json)),
            (_, false) => Err(expected("a resource or null", json)),
        }
    }

    fn add_primary(&mut self, json: &RawValue, kind: &str) -> Result<RecordRef, FieldError> {
        let object = ResourceObject::read(json)?;
        if object.kind != kind {
            let problem = format!("the type is `{}`, where `{kind}` is expected", object.kind);
            return Err(FieldError::new(problem).within("type"));
        }
        match self.add_object(&object)? {
            Some(record) => Ok(record),
            None => {
                Err(FieldError::new(format!("the program does not list the type `{kind}`")).within("type"))
            }
        }
    }

    fn add(&mut self, json: &RawValue) -> Result<Option<RecordRef>, FieldError> {
        self.add_object(&ResourceObject::read(json)?)
    }

    /// Adds a record. What a document says twice is merged in order.
    fn add_object(&mut self, object: &ResourceObject<'_>) -> Result<Option<RecordRef>, FieldError> {
        let Some(record_type) = self.types.by_name(&object.kind) else {
            object.check()?;
            self.skipped += 1;
            return Ok(None);
        };
        let (name, record) = object.record(record_type)?;
        match self.places.entry(name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(self.records.len());
                self.records.push((name.clone(), record));
            }
            Entry::Occupied(entry) => {
                // Just made, so that there is no other handle.
                if let Some(first) = Arc::get_mut(&mut self.records[*entry.get()].1) {
                    take_all(first, &*record);
                }
            }
        }
        Ok(Some(name))
    }
}

fn expected_any(json: &RawValue) -> FieldError {
    expected("a resource, a list of resources or null", json)
}

/// Takes all that is known of another record of the same type.
fn take_all(record: &mut dyn AnyRecord, other: &dyn AnyRecord) {
    for number in 0..record.names().len() {
        let newer = other.any_field(number);
        let known: Parts = newer.known();
        if known != 0 {
            record.any_field_mut(number).take(newer, known);
        }
    }
}
