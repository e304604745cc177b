//! The records of a document, as they are read.

use std::any::TypeId;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::head::Head;
use super::pointer::{FieldError, expected};
use super::repeated::{Place, Repeated};
use super::resource_object::ResourceObject;
use super::response::{Expected, Known, Primary, Response};
use super::visit::read_list;
use crate::field::Parts;
use crate::frame::{Added, Frame, FrameBuilder, Ids};
use crate::id::Id;
use crate::map::HashMap;
use crate::record::RecordRef;
use crate::record_types::RecordTypes;
use crate::resource::{AnyRecord, relinked};

/// The records of a document that have been read so far.
pub(super) struct Found<'t> {
    types: &'t RecordTypes,
    records: FrameBuilder,
    /// Those of a stored answer.
    pub(super) repeated: Repeated<'t>,
    /// Whether a record of the stored answer was found twice, which is not merged here.
    pub(super) is_doubled: bool,
    /// The records that the stored answer does not have.
    others: HashMap<RecordRef, Added>,
    pub(super) skipped: usize,
    known: &'t dyn Known,
    renamed: Vec<(RecordRef, RecordRef)>,
}

/// A record that has been read.
pub(super) enum FoundRecord {
    /// One of a stored answer.
    Repeated(TypeId, Place),
    Other(RecordRef),
}

impl<'t> Found<'t> {
    pub(super) fn new(types: &'t RecordTypes, known: &'t dyn Known, repeated: Repeated<'t>) -> Self {
        Self {
            types,
            records: FrameBuilder::default(),
            repeated,
            is_doubled: false,
            others: HashMap::default(),
            skipped: 0,
            known,
            renamed: Vec::new(),
        }
    }

    /// Returns what a document with these records says.
    pub(super) fn response(mut self, mut primary: Primary, head: Head) -> Response {
        if !self.renamed.is_empty() {
            primary = primary.renamed(&|name| self.id_of(name));
            self.rename();
        }
        let records = self.records();
        let Self { skipped, renamed, .. } = self;
        Response { primary, records, head, skipped, renamed }
    }

    /// Takes the records.
    pub(super) fn records(&mut self) -> Frame {
        std::mem::take(&mut self.records).finish(&|resource| self.types.to_list(resource))
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
            self.name_locally(local, &name)?;
        }
        self.put(name.clone(), record);
        Ok(Some(name))
    }

    /// Says that a resource has a local id besides its id.
    fn name_locally(&mut self, local: RecordRef, name: &RecordRef) -> Result<(), FieldError> {
        match self.id_of(&local).or_else(|| self.known.id_of(&local)) {
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
        let records = self.records();
        self.others.clear();
        self.repeated = Repeated::nothing(self.known);
        for (mut name, mut record) in records.records() {
            if let Some(id) = self.id_of(&name) {
                name.id = id;
            }
            if let Some((next, _)) = relinked(&*record, &|name| self.id_of(name)) {
                record = next;
            }
            self.put(name, record);
        }
    }

    /// Looks for a stored answer that has a record, unless one has been looked for often enough. Returns the most ids of
    /// one type that the answer has.
    #[inline]
    pub(super) fn choose(&mut self, resource: TypeId, id: &str) -> Option<Arc<Ids>> {
        let base = self.repeated.choose(resource, id)?;
        for name in self.others.keys() {
            // The answer may have it, and the document may name it again.
            if let Some(place) = self.repeated.place(name.resource, name.id.as_str()) {
                self.repeated.name(place);
            }
        }
        let ids = base.names().map(|(_, ids)| ids).max_by_key(|ids| ids.as_slice().len()).cloned();
        self.records.set_base(base);
        ids
    }

    /// Adds a record of the stored answer.
    pub(super) fn repeat(&mut self, resource: TypeId, place: Place) -> FoundRecord {
        self.is_doubled |= self.repeated.name(place);
        self.records.keep(resource, place.at);
        FoundRecord::Repeated(resource, place)
    }

    /// Returns the name of a record.
    pub(super) fn name(&self, record: FoundRecord) -> RecordRef {
        match record {
            FoundRecord::Repeated(resource, place) => RecordRef { resource, id: self.repeated.id(place) },
            FoundRecord::Other(name) => name,
        }
    }

    /// Adds a record.
    pub(super) fn put(&mut self, name: RecordRef, record: Arc<dyn AnyRecord>) {
        let place = self.repeated.place(name.resource, name.id.as_str());
        self.put_at(place, name, record);
    }

    /// Adds a record, which the stored answer has there.
    pub(super) fn put_at(&mut self, place: Option<Place>, name: RecordRef, record: Arc<dyn AnyRecord>) {
        if let Some(place) = place {
            self.is_doubled |= self.repeated.name(place);
            self.records.replace(place.at, name, record);
            return;
        }
        match self.others.entry(name.clone()) {
            Entry::Vacant(entry) => _ = entry.insert(self.records.push(name, record)),
            Entry::Occupied(entry) => {
                let first = self.records.pushed(*entry.get());
                // Records of a stored answer have other handles.
                if Arc::get_mut(first).is_none() {
                    *first = (**first).to_arc();
                }
                if let Some(first) = Arc::get_mut(first) {
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
