//! The record types of a program, by name and by type. Knows no cache.

use std::any::TypeId;
use std::sync::Arc;

use crate::frame::{RecordList, ToList};
use crate::jsonapi::name::is_allowed;
use crate::map::HashMap;
use crate::resource::{AnyRecord, Resource};

/// What differs between record types, without the program.
pub(crate) struct RecordType {
    name: &'static str,
    fields: &'static [&'static str],
    /// Whether the format allows all names of fields.
    has_usual_fields: bool,
    pub(crate) resource: TypeId,
    pub(crate) absent: fn() -> Arc<dyn AnyRecord>,
    to_list: ToList,
}

impl RecordType {
    /// Returns the name of the type in responses.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the names of the fields in responses.
    pub(crate) fn fields(&self) -> &'static [&'static str] {
        self.fields
    }

    /// Returns whether the format allows all names of fields.
    pub(crate) fn has_usual_fields(&self) -> bool {
        self.has_usual_fields
    }
}

/// The record types of a program, by name and by type.
#[derive(Default)]
pub(crate) struct RecordTypes {
    all: Vec<RecordType>,
    by_name: HashMap<&'static str, usize>,
    by_type: HashMap<TypeId, usize>,
}

impl RecordTypes {
    pub(crate) fn by_name(&self, name: &str) -> Option<&RecordType> {
        self.by_name.get(name).map(|&number| &self.all[number])
    }

    /// Adds a type, and returns its number; `None` if it is there already.
    ///
    /// # Panics
    /// Another type has the same name in responses.
    pub(crate) fn add<R: Resource>(&mut self) -> Option<usize> {
        let (number, resource) = (self.all.len(), TypeId::of::<R>());
        if self.by_type.contains_key(&resource) {
            return None;
        }
        let other = self.by_name.insert(R::TYPE, number);
        assert!(other.is_none(), "two record types have the name `{}` in responses", R::TYPE);
        self.by_type.insert(resource, number);
        self.all.push(RecordType {
            name: R::TYPE,
            fields: R::FIELDS,
            has_usual_fields: R::FIELDS
                .iter()
                .all(|name| is_allowed(name) && !matches!(*name, "id" | "type")),
            resource,
            absent: || Arc::new(R::absent()),
            to_list: RecordList::<R>::erased,
        });
        Some(number)
    }

    /// Returns the number of a type.
    pub(crate) fn number_of(&self, resource: TypeId) -> Option<usize> {
        self.by_type.get(&resource).copied()
    }

    /// Returns how lists of records of a type are made.
    pub(crate) fn to_list(&self, resource: TypeId) -> Option<ToList> {
        self.by_type(resource).map(|record_type| record_type.to_list)
    }

    /// Returns the names of the types.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.all.iter().map(|record_type| record_type.name)
    }

    pub(crate) fn by_type(&self, resource: TypeId) -> Option<&RecordType> {
        self.by_type.get(&resource).map(|&number| &self.all[number])
    }
}
