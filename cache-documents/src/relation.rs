//! What is known of a relationship to one record, or to many.

use std::any::{Any, TypeId};
use std::fmt::Debug;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::field::{AnyField, DATA, Field, FieldPlace, LINKS, META, Parts};
use crate::jsonapi::identifier::Identifier;
use crate::jsonapi::pointer::FieldError;
use crate::jsonapi::relationship::RelationshipObject;
use crate::jsonapi::{Links, Meta};
use crate::record::RecordRef;
use crate::resource::{Resource, ResourceKey};

/// A relationship to at most one record. Its data, its links and its meta are known each for itself.
///
/// # Examples
/// ```
/// # use cache_documents::{Id, One};
/// # use cache_core::Query;
/// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// # #[query(value = u8)]
/// # struct PersonId(Id);
/// let author = One::to(PersonId("9".into()));
/// assert_eq!(author.key(), Some(&PersonId("9".into())));
/// assert!(One::<PersonId>::default().data().is_absent());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct One<K> {
    data: Field<K>,
    extras: Option<Box<Extras>>,
}

/// A relationship to any number of records, in order. Its data, its links and its meta are known each for itself.
///
/// # Examples
/// ```
/// # use cache_documents::{Id, Many};
/// # use cache_core::Query;
/// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// # #[query(value = u8)]
/// # struct CommentId(Id);
/// let comments = Many::to([CommentId("1".into()), CommentId("2".into())]);
/// assert_eq!(comments.keys().len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Many<K> {
    data: Field<Arc<[K]>>,
    extras: Option<Box<Extras>>,
}

/// Links and meta, which most relationships lack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extras {
    links: Field<Arc<Links>>,
    meta: Field<Arc<Meta>>,
}

impl<K> One<K> {
    /// Makes a relationship to a record.
    #[must_use]
    pub fn to(key: K) -> Self {
        Self { data: Field::Value(key), extras: None }
    }

    /// Makes a relationship to no record.
    #[must_use]
    pub fn to_none() -> Self {
        Self { data: Field::Null, extras: None }
    }

    /// Returns the key of the record. Null if there is none, absent if no response has said.
    #[must_use]
    pub fn data(&self) -> &Field<K> {
        &self.data
    }

    /// Returns the key of the record, if it is known that there is one.
    #[must_use]
    pub fn key(&self) -> Option<&K> {
        self.data.value()
    }

    /// Returns the links, if a response has given them.
    #[must_use]
    pub fn links(&self) -> Option<&Links> {
        self.extras.as_ref()?.links.value().map(|links| &**links)
    }

    /// Returns the meta, if a response has given it.
    #[must_use]
    pub fn meta(&self) -> Option<&Meta> {
        self.extras.as_ref()?.meta.value().map(|meta| &**meta)
    }

    /// Returns the URL of the related records, if a response has given it. It may be relative to that of the response.
    #[must_use]
    pub fn related(&self) -> Option<&str> {
        self.links()?.href("related")
    }
}

impl<K> Many<K> {
    /// Makes a relationship to these records.
    #[must_use]
    pub fn to(keys: impl IntoIterator<Item = K>) -> Self {
        Self { data: Field::Value(keys.into_iter().collect()), extras: None }
    }

    /// Returns the keys of the records. Absent if no response has said.
    #[must_use]
    pub fn data(&self) -> &Field<Arc<[K]>> {
        &self.data
    }

    /// Returns the keys of the records that are known.
    #[must_use]
    pub fn keys(&self) -> &[K] {
        self.data.value().map_or(&[], |keys| keys)
    }

    /// Returns the links, if a response has given them.
    #[must_use]
    pub fn links(&self) -> Option<&Links> {
        self.extras.as_ref()?.links.value().map(|links| &**links)
    }

    /// Returns the meta, if a response has given it.
    #[must_use]
    pub fn meta(&self) -> Option<&Meta> {
        self.extras.as_ref()?.meta.value().map(|meta| &**meta)
    }

    /// Returns the URL of the related records, if a response has given it. It may be relative to that of the response.
    #[must_use]
    pub fn related(&self) -> Option<&str> {
        self.links()?.href("related")
    }
}

impl<K> Default for One<K> {
    fn default() -> Self {
        Self { data: Field::Absent, extras: None }
    }
}

impl<K> Default for Many<K> {
    fn default() -> Self {
        Self { data: Field::Absent, extras: None }
    }
}

impl Extras {
    fn known(extras: Option<&Self>) -> Parts {
        let Some(extras) = extras else { return 0 };
        let links = if extras.links.is_absent() { 0 } else { LINKS };
        links | if extras.meta.is_absent() { 0 } else { META }
    }

