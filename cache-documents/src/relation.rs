//! What is known of a relationship to one record, or to many.

use std::any::{Any, TypeId};
use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::field::{AnyField, DATA, Field, FieldPlace, LINKS, META, Parts};
use crate::id::Id;
use crate::jsonapi::cursor::Cursor;
use crate::jsonapi::identifier::Identifier;
use crate::jsonapi::links::{read_links, read_meta};
use crate::jsonapi::pointer::FieldError;
use crate::jsonapi::relationship::RelationshipObject;
use crate::jsonapi::write::{WrittenIdentifier, WrittenRelationship};
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
pub struct One<K>(Relation<K>);

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
pub struct Many<K>(Relation<Arc<[K]>>);

/// What is known of a relationship to one record or to many.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Relation<D> {
    /// Neither links nor meta are known, as of most relationships.
    Plain(Field<D>),
    /// Boxed, so that the others take no room for it.
    Full(Box<FullRelation<D>>),
}

/// A relationship of which links or meta are known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FullRelation<D> {
    data: Field<D>,
    extras: Extras,
}

/// Links and meta.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extras {
    links: Field<Arc<Links>>,
    meta: Field<Arc<Meta>>,
}

impl<D> Relation<D> {
    fn new(data: Field<D>, extras: Option<Extras>) -> Self {
        match extras {
            None => Self::Plain(data),
            Some(extras) => Self::Full(Box::new(FullRelation { data, extras })),
        }
    }

    fn data(&self) -> &Field<D> {
        match self {
            Self::Plain(data) => data,
            Self::Full(full) => &full.data,
        }
    }

    fn data_mut(&mut self) -> &mut Field<D> {
        match self {
            Self::Plain(data) => data,
            Self::Full(full) => &mut full.data,
        }
    }

    fn extras(&self) -> Option<&Extras> {
        match self {
            Self::Plain(_) => None,
            Self::Full(full) => Some(&full.extras),
        }
    }

    /// Returns the links and meta, which are to be known soon.
    fn extras_mut(&mut self) -> &mut Extras {
        if let Self::Plain(data) = self {
            *self = Self::new(std::mem::take(data), Some(Extras::default()));
        }
        match self {
            Self::Full(full) => &mut full.extras,
            Self::Plain(_) => unreachable!("it was just made a full one"),
        }
    }

    fn links(&self) -> Option<&Links> {
        self.extras()?.links.value().map(|links| &**links)
    }

    fn meta(&self) -> Option<&Meta> {
        self.extras()?.meta.value().map(|meta| &**meta)
    }
}

impl<D: Clone + PartialEq> Relation<D> {
    fn known(&self) -> Parts {
        let data = if self.data().is_absent() { 0 } else { DATA };
        data | self.extras().map_or(0, Extras::known)
    }

    fn differs(&self, other: &Self, parts: Parts) -> Parts {
        let data = if self.data() == other.data() { 0 } else { DATA };
        let extras = match (self.extras(), other.extras()) {
            (None, None) => 0,
            (one, other) => one.unwrap_or(&Extras::ABSENT).differs(other.unwrap_or(&Extras::ABSENT)),
        };
        parts & (data | extras)
    }

    fn take(&mut self, other: &Self, parts: Parts) {
        if parts & DATA != 0 {
            self.data_mut().clone_from(other.data());
        }
        if let Some(extras) = other.extras().filter(|_| parts & (LINKS | META) != 0) {
            self.extras_mut().take(extras, parts);
        }
    }

