//! What a document says besides its records.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::links::check_meta;
use super::pointer::{FieldError, read_object};
use super::visit::present;
use super::{Links, Meta};

/// What a document says besides its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) links: Option<Links>,
    pub(crate) meta: Option<Meta>,
}

/// What a server implements. Only its form is checked: each version adds to those before it.
#[derive(Deserialize)]
struct JsonApi<'a> {
    #[serde(rename = "version")]
    _version: Option<String>,
    #[serde(rename = "ext", default)]
    _extensions: Vec<String>,
    #[serde(rename = "profile", default)]
    _profiles: Vec<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    meta: Option<&'a RawValue>,
}

/// Checks the member `jsonapi` of a document.
pub(crate) fn check_version(json: Option<&RawValue>) -> Result<(), FieldError> {
    let Some(json) = json else { return Ok(()) };
    let checked = read_object::<JsonApi<'_>>(json).and_then(|jsonapi| check_meta(jsonapi.meta));
    checked.map_err(|error| error.within("jsonapi"))
}
