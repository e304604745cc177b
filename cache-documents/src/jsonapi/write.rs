//! Writes parts of documents, as they are read.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Links, Meta};
use crate::id::Id;

/// A resource identifier object.
#[derive(Serialize)]
pub(crate) struct WrittenIdentifier<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lid: Option<&'a str>,
}

impl<'a> WrittenIdentifier<'a> {
    pub(crate) fn new(kind: &'a str, id: &'a Id) -> Self {
        let lid = id.lid();
        Self { kind, id: lid.is_none().then(|| id.as_str()), lid }
    }
}

/// A relationship object, of what is known.
#[derive(Serialize)]
pub(crate) struct WrittenRelationship<'a, D> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Option<D>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) links: Option<&'a Links>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) meta: Option<&'a Meta>,
}

/// The names and values of members.
type WrittenMembers = Vec<(&'static str, Box<RawValue>)>;

/// A resource object.
#[derive(Serialize)]
pub(crate) struct WrittenResource<'a> {
    #[serde(flatten)]
    identifier: WrittenIdentifier<'a>,
    #[serde(serialize_with = "as_object", skip_serializing_if = "Vec::is_empty")]
    pub(crate) attributes: WrittenMembers,
    #[serde(serialize_with = "as_object", skip_serializing_if = "Vec::is_empty")]
    pub(crate) relationships: WrittenMembers,
}

impl<'a> WrittenResource<'a> {
    pub(crate) fn new(identifier: WrittenIdentifier<'a>) -> Self {
        Self { identifier, attributes: Vec::new(), relationships: Vec::new() }
    }
}

fn as_object<S: Serializer>(members: &WrittenMembers, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
}

/// The primary data of a saved document: identifiers of records.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum WrittenData<'a> {
    Null,
    One(WrittenIdentifier<'a>),
    Many(Vec<WrittenIdentifier<'a>>),
}

/// A saved document. Unlike a response, it has all of its resources in one list, and may lack its primary ones.
#[derive(Serialize)]
pub(crate) struct WrittenDocument<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<WrittenData<'a>>,
    pub(crate) resources: Vec<WrittenResource<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) links: Option<&'a Links>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) meta: Option<&'a Meta>,
    pub(crate) skipped: usize,
}