    /// Returns the relationship object that says this, with its data by `data`; `None` if nothing is known.
    fn written<'a, W: Serialize>(
        &'a self,
        data: impl FnOnce(&'a D) -> W,
    ) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        if self.known() == 0 {
            return Ok(None);
        }
        let data = match self.data() {
            Field::Absent => None,
            Field::Null => Some(None),
            Field::Value(value) => Some(Some(data(value))),
        };
        to_raw_value(&WrittenRelationship { data, links: self.links(), meta: self.meta() }).map(Some)
    }

    /// Reads a relationship object, with its data by `data`.
    fn read(
        json: &RawValue,
        data: impl Fn(&RelationshipObject<'_>) -> Result<Field<D>, FieldError>,
    ) -> Result<Self, FieldError> {
        let object = RelationshipObject::read(json)?;
        let extras = Extras::of(object.links()?, object.meta()?);
        Ok(Self::new(data(&object)?, extras))
    }

    /// Reads the relationship object that comes next, with its data by `read`.
    fn read_next(
        cursor: &mut Cursor<'_>,
        read: impl Fn(&mut Cursor<'_>) -> Option<Field<D>>,
    ) -> Option<Self> {
        let (mut data, mut links, mut meta) = (Field::Absent, None, None);
        cursor.object(|cursor| {
            if data.is_absent() && cursor.name_is("data") {
                data = read(cursor)?;
            } else if links.is_none() && cursor.name_is("links") {
                links = read_links(Some(cursor.value()?)).ok()?;
            } else if meta.is_none() && cursor.name_is("meta") {
                meta = read_meta(Some(cursor.value()?)).ok()?;
            } else {
                return None;
            }
            Some(())
        })?;
        let relation = Self::new(data, Extras::of(links, meta));
        (relation.known() != 0).then_some(relation)
    }

    /// Reads the relationship object that comes next, which says the same. `read` reads data, and `repeats` reads data
    /// that are the same.
    fn repeats(
        &self,
        cursor: &mut Cursor<'_>,
        read: impl Fn(&mut Cursor<'_>) -> Option<Field<D>>,
        repeats: impl Fn(&D, &mut Cursor<'_>) -> Option<()>,
    ) -> Option<()> {
        let Self::Plain(data) = self else {
            return Self::read_next(cursor, read).filter(|other| other == self).map(drop);
        };
        let mut has_data = false;
        cursor.object(|cursor| {
            if !cursor.name_is("data") || std::mem::replace(&mut has_data, true) {
                return None;
            }
            match data {
                Field::Absent => None,
                Field::Null => cursor.null(),
                Field::Value(data) => repeats(data, cursor),
            }
        })?;
        has_data.then_some(())
    }
}

impl<K> One<K> {
    /// Makes a relationship to a record.
    #[must_use]
    pub fn to(key: K) -> Self {
        Self(Relation::Plain(Field::Value(key)))
    }

    /// Makes a relationship to no record.
    #[must_use]
    pub fn to_none() -> Self {
        Self(Relation::Plain(Field::Null))
    }

    /// Returns the key of the record. Null if there is none, absent if no response has said.
    #[must_use]
    pub fn data(&self) -> &Field<K> {
        self.0.data()
    }

    /// Returns the key of the record, if it is known that there is one.
    #[must_use]
    pub fn key(&self) -> Option<&K> {
        self.0.data().value()
    }

    /// Returns the links, if a response has given them.
    #[must_use]
    pub fn links(&self) -> Option<&Links> {
        self.0.links()
    }

    /// Returns the meta, if a response has given it.
    #[must_use]
    pub fn meta(&self) -> Option<&Meta> {
        self.0.meta()
    }

    /// Returns the URL of the related record, if a response has given it. It may be relative to that of the response.
    #[must_use]
    pub fn related(&self) -> Option<&str> {
        self.links()?.href("related")
    }
}

impl<K> Many<K> {
    /// Makes a relationship to these records.
    #[must_use]
    pub fn to(keys: impl IntoIterator<Item = K>) -> Self {
        Self(Relation::Plain(Field::Value(keys.into_iter().collect())))
    }

    /// Returns the keys of the records. Absent if no response has said.
    #[must_use]
    pub fn data(&self) -> &Field<Arc<[K]>> {
        self.0.data()
    }

    /// Returns the keys of the records that are known.
    #[must_use]
    pub fn keys(&self) -> &[K] {
        self.0.data().value().map_or(&[], |keys| keys)
    }

    /// Returns the links, if a response has given them.
    #[must_use]
    pub fn links(&self) -> Option<&Links> {
        self.0.links()
    }

    /// Returns the meta, if a response has given it.
    #[must_use]
    pub fn meta(&self) -> Option<&Meta> {
        self.0.meta()
    }

    /// Returns the URL of the related records, if a response has given it. It may be relative to that of the response.
    #[must_use]
    pub fn related(&self) -> Option<&str> {
        self.links()?.href("related")
    }
}

impl<K: Clone + PartialEq> One<K> {
    /// Returns the relationship object that says this; `None` if nothing is known.
    pub(crate) fn written<'a>(
        &'a self,
        identifier: impl Fn(&'a K) -> WrittenIdentifier<'a>,
    ) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        self.0.written(identifier)
    }
}

impl<K: PartialEq> Many<K> {
    /// Returns the relationship object that says this; `None` if nothing is known.
    pub(crate) fn written<'a>(
        &'a self,
        identifier: impl Fn(&'a K) -> WrittenIdentifier<'a>,
    ) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        self.0.written(|keys| keys.iter().map(identifier).collect::<Vec<_>>())
    }
}

impl<K> Default for One<K> {
    fn default() -> Self {
        Self(Relation::Plain(Field::Absent))
    }
}

impl<K> Default for Many<K> {
    fn default() -> Self {
        Self(Relation::Plain(Field::Absent))
    }
}

impl Extras {
    const ABSENT: Self = Self { links: Field::Absent, meta: Field::Absent };

    fn of(links: Option<Links>, meta: Option<Meta>) -> Option<Self> {
        let is_known = links.is_some() || meta.is_some();
        is_known.then(|| Self {
            links: links.map_or(Field::Absent, |links| Field::Value(Arc::new(links))),
            meta: meta.map_or(Field::Absent, |meta| Field::Value(Arc::new(meta))),
        })
    }

    fn known(&self) -> Parts {
        let links = if self.links.is_absent() { 0 } else { LINKS };
        links | if self.meta.is_absent() { 0 } else { META }
    }

    fn differs(&self, other: &Self) -> Parts {
        let links = if self.links == other.links { 0 } else { LINKS };
        links | if self.meta == other.meta { 0 } else { META }
    }

    fn take(&mut self, other: &Self, parts: Parts) {
        if parts & LINKS != 0 {
            self.links.clone_from(&other.links);
        }
        if parts & META != 0 {
            self.meta.clone_from(&other.meta);
        }
    }
}

/// Reads an identifier of a record of this type.
fn read_key<K: ResourceKey<Value: Resource>>(json: &RawValue) -> Result<K, FieldError> {
    Identifier::read(json)?.key_of(K::Value::TYPE).map(K::from_id)
}

/// Reads the identifier that comes next, of a record of this type.
fn read_next_key<K: ResourceKey<Value: Resource>>(cursor: &mut Cursor<'_>) -> Option<K> {
    cursor.identifier(K::Value::TYPE).map(K::from_id)
}

/// Reads the identifier or null that comes next.
fn read_next_one<K: ResourceKey<Value: Resource>>(cursor: &mut Cursor<'_>) -> Option<Field<K>> {
    cursor.nullable(read_next_key).map(|key| key.map_or(Field::Null, Field::Value))
}

/// Reads the list of identifiers that comes next.
fn read_next_many<K: ResourceKey<Value: Resource>>(cursor: &mut Cursor<'_>) -> Option<Field<Arc<[K]>>> {
    let mut keys = Vec::new();
    cursor.list(|cursor| {
        keys.push(read_next_key(cursor)?);
        Some(())
    })?;
    Some(Field::Value(keys.into()))
}

/// Reads the identifier that comes next, which names the same record as a key.
fn repeats_key<K: ResourceKey<Value: Resource>>(cursor: &mut Cursor<'_>, key: &K) -> Option<()> {
    cursor.same_identifier(K::Value::TYPE, key.id())
}

/// Returns whether a key is that of a record.
fn is_key_of<K: ResourceKey>(key: &K, record: &RecordRef) -> bool {
    record.resource == TypeId::of::<K::Value>() && *key.id() == record.id
}

/// Returns the key that a local key has become.
fn key_with_id<K: ResourceKey>(key: &K, ids: &dyn Fn(&RecordRef) -> Option<Id>) -> Option<K> {
    key.id().lid()?;
    ids(&RecordRef { resource: TypeId::of::<K::Value>(), id: key.id().clone() }).map(K::from_id)
}

/// Returns a field with its type.
fn same_type<T: AnyField>(field: &dyn AnyField) -> Option<&T> {
    (field as &dyn Any).downcast_ref()
}

impl<K: ResourceKey<Value: Resource>> AnyField for One<K> {
    fn absent() -> Self {
        Self::default()
    }

    fn place(&self) -> FieldPlace {
        FieldPlace::Relationships
    }

    fn known(&self) -> Parts {
        self.0.known()
    }

    fn differs(&self, other: &dyn AnyField, parts: Parts) -> Parts {
        same_type(other).map_or(parts, |Self(other)| self.0.differs(other, parts))
    }

    fn take(&mut self, other: &dyn AnyField, parts: Parts) {
        if let Some(Self(other)) = same_type(other) {
            self.0.take(other, parts);
        }
    }

    fn read(&mut self, json: &RawValue) -> Result<(), FieldError> {
        self.0 = Relation::read(json, |object| object.one(read_key))?;
        Ok(())
    }

    fn read_next(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        self.0 = Relation::read_next(cursor, read_next_one)?;
        Some(())
    }

    fn repeats(&self, cursor: &mut Cursor<'_>) -> Option<()> {
        self.0.repeats(cursor, read_next_one, |key, cursor| repeats_key(cursor, key))
    }

    fn names(&self, record: &RecordRef) -> bool {
        self.key().is_some_and(|key| is_key_of(key, record))
    }

    fn unlink(&mut self, record: &RecordRef) {
        if self.names(record) {
            *self.0.data_mut() = Field::Null;
        }
    }

    fn names_locally(&self) -> bool {
        self.key().is_some_and(|key| key.id().lid().is_some())
    }

    fn relink(&mut self, ids: &dyn Fn(&RecordRef) -> Option<Id>) -> bool {
        let Some(key) = self.key().and_then(|key| key_with_id(key, ids)) else { return false };
        *self.0.data_mut() = Field::Value(key);
        true
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
        self.0.known()
    }

    fn differs(&self, other: &dyn AnyField, parts: Parts) -> Parts {
        same_type(other).map_or(parts, |Self(other)| self.0.differs(other, parts))
    }

    fn take(&mut self, other: &dyn AnyField, parts: Parts) {
        if let Some(Self(other)) = same_type(other) {
            self.0.take(other, parts);
        }
    }

    fn read(&mut self, json: &RawValue) -> Result<(), FieldError> {
        self.0 = Relation::read(json, |object| object.many(read_key))?;
        Ok(())
    }

    fn read_next(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        self.0 = Relation::read_next(cursor, read_next_many)?;
        Some(())
    }

    fn repeats(&self, cursor: &mut Cursor<'_>) -> Option<()> {
        self.0.repeats(cursor, read_next_many, |keys, cursor| {
            let mut keys = keys.iter();
            cursor.list(|cursor| repeats_key(cursor, keys.next()?))?;
            keys.next().is_none().then_some(())
        })
    }

    fn names(&self, record: &RecordRef) -> bool {
        self.keys().iter().any(|key| is_key_of(key, record))
    }

    fn unlink(&mut self, record: &RecordRef) {
        if self.names(record) {
            let others = self.keys().iter().filter(|key| !is_key_of(*key, record)).cloned();
            *self.0.data_mut() = Field::Value(others.collect());
        }
    }

    fn names_locally(&self) -> bool {
        self.keys().iter().any(|key| key.id().lid().is_some())
    }

    /// A record that the list names by its id already is named once.
    fn relink(&mut self, ids: &dyn Fn(&RecordRef) -> Option<Id>) -> bool {
        let mut next: Vec<K> = Vec::with_capacity(self.keys().len());
        let mut is_relinked = false;
        for key in self.keys() {
            let Some(new) = key_with_id(key, ids) else {
                next.push(key.clone());
                continue;
            };
            is_relinked = true;
            if !self.keys().contains(&new) && !next.contains(&new) {
                next.push(new);
            }
        }
        if is_relinked {
            *self.0.data_mut() = Field::Value(next.into());
        }
        is_relinked
    }
}
