//! What is known of one field of a record.

use std::any::Any;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::id::Id;
use crate::jsonapi::cursor::Cursor;
use crate::jsonapi::pointer::{FieldError, read_value};
use crate::jsonapi::visit::Text;
use crate::record::RecordRef;

/// What is known of an attribute. No response has mentioned it, or the last one that did has said that it is null, or has
/// given its value.
///
/// # Examples
/// ```
/// use cache_documents::Field;
///
/// let name = Field::Value("Ann".to_owned());
/// assert_eq!(name.value().map(String::as_str), Some("Ann"));
/// assert!(Field::<String>::Absent.is_absent());
/// assert_eq!(Field::<String>::Null.value(), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Field<T> {
    /// No response has mentioned the field.
    #[default]
    Absent,
    /// The field is null.
    Null,
    /// The value of the field.
    Value(T),
}

impl<T> Field<T> {
    /// Returns the value; `None` if the field is null or absent.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// Returns whether no response has mentioned the field.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Returns whether the field is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

/// A set of the parts of a field, as bits. An attribute has one part, a relationship three.
pub type Parts = u8;

/// The value of an attribute, or the data of a relationship.
pub(crate) const DATA: Parts = 1;
/// The links of a relationship.
pub(crate) const LINKS: Parts = 2;
/// The meta of a relationship.
pub(crate) const META: Parts = 4;

/// Where a field stands in a resource object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldPlace {
    /// Under `attributes`.
    Attributes,
    /// Under `relationships`.
    Relationships,
}

/// A field of a record of unknown type.
#[diagnostic::on_unimplemented(
    message = "a field of a record must be a `Field`, a `One` or a `Many`, and `{Self}` is none of them",
    label = "must be a `Field`, a `One` or a `Many`",
    note = "write `Field<T>` for an attribute of type `T`, `One<Key>` for a relationship to one record, `Many<Key>` for one to many"
)]
pub trait AnyField: Any + Send + Sync {
    /// Returns a field of which nothing is known.
    fn absent() -> Self
    where
        Self: Sized;
    /// Returns this field without its type.
    fn as_field(&self) -> &dyn AnyField
    where
        Self: Sized,
    {
        self
    }
    /// Returns this field without its type, for writing.
    fn as_field_mut(&mut self) -> &mut dyn AnyField
    where
        Self: Sized,
    {
        self
    }
    /// Returns where the field stands in a resource object.
    fn place(&self) -> FieldPlace;
    /// Returns the parts that are not absent.
    fn known(&self) -> Parts;
    /// Returns the parts, among `parts`, in which a field of the same type differs.
    fn differs(&self, other: &dyn AnyField, parts: Parts) -> Parts;
    /// Takes these parts of a field of the same type.
    fn take(&mut self, other: &dyn AnyField, parts: Parts);
    /// Reads what a response says of the field.
    ///
    /// # Errors
    /// The JSON does not fit.
    fn read(&mut self, json: &RawValue) -> Result<(), FieldError>;
    /// Reads the next value of a response into the field; `None` if it is unusual or does not fit, which leaves the field
    /// with any content.
    fn read_next(&mut self, cursor: &mut Cursor<'_>) -> Option<()>;
    /// Reads the next value of a response; `None` if it says anything else than the field, or is unusual.
    fn repeats(&self, cursor: &mut Cursor<'_>) -> Option<()>;
    /// Returns whether the field names a record.
    fn names(&self, record: &RecordRef) -> bool;
    /// Makes a link to a record null, or takes it out of a list.
    fn unlink(&mut self, record: &RecordRef);
    /// Returns whether the field names a record by a local id.
    fn names_locally(&self) -> bool;
    /// Replaces local ids by those that they have become. Returns whether there were any.
    fn relink(&mut self, ids: &dyn Fn(&RecordRef) -> Option<Id>) -> bool;
}

impl<T: DeserializeOwned + Clone + PartialEq + Send + Sync + 'static> AnyField for Field<T> {
    fn absent() -> Self {
        Self::Absent
    }

    fn place(&self) -> FieldPlace {
        FieldPlace::Attributes
    }

    fn known(&self) -> Parts {
        if self.is_absent() { 0 } else { DATA }
    }

    fn differs(&self, other: &dyn AnyField, parts: Parts) -> Parts {
        let is_same = (other as &dyn Any).downcast_ref::<Self>().is_some_and(|other| self == other);
        if is_same { 0 } else { parts & DATA }
    }

    fn take(&mut self, other: &dyn AnyField, parts: Parts) {
        if let Some(other) = (other as &dyn Any).downcast_ref::<Self>()
            && parts & DATA != 0
        {
            self.clone_from(other);
        }
    }

    fn read(&mut self, json: &RawValue) -> Result<(), FieldError> {
        *self = match json.get() {
            "null" => Self::Null,
            _ => Self::Value(read_value(json)?),
        };
        Ok(())
    }

    fn read_next(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        if let Some(text) = (self as &mut dyn Any).downcast_mut::<Field<Arc<str>>>() {
            // A common type, which would be allocated twice.
            *text =
                cursor.nullable(Cursor::text)?.map_or(Field::Null, |Text(text)| Field::Value(text.into()));
        } else {
            *self = cursor.nullable(Cursor::value)?.map_or(Self::Null, Self::Value);
        }
        Some(())
    }

    fn repeats(&self, cursor: &mut Cursor<'_>) -> Option<()> {
        match self {
            Self::Absent => None,
            Self::Null => cursor.null(),
            Self::Value(value) => match text_of(value) {
                Some(text) => cursor.same_text(text),
                // Some types can be read from null too.
                None if cursor.null().is_some() => None,
                None => cursor.value::<T>().filter(|other| other == value).map(drop),
            },
        }
    }

    fn names(&self, _: &RecordRef) -> bool {
        false
    }

    fn unlink(&mut self, _: &RecordRef) {}

    fn names_locally(&self) -> bool {
        false
    }

    fn relink(&mut self, _: &dyn Fn(&RecordRef) -> Option<Id>) -> bool {
        false
    }
}

/// Returns the text of a value of a common type of texts, which need not be read to be compared.
fn text_of<T: Any>(value: &T) -> Option<&str> {
    let value: &dyn Any = value;
    value
        .downcast_ref::<Arc<str>>()
        .map(|text| &**text)
        .or_else(|| value.downcast_ref::<String>().map(|text| &**text))
}

/// Returns a field for the methods of a record without fields, which are never called.
#[must_use]
pub fn no_field() -> &'static mut dyn AnyField {
    Box::leak(Box::new(Field::<()>::Absent))
}
