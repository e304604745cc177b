//! The records of a document, as they are read.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::head::Head;
use super::pointer::{FieldError, expected};
use super::resource_object::ResourceObject;
use super::response::{Expected, KnownIds, Primary, Response};
use super::visit::read_list;
use crate::field::Parts;
use crate::id::Id;
use crate::map::HashMap;
use crate::record::RecordRef;
use crate::record_types::RecordTypes;
use crate::resource::{AnyRecord, relinked};

/// The records of a document that have been read so far.
pub(super) struct Found<'t> {
    types: &'t RecordTypes,
    pub(super) records: Vec<(RecordRef, Arc<dyn AnyRecord>)>,
    places: HashMap<RecordRef, usize>,
    pub(super) skipped: usize,
    known: KnownIds<'t>,
    renamed: Vec<(RecordRef, RecordRef)>,
}

impl<'t> Found<'t> {
    pub(super) fn new(types: &'t RecordTypes, known: KnownIds<'t>) -> Self {
        let (records, places, renamed) = (Vec::new(), HashMap::default(), Vec::new());
        Self { types, records, places, skipped: 0, known, renamed }
    }

    /// Returns what a document with these records says.
    pub(super) fn response(mut self, mut primary: Primary, head: Head) -> Response {
        if !self.renamed.is_empty() {
            primary = primary.renamed(&|name| self.id_of(name));
            self.rename();
        }
        let Self { records, skipped, renamed, .. } = self;
        Response { primary, records, head, skipped, renamed }
    }

    pub(super) fn any_primary(
        &mut self,
        json: &RawValue,
        expected: Option<Expected>,
    ) -> Result<Primary, FieldError> {
        match (expected, json.get().as_bytes().first()) {
            (Some(expected), _) => self.primary(json, expected),
            (None, Some(b'[')) => {
                let records = read_list(json, &mut |json| self.add(json))?;
                Ok(Primary::Many(records.into_iter().flatten().collect()))
            }
            (None, Some(b'n')) => Ok(Primary::Null),
            (None, Some(b'{')) => Ok(self.add(json)?.map_or(Primary::Absent, Primary::One)),
            (None, _) => Err(expected_any(json)),
        }
    }

    fn primary(
        &mut self,
        json: &RawValue,
        Expected { kind, is_collection }: Expected,
    ) -> Result<Primary, FieldError> {
        match (json.get().as_bytes().first(), is_collection) {
            (Some(b'['), true) => {
                let records = read_list(json, &mut |json| self.add_primary(json, kind))?;
                Ok(Primary::Many(records.into()))
            }
            (Some(b'n'), false) => Ok(Primary::Null),
            (Some(b'{'), false) => self.add_primary(json, kind).map(Primary::One),
            (_, true) => Err(expected("a list of resources", json)),
            (_, false) => Err(expected("a resource or null", json)),
        }
    }

    pub(super) fn add_primary(&mut self, json: &RawValue, kind: &str) -> Result<RecordRef, FieldError> {
        let object = ResourceObject::read(json)?;
        if object.kind != kind {
            let problem = format!("the type is `{}`, where `{kind}` is expected", object.kind);
            return Err(FieldError::new(problem).within("type"));
        }
        match self.add_object(&object)? {
            Some(record) => Ok(record),
            None => {
                Err(FieldError::new(format!("the program does not list the type `{kind}`")).within("type"))
            }
        }
    }

    pub(super) fn add(&mut self, json: &RawValue) -> Result<Option<RecordRef>, FieldError> {
        self.add_object(&ResourceObject::read(json)?)
    }

    /// Adds a record. What a document says twice is merged in order.
    fn add_object(&mut self, object: &ResourceObject<'_>) -> Result<Option<RecordRef>, FieldError> {
        let Some(record_type) = self.types.by_name(&object.kind) else {
            object.check()?;
            self.skipped += 1;
            return Ok(None);
        };
        let (name, record) = object.record(record_type)?;
        if let Some(local) = object.local_name(record_type) {
            self.name(local, &name)?;
        }
        self.put(name.clone(), record);
        Ok(Some(name))
    }

    /// Says that a resource has a local id besides its id.
    fn name(&mut self, local: RecordRef, name: &RecordRef) -> Result<(), FieldError> {
        match self.id_of(&local).or_else(|| (self.known)(&local)) {
            Some(known) if known != name.id => {
                let lid = local.id.lid().unwrap_or_default();
                let problem = format!("an id never changes: the local id `{lid}` has become `{known}`");
                return Err(FieldError::new(problem).within("id"));
            }
            _ => self.renamed.push((local, name.clone())),
        }
        Ok(())
    }

    /// Returns the id that the document gives a local name.
    fn id_of(&self, name: &RecordRef) -> Option<Id> {
        name.id.lid()?;
        self.renamed.iter().find(|(local, _)| local == name).map(|(_, name)| name.id.clone())
    }

    /// Replaces local ids, in names and links.
    fn rename(&mut self) {
        let records = std::mem::take(&mut self.records);
        self.places.clear();
        for (mut name, mut record) in records {
            if let Some(id) = self.id_of(&name) {
                name.id = id;
            }
            if let Some((next, _)) = relinked(&*record, &|name| self.id_of(name)) {
                record = next;
            }
            self.put(name, record);
        }
    }

    pub(super) fn put(&mut self, name: RecordRef, record: Arc<dyn AnyRecord>) {
        match self.places.entry(name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(self.records.len());
                self.records.push((name, record));
            }
            Entry::Occupied(entry) => {
                // Just made, so that there is no other handle.
                if let Some(first) = Arc::get_mut(&mut self.records[*entry.get()].1) {
                    take_all(first, &*record);
                }
            }
        }
    }
}

fn expected_any(json: &RawValue) -> FieldError {
    expected("a resource, a list of resources or null", json)
}

/// Takes all that is known of another record of the same type.
fn take_all(record: &mut dyn AnyRecord, other: &dyn AnyRecord) {
    for number in 0..record.names().len() {
        let newer = other.any_field(number);
        let known: Parts = newer.known();
        if known != 0 {
            record.any_field_mut(number).take(newer, known);
        }
    }
}
