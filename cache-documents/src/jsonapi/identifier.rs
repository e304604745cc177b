//! Resource identifier objects: type and id, or type and local id.

use serde_json::value::RawValue;

use super::links::check_meta;
use super::name::is_allowed;
use super::pointer::{FieldError, read_value};
use super::visit::{Text, defined_members, optional_text};
use crate::id::Id;

/// A resource identifier object.
pub(crate) struct Identifier<'a> {
    kind: Text<'a>,
    id: Option<Text<'a>>,
    lid: Option<Text<'a>>,
}

impl<'a> Identifier<'a> {
    pub(crate) fn read(json: &'a RawValue) -> Result<Self, FieldError> {
        let [kind, id, lid, meta] = defined_members(json, ["type", "id", "lid", "meta"])?;
        let kind = read_type(kind)?;
        let (id, lid) = (optional_text("id", id)?, optional_text("lid", lid)?);
        check_meta(meta)?;
        Ok(Self { kind, id, lid })
    }

    /// Returns the id of a resource of this type.
    pub(crate) fn key_of(self, kind: &str) -> Result<Id, FieldError> {
        if self.kind.0 != kind {
            let problem = format!("the type is `{}`, where `{kind}` is expected", self.kind.0);
            return Err(FieldError::new(problem).within("type"));
        }
        self.id()
    }

    /// Returns the id.
    pub(crate) fn id(&self) -> Result<Id, FieldError> {
        id_of(self.id.as_ref(), self.lid.as_ref())
    }
}

/// Reads the name of a type.
pub(crate) fn read_type(json: Option<&RawValue>) -> Result<Text<'_>, FieldError> {
    let json = json.ok_or_else(|| FieldError::new("a `type` is missing"))?;
    let kind: Text<'_> = read_value(json).map_err(|error: FieldError| error.within("type"))?;
    if is_allowed(&kind.0) {
        return Ok(kind);
    }
    Err(FieldError::new(format!("`{}` is not the name of a type", kind.0)).within("type"))
}

/// Returns the id, or the local id of what has no other.
pub(crate) fn id_of(id: Option<&Text<'_>>, lid: Option<&Text<'_>>) -> Result<Id, FieldError> {
    match (id, lid) {
        (Some(Text(id)), _) if id.is_empty() => Err(FieldError::new("an id is not empty").within("id")),
        (Some(Text(id)), _) if is_given(id) => Ok(Id::from(&**id)),
        (Some(_), _) => {
            Err(FieldError::new("an id does not begin with `@lid:`, which marks local ids").within("id"))
        }
        (None, Some(Text(lid))) if lid.is_empty() => {
            Err(FieldError::new("a local id is not empty").within("lid"))
        }
        (None, Some(Text(lid))) => Ok(Id::local(lid)),
        (None, None) => Err(FieldError::new("an `id` is missing")),
    }
}

/// Returns whether a server may give this id.
pub(crate) fn is_given(id: &str) -> bool {
    !id.is_empty() && !Id::is_local(id)
}
