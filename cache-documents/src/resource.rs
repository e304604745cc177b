//! The types of records.

use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::sync::Arc;

use cache_core::Query;

use crate::field::AnyField;
use crate::id::Id;
use crate::record::RecordRef;

/// The type of a record: all that is known of one thing, from whatever response. Derive it.
///
/// # Examples
/// ```
/// # use std::sync::Arc;
/// # use cache_core::Query;
/// use cache_documents::{Field, Id, One, Resource};
///
/// #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// #[query(value = Person, record)]
/// pub struct PersonId(pub Id);
///
/// #[derive(Resource, Clone, Debug, PartialEq)]
/// #[resource(type = "people", key = PersonId, rename_all = "camelCase")]
/// pub struct Person {
///     pub first_name: Field<Arc<str>>,
///     #[resource(rename = "works-for")]
///     pub manager: One<PersonId>,
/// }
///
/// assert_eq!(Person::FIELDS, ["firstName", "works-for"]);
/// assert!(Person::absent().first_name.is_absent());
/// ```
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

/// The table of a type, for the check that it holds records.
#[derive(Debug)]
pub struct TableOf<Q>(PhantomData<Q>);

impl<Q: Query> TableOf<Q> {
    /// Whether the table holds records. Goes before the constant of [`NoQuery`] if the type is a query.
    pub const IS_RECORD: bool = Q::IS_RECORD;
}

/// Stands in for the check of a type that is no query.
pub trait NoQuery {
    /// No mistake is found.
    const IS_RECORD: bool = true;
}

impl<Q> NoQuery for TableOf<Q> {}

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

/// Returns a record with ids in place of the local ones that have become ids, and the numbers of the fields that had such;
/// `None` if there are none.
pub(crate) fn relinked(
    record: &dyn AnyRecord,
    ids: &dyn Fn(&RecordRef) -> Option<Id>,
) -> Option<(Arc<dyn AnyRecord>, Vec<u16>)> {
    let numbers = (0_u16..).zip(0..record.names().len());
    let local: Vec<_> = numbers.filter(|(_, number)| record.any_field(*number).names_locally()).collect();
    if local.is_empty() {
        return None;
    }
    let mut next = record.to_arc();
    // A copy of its own.
    let copy = Arc::get_mut(&mut next)?;
    let is_relinked = |(field, number)| copy.any_field_mut(number).relink(ids).then_some(field);
    let fields: Vec<_> = local.into_iter().filter_map(is_relinked).collect();
    (!fields.is_empty()).then_some((next, fields))
}

/// Returns a record with its type.
pub(crate) fn typed<R: Resource>(record: Arc<dyn AnyRecord>) -> Option<Arc<R>> {
    (record as Arc<dyn Any + Send + Sync>).downcast().ok()
}

impl RecordRef {
    /// Returns the record that a key names.
    pub(crate) fn of<K: ResourceKey>(key: &K) -> Self
    where
        K::Value: 'static,
    {
        Self { resource: TypeId::of::<K::Value>(), id: key.id().clone() }
    }
}