    fn differs(one: Option<&Self>, other: Option<&Self>) -> Parts {
        let absent = Self::default();
        let (one, other) = (one.unwrap_or(&absent), other.unwrap_or(&absent));
        let links = if one.links == other.links { 0 } else { LINKS };
        links | if one.meta == other.meta { 0 } else { META }
    }

    fn take(extras: &mut Option<Box<Self>>, other: Option<&Self>, parts: Parts) {
        let Some(other) = other.filter(|_| parts & (LINKS | META) != 0) else { return };
        let extras = extras.get_or_insert_default();
        if parts & LINKS != 0 {
            extras.links.clone_from(&other.links);
        }
        if parts & META != 0 {
            extras.meta.clone_from(&other.meta);
        }
    }

    fn read(object: &RelationshipObject<'_>) -> Result<Option<Box<Self>>, FieldError> {
        let (links, meta) = (object.links()?, object.meta()?);
        let is_known = links.is_some() || meta.is_some();
        let extras = || Self {
            links: links.map_or(Field::Absent, |links| Field::Value(Arc::new(links))),
            meta: meta.map_or(Field::Absent, |meta| Field::Value(Arc::new(meta))),
        };
        Ok(is_known.then(|| Box::new(extras())))
    }
}

/// Reads an identifier of a record of this type.
fn read_key<K: ResourceKey<Value: Resource>>(json: &RawValue) -> Result<K, FieldError> {
    Identifier::read(json)?.key_of(K::Value::TYPE).map(K::from_id)
}

/// Returns whether a key is that of a record.
fn is_key_of<K: ResourceKey>(key: &K, record: &RecordRef) -> bool {
    record.resource == TypeId::of::<K::Value>() && *key.id() == record.id
}

impl<K: ResourceKey<Value: Resource>> AnyField for One<K> {
    fn absent() -> Self {
        Self::default()
    }

    fn place(&self) -> FieldPlace {
        FieldPlace::Relationships
    }

    fn known(&self) -> Parts {
        let data = if self.data.is_absent() { 0 } else { DATA };
        data | Extras::known(self.extras.as_deref())
    }

    fn differs(&self, other: &dyn AnyField, parts: Parts) -> Parts {
        let Some(other) = (other as &dyn Any).downcast_ref::<Self>() else { return parts };
        let data = if self.data == other.data { 0 } else { DATA };
        parts & (data | Extras::differs(self.extras.as_deref(), other.extras.as_deref()))
    }

    fn take(&mut self, other: &dyn AnyField, parts: Parts) {
        let Some(other) = (other as &dyn Any).downcast_ref::<Self>() else { return };
        if parts & DATA != 0 {
            self.data.clone_from(&other.data);
        }
        Extras::take(&mut self.extras, other.extras.as_deref(), parts);
    }

    fn read(&mut self, json: &RawValue) -> Result<(), FieldError> {
        let object = RelationshipObject::read(json)?;
        let extras = Extras::read(&object)?;
        let data = object.one(read_key)?;
        *self = Self { data, extras };
        Ok(())
    }

    fn names(&self, record: &RecordRef) -> bool {
        self.key().is_some_and(|key| is_key_of(key, record))
    }

    fn unlink(&mut self, record: &RecordRef) {
        if self.names(record) {
            self.data = Field::Null;
        }
    }
}

impl<K: ResourceKey<Value: Resource>> AnyField for Many<K> {
    fn absent() -> Self {
        Self::default()
    }

    fn place(&self) -> FieldPlace {
        FieldPlace::Relationships
    }

    fn known(&self) -> Parts {
        let data = if self.data.is_absent() { 0 } else { DATA };
        data | Extras::known(self.extras.as_deref())
    }

    fn differs(&self, other: &dyn AnyField, parts: Parts) -> Parts {
        let Some(other) = (other as &dyn Any).downcast_ref::<Self>() else { return parts };
        let data = if self.data == other.data { 0 } else { DATA };
        parts & (data | Extras::differs(self.extras.as_deref(), other.extras.as_deref()))
    }

    fn take(&mut self, other: &dyn AnyField, parts: Parts) {
        let Some(other) = (other as &dyn Any).downcast_ref::<Self>() else { return };
        if parts & DATA != 0 {
            self.data.clone_from(&other.data);
        }
        Extras::take(&mut self.extras, other.extras.as_deref(), parts);
    }

    fn read(&mut self, json: &RawValue) -> Result<(), FieldError> {
        let object = RelationshipObject::read(json)?;
        let extras = Extras::read(&object)?;
        let data = object.many(read_key)?;
        *self = Self { data, extras };
        Ok(())
    }

    fn names(&self, record: &RecordRef) -> bool {
        self.keys().iter().any(|key| is_key_of(key, record))
    }

    fn unlink(&mut self, record: &RecordRef) {
        if self.names(record) {
            let others = self.keys().iter().filter(|key| !is_key_of(*key, record)).cloned();
            self.data = Field::Value(others.collect());
        }
    }
}
