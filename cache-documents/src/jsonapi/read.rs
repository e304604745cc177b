//! Reads a whole document.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::head::{Head, check_version};
use super::links::{read_links, read_meta};
use super::pointer::{FieldError, expected, read_object};
use super::resource_object::ResourceObject;
use super::visit::{each_element, present, read_list};
use super::{DocumentError, DocumentErrors, ErrorObject, one_pass};
use crate::field::Parts;
use crate::id::Id;
use crate::map::HashMap;
use crate::record::RecordRef;
use crate::record_types::RecordTypes;
use crate::resource::{AnyRecord, relinked};

/// The primary data of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Primary {
    /// The document has no such member.
    Absent,
    Null,
    One(RecordRef),
    Many(Arc<[RecordRef]>),
}

impl Primary {
    /// Returns the same data with ids in place of local ones. A list names a record once that it has named by both.
    pub(crate) fn renamed(&self, ids: &dyn Fn(&RecordRef) -> Option<Id>) -> Self {
        let new_name = |name: &RecordRef| ids(name).map(|id| RecordRef { id, ..name.clone() });
        match self {
            Self::One(name) => Self::One(new_name(name).unwrap_or_else(|| name.clone())),
            Self::Many(names) if names.iter().any(|name| new_name(name).is_some()) => {
                let mut next = Vec::with_capacity(names.len());
                for name in &**names {
                    match new_name(name) {
                        None => next.push(name.clone()),
                        Some(new) if names.contains(&new) || next.contains(&new) => {}
                        Some(new) => next.push(new),
                    }
                }
                Self::Many(next.into())
            }
            primary => primary.clone(),
        }
    }

    /// Returns the same data without the records that are gone, if it is a list.
    pub(crate) fn without(&self, is_gone: &dyn Fn(&RecordRef) -> bool) -> Self {
        match self {
            Self::Many(records) if records.iter().any(is_gone) => {
                Self::Many(records.iter().filter(|name| !is_gone(name)).cloned().collect())
            }
            primary => primary.clone(),
        }
    }
}

/// What a document says.
pub(crate) struct Response {
    pub(crate) primary: Primary,
    /// Each record once.
    pub(crate) records: Vec<(RecordRef, Arc<dyn AnyRecord>)>,
    pub(crate) head: Head,
    /// The number of resources of types that the program does not list.
    pub(crate) skipped: usize,
    /// The local names of resources that have an id too, with those of their ids.
    pub(crate) renamed: Vec<(RecordRef, RecordRef)>,
}

/// The members of a document, which have not been read yet.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    included: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    errors: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    links: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    meta: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    jsonapi: Option<&'a RawValue>,
}

/// What primary data a query expects.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    /// The name of the type.
    pub(crate) kind: &'static str,
    pub(crate) is_collection: bool,
}

/// Returns the id that a local name has become, if it is known.
pub(crate) type KnownIds<'k> = &'k dyn Fn(&RecordRef) -> Option<Id>;

/// Reads a document. One that reports errors is an error.
pub(crate) fn read(
    body: &[u8],
    types: &RecordTypes,
    expected: Expected,
    known: KnownIds<'_>,
) -> Result<Response, DocumentError> {
    let response = str::from_utf8(body).ok().and_then(|text| one_pass::read(text, types, expected, known));
    response.map_or_else(|| read_as(body, types, Some(expected), known), Ok)
}

/// Reads a document with any primary data. Resources of types that the program does not list are left out.
#[cfg(feature = "http")]
pub(crate) fn read_any(
    body: &[u8],
    types: &RecordTypes,
    known: KnownIds<'_>,
) -> Result<Response, DocumentError> {
    read_as(body, types, None, known)
}

fn read_as(
    body: &[u8],
    types: &RecordTypes,
    expected: Option<Expected>,
    known: KnownIds<'_>,
) -> Result<Response, DocumentError> {
    // One pass finds the members of a document that is well-formed.
    if body.trim_ascii_start().starts_with(b"{")
        && let Ok(members) = serde_json::from_slice(body)
    {
        return read_members(&members, types, expected, known);
    }
    let json: &RawValue = match serde_json::from_slice(body) {
        Ok(json) => json,
        Err(error) => return Err(FieldError::new(error.to_string()).into()),
    };
    read_members(&read_object(json)?, types, expected, known)
}

fn read_members(
    members: &Members<'_>,
    types: &RecordTypes,
    expected: Option<Expected>,
    known: KnownIds<'_>,
) -> Result<Response, DocumentError> {
    check_members(members)?;
    check_version(members.jsonapi)?;
    match members.errors {
        Some(errors) => Err(read_errors(errors, members)?.into()),
        None => Ok(read_data(members, types, expected, known)?),
    }
}

fn check_members(members: &Members<'_>) -> Result<(), FieldError> {
    if members.data.is_none() && members.errors.is_none() && members.meta.is_none() {
        return Err(FieldError::new("a document needs at least one of `data`, `errors` and `meta`"));
    }
    if members.data.is_some() && members.errors.is_some() {
        return Err(FieldError::new("a document must not have both `data` and `errors`").within("errors"));
    }
    if members.data.is_none() && members.included.is_some() {
        return Err(FieldError::new("a document without `data` must not have `included`").within("included"));
    }
    Ok(())
}

fn read_data(
    members: &Members<'_>,
    types: &RecordTypes,
    expected: Option<Expected>,
    known: KnownIds<'_>,
) -> Result<Response, FieldError> {
    let mut found = Found::new(types, known);
    let primary = match members.data {
        None => Primary::Absent,
        Some(data) => found.any_primary(data, expected).map_err(|error| error.within("data"))?,
    };
    if let Some(included) = members.included {
        each_element(included, &mut |json| found.add(json).map(drop))
            .map_err(|error| error.within("included"))?;
    }
    let head = Head { links: read_links(members.links)?, meta: read_meta(members.meta)? };
    Ok(found.response(primary, head))
}

fn read_errors(json: &RawValue, members: &Members<'_>) -> Result<DocumentErrors, FieldError> {
    let errors = read_list(json, &mut ErrorObject::read).map_err(|error| error.within("errors"))?;
    Ok(DocumentErrors { errors, links: read_links(members.links)?, meta: read_meta(members.meta)? })
}

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

    fn any_primary(&mut self, json: &RawValue, expected: Option<Expected>) -> Result<Primary, FieldError> {
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
