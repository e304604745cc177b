//! Resource identifier objects: type and id.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::pointer::{FieldError, read_value};
use crate::id::Id;

/// A resource identifier object.
#[derive(Deserialize)]
pub(crate) struct Identifier<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
}

impl<'a> Identifier<'a> {
    pub(crate) fn read(json: &'a RawValue) -> Result<Self, FieldError> {
        read_value(json)
    }

    /// Returns the id of a resource of this type.
    pub(crate) fn key_of(self, kind: &str) -> Result<Id, FieldError> {
        if self.kind != kind {
            let problem = format!("the type is `{}`, where `{kind}` is expected", self.kind);
            return Err(FieldError::new(problem).within("type"));
        }
        match self.id {
            Some(id) => Ok(Id::from(&*id)),
            None => Err(FieldError::new("a resource identifier needs an `id`")),
        }
    }
}
