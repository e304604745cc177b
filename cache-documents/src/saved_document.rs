//! Documents as they are saved: with all that they show, so that each can be read by itself.
//!
//! A saved document is a list of the record types that it shows, each with the shape that it had, and JSON that
//! [`write`](crate::jsonapi::write) describes. Types of attributes are read by their names in JSON, whatever the codec of
//! the table.

use std::borrow::Cow;

use cache_core::Shape;
use cache_core::client_support::{Fingerprint, Layout, ShapeVisitor};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::document::{Content, Document};
use crate::jsonapi::read_saved::read_saved;
use crate::jsonapi::response::{Expected, Primary, Response};
use crate::jsonapi::write::{WrittenData, WrittenDocument, WrittenIdentifier};
use crate::record::RecordRef;
use crate::resource::AnyRecord;
use crate::saved::{SavedResource, SavedTypes};

/// A saved document.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Document")]
struct SavedDocument<'a> {
    /// The names and shapes of the record types that the document shows.
    shapes: Vec<(Cow<'a, str>, [u8; 16])>,
    json: String,
}

/// A record and its name.
type NamedRecord = (RecordRef, std::sync::Arc<dyn AnyRecord>);

impl<T: Content<Resource: SavedResource> + ?Sized> Document<T> {
    fn to_saved(&self) -> Result<SavedDocument<'static>, serde_json::Error> {
        let types = SavedTypes::of::<T::Resource>();
        let written = WrittenDocument {
            data: data_of(&self.primary, Self::EXPECTED.kind),
            resources: Vec::new(),
            links: self.links(),
            meta: self.meta(),
            skipped: self.skipped,
        };
        save(written, &self.frame.records().collect::<Vec<_>>(), &types)
    }
}

fn data_of<'a>(primary: &'a Primary, kind: &'static str) -> Option<WrittenData<'a>> {
    let identifier = |name: &'a RecordRef| WrittenIdentifier::new(kind, &name.id);
    match primary {
        Primary::Absent => None,
        Primary::Null => Some(WrittenData::Null),
        Primary::One(name) => Some(WrittenData::One(identifier(name))),
        Primary::Many(names) => Some(WrittenData::Many(names.iter().map(identifier).collect())),
    }
}

/// Adds the records to a document. Those of types that its relationships do not reach are left out, and counted.
fn save<'a>(
    mut document: WrittenDocument<'a>,
    records: &'a [NamedRecord],
    types: &SavedTypes,
) -> Result<SavedDocument<'static>, serde_json::Error> {
    let known = records.iter().filter_map(|named| Some((types.named(named.0.resource)?, named)));
    let mut known: Vec<_> = known.collect();
    document.skipped += records.len() - known.len();
    // In the same order in each program, whatever the numbers of types are for the compiler.
    known.sort_by_key(|((number, _), _)| *number);
    let mut shapes: Vec<(Cow<'static, str>, [u8; 16])> = Vec::new();
    for ((number, kind), (name, record)) in known {
        if shapes.last().is_none_or(|(last, _)| last != kind) {
            let shape = types.shape_of(kind).map(Fingerprint::to_le_bytes);
            shapes.extend(shape.map(|shape| (kind.into(), shape)));
        }
        document.resources.push(types.write(number, name, &**record)?);
    }
    Ok(SavedDocument { shapes, json: serde_json::to_string(&document)? })
}

/// Reads a saved document, if the types that it shows have the shapes that they had.
fn restore(
    SavedDocument { shapes, json }: &SavedDocument<'_>,
    types: &SavedTypes,
    expected: Expected,
) -> Result<Response, String> {
    for (name, shape) in shapes {
        match types.shape_of(name) {
            None => {
                return Err(format!(
                    "it shows records of type `{name}`, which no answer of its query can show now"
                ));
            }
            Some(now) if now.to_le_bytes() != *shape => {
                return Err(format!("the fields of `{name}`, which it shows, have changed"));
            }
            Some(_) => {}
        }
    }
    read_saved(json, &types.types, expected).map_err(|error| error.to_string())
}

/// Writes the document with everything that it shows. The head of the response is left out, since requests may have
/// secrets, so that the first request for a restored document is unconditional.
///
/// # Errors
/// JSON cannot represent a field of a record, such as a number that is not finite.
impl<T: Content<Resource: SavedResource> + ?Sized> Serialize for Document<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_saved().map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// Reads a document, which shows records of its own until a client adopts it.
impl<'de, T: Content<Resource: SavedResource> + ?Sized> Deserialize<'de> for Document<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (saved, types) = (SavedDocument::deserialize(deserializer)?, SavedTypes::of::<T::Resource>());
        let response = restore(&saved, &types, Self::EXPECTED).map_err(D::Error::custom)?;
        Ok(Self::of_response(response))
    }
}

/// The shapes of records do not count: each saved document has those that it shows.
impl<T: Content<Resource: SavedResource> + ?Sized> Shape for Document<T> {
    fn shape(visitor: &mut ShapeVisitor) {
        let layout = match T::IS_COLLECTION {
            true => const { Layout::new("cache_documents::Document", "a saved list, version 1") },
            false => const { Layout::new("cache_documents::Document", "a saved document, version 1") },
        };
        visitor.derived::<Self>(&layout, |_| {});
    }
}
