//! Resource identifier objects: type and id, or type and local id.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::links::check_meta;
use super::name::is_allowed;
use super::pointer::{FieldError, read_object};
use super::visit::{Text, present};
use crate::id::Id;

/// A resource identifier object.
#[derive(Deserialize)]
pub(crate) struct Identifier<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    lid: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    meta: Option<&'a RawValue>,
}

impl<'a> Identifier<'a> {
    pub(crate) fn read(json: &'a RawValue) -> Result<Self, FieldError> {
        let identifier: Self = read_object(json)?;
        check_type(&identifier.kind)?;
        check_meta(identifier.meta)?;
        Ok(identifier)
    }

    /// Returns the id of a resource of this type.
    pub(crate) fn key_of(self, kind: &str) -> Result<Id, FieldError> {
        if self.kind != kind {
            let problem = format!("the type is `{}`, where `{kind}` is expected", self.kind);
            return Err(FieldError::new(problem).within("type"));
        }
        self.id()
    }

    /// Returns the id.
    pub(crate) fn id(&self) -> Result<Id, FieldError> {
        id_of(self.id.as_ref(), self.lid.as_ref())
    }
}

/// Checks the name of a type.
pub(crate) fn check_type(kind: &str) -> Result<(), FieldError> {
    if is_allowed(kind) {
        return Ok(());
    }
    Err(FieldError::new(format!("`{kind}` is not the name of a type")).within("type"))
}

/// Returns the id, or the local id of what has no other.
pub(crate) fn id_of(id: Option<&Text<'_>>, lid: Option<&Text<'_>>) -> Result<Id, FieldError> {
    match (id, lid) {
        (Some(Text(id)), _) if id.is_empty() => Err(FieldError::new("an id is not empty").within("id")),
        (Some(Text(id)), _) => match Id::from(&**id) {
            id if id.lid().is_some() => {
                Err(FieldError::new("an id does not begin with `@lid:`, which marks local ids").within("id"))
            }
            id => Ok(id),
        },
        (None, Some(Text(lid))) if lid.is_empty() => {
            Err(FieldError::new("a local id is not empty").within("lid"))
        }
        (None, Some(Text(lid))) => Ok(Id::local(lid)),
        (None, None) => Err(FieldError::new("an `id` is missing")),
    }
}
