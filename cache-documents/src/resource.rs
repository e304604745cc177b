//! The types of records.

use std::any::Any;
use std::sync::Arc;

use cache_core::Query;

use crate::field::AnyField;
use crate::id::Id;

/// The type of a record: all that is known of one thing, from whatever response. Derive it.
pub trait Resource: Clone + PartialEq + Send + Sync + 'static {
    /// The query whose keys name the records of this type.
    type Key: ResourceKey<Value = Self>;
    /// The name of the type in responses.
    const TYPE: &'static str;
    /// The names of the fields in responses.
    const FIELDS: &'static [&'static str];

    /// Returns a record of which nothing is known.
    fn absent() -> Self;

    /// Returns the field with this number, which is less than the number of fields.
    #[doc(hidden)]
    fn field(&self, number: usize) -> &dyn AnyField;

    /// Returns the field with this number for writing.
    #[doc(hidden)]
    fn field_mut(&mut self, number: usize) -> &mut dyn AnyField;
}

/// A query whose keys name records by their ids. `derive(Resource)` implements it for the key that it names.
pub trait ResourceKey: Query {
    /// Returns the key of the record with this id.
    fn from_id(id: Id) -> Self;

    /// Returns the id.
    fn id(&self) -> &Id;
}

/// A record of unknown type.
pub(crate) trait AnyRecord: Any + Send + Sync {
    fn names(&self) -> &'static [&'static str];
    fn any_field(&self, number: usize) -> &dyn AnyField;
    fn any_field_mut(&mut self, number: usize) -> &mut dyn AnyField;
    fn to_arc(&self) -> Arc<dyn AnyRecord>;
}

impl<R: Resource> AnyRecord for R {
    fn names(&self) -> &'static [&'static str] {
        R::FIELDS
    }

    fn any_field(&self, number: usize) -> &dyn AnyField {
        self.field(number)
    }

    fn any_field_mut(&mut self, number: usize) -> &mut dyn AnyField {
        self.field_mut(number)
    }

    fn to_arc(&self) -> Arc<dyn AnyRecord> {
        Arc::new(self.clone())
    }
}

/// Returns a record with its type.
pub(crate) fn typed<R: Resource>(record: Arc<dyn AnyRecord>) -> Option<Arc<R>> {
    (record as Arc<dyn Any + Send + Sync>).downcast().ok()
}
