//! Reads saved documents, as [`write`](super::write) writes them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::found::Found;
use super::head::Head;
use super::identifier::Identifier;
use super::links::{read_links, read_meta};
use super::pointer::{FieldError, expected, read_object};
use super::repeated::Repeated;
use super::response::{Expected, Primary, Response};
use super::visit::{each_element, present, read_list};
use super::{ReadError, one_pass};
use crate::record::RecordRef;
use crate::record_types::RecordTypes;

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
    skipped: usize,
}

/// Reads a saved document.
pub(crate) fn read_saved(json: &str, types: &RecordTypes, expected: Expected) -> Result<Response, ReadError> {
    if let Some(response) = one_pass::read_saved(json, types, expected) {
        return Ok(response);
    }
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
    let mut found = Found::new(types, &(), Repeated::nothing(&()));
    found.skipped = members.skipped;
    each_element(members.resources, &mut |json| found.add(json).map(drop))
        .map_err(|error| error.within("resources"))?;
    let primary = match members.data {
        None => Primary::Absent,
        Some(data) => saved_primary(data, types, expected).map_err(|error| error.within("data"))?,
    };
    let head = Head { links: read_links(members.links)?, meta: read_meta(members.meta)? };
    Ok(Response { primary, records: found.records(), head, skipped: found.skipped, renamed: Vec::new() })
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
