//! Reads a whole document.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::found::Found;
use super::head::{Head, check_version};
use super::links::{read_links, read_meta};
use super::pointer::{FieldError, read_object};
use super::repeated::Repeated;
use super::response::{Expected, Known, Primary, Response};
use super::visit::{each_element, present, read_list};
use super::{DocumentError, DocumentErrors, ErrorObject, one_pass};
use crate::record_types::RecordTypes;

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

/// Reads a document. One that reports errors is an error.
pub(crate) fn read(
    body: &[u8],
    types: &RecordTypes,
    expected: Expected,
    known: &dyn Known,
) -> Result<Response, DocumentError> {
    read_as(body, types, Some(expected), known)
}

/// Reads a document with any primary data. Resources of types that the program does not list are left out.
#[cfg(feature = "http")]
pub(crate) fn read_any(
    body: &[u8],
    types: &RecordTypes,
    known: &dyn Known,
) -> Result<Response, DocumentError> {
    read_as(body, types, None, known)
}

fn read_as(
    body: &[u8],
    types: &RecordTypes,
    expected: Option<Expected>,
    known: &dyn Known,
) -> Result<Response, DocumentError> {
    let response = str::from_utf8(body).ok().and_then(|text| one_pass::read(text, types, expected, known));
    response.map_or_else(|| read_by_members(body, types, expected, known), Ok)
}

/// Reads a document that is unusual, or says what is wrong with it.
fn read_by_members(
    body: &[u8],
    types: &RecordTypes,
    expected: Option<Expected>,
    known: &dyn Known,
) -> Result<Response, DocumentError> {
    // One pass finds the members of a document that is well-formed.
    if body.trim_ascii_start().starts_with(b"{")
        && let Ok(members) = serde_json::from_slice(body)
    {
        return read_members(&members, types, expected, known);
    }
    let json: &RawValue = match serde_json::from_slice(body) {
        Ok(json) => json,
        Err(error) => return Err(FieldError::new(error.to_string()).into()),
    };
    read_members(&read_object(json)?, types, expected, known)
}

fn read_members(
    members: &Members<'_>,
    types: &RecordTypes,
    expected: Option<Expected>,
    known: &dyn Known,
) -> Result<Response, DocumentError> {
    check_members(members)?;
    check_version(members.jsonapi)?;
    match members.errors {
        Some(errors) => Err(read_errors(errors, members)?.into()),
        None => Ok(read_data(members, types, expected, known)?),
    }
}

fn check_members(members: &Members<'_>) -> Result<(), FieldError> {
    if members.data.is_none() && members.errors.is_none() && members.meta.is_none() {
        return Err(FieldError::new("a document needs at least one of `data`, `errors` and `meta`"));
    }
    if members.data.is_some() && members.errors.is_some() {
        return Err(FieldError::new("a document must not have both `data` and `errors`").within("errors"));
    }
    if members.data.is_none() && members.included.is_some() {
        return Err(FieldError::new("a document without `data` must not have `included`").within("included"));
    }
    Ok(())
}

fn read_data(
    members: &Members<'_>,
    types: &RecordTypes,
    expected: Option<Expected>,
    known: &dyn Known,
) -> Result<Response, FieldError> {
    let mut found = Found::new(types, known, Repeated::nothing(known));
    let primary = match members.data {
        None => Primary::Absent,
        Some(data) => found.any_primary(data, expected).map_err(|error| error.within("data"))?,
    };
    if let Some(included) = members.included {
        each_element(included, &mut |json| found.add(json).map(drop))
            .map_err(|error| error.within("included"))?;
    }
    let head = Head { links: read_links(members.links)?, meta: read_meta(members.meta)? };
    Ok(found.response(primary, head))
}

fn read_errors(json: &RawValue, members: &Members<'_>) -> Result<DocumentErrors, FieldError> {
    let errors = read_list(json, &mut ErrorObject::read).map_err(|error| error.within("errors"))?;
    Ok(DocumentErrors { errors, links: read_links(members.links)?, meta: read_meta(members.meta)? })
}
