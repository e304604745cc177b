//! Which records can be saved, the shapes of their types, and how their fields are written. Knows no documents.

use std::any::{Any, TypeId};
use std::fmt::{self, Debug};
use std::sync::{Arc, LazyLock};

use cache_core::Shape;
use cache_core::client_support::{Fingerprint, ShapeReport};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde_json::Error;
use serde_json::value::{RawValue, to_raw_value};

use crate::field::{AnyField, Field, FieldPlace};
use crate::jsonapi::write::{WrittenIdentifier, WrittenResource};
use crate::map::HashMap;
use crate::record::RecordRef;
use crate::record_types::RecordTypes;
use crate::relation::{Many, One};
use crate::resource::{AnyRecord, Resource, ResourceKey};
use crate::sync::Mutex;

/// A record that is saved with the documents that show it. The derive implements it for resources with the option
/// `persist`.
///
/// Attributes are saved as JSON, as responses have them: their types need [`Serialize`], which must write what
/// `Deserialize` reads, and [`Shape`]. Relationships need that the records that they name can be saved too.
///
/// # Examples
/// ```
/// # use cache_core::Query;
/// # use cache_documents::{Field, Id, One, Resource};
/// use cache_core::Shape;
/// use serde::{Deserialize, Serialize};
///
/// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// # #[query(value = Article, record)]
/// # struct ArticleId(Id);
/// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// # #[query(value = Person, record)]
/// # struct PersonId(Id);
/// #[derive(Shape, Serialize, Deserialize, Clone, Debug, PartialEq)]
/// struct Place {
///     town: String,
/// }
///
/// #[derive(Resource, Clone, Debug, PartialEq)]
/// #[resource(type = "people", key = PersonId, persist)]
/// struct Person {
///     home: Field<Place>,
/// }
///
/// #[derive(Resource, Clone, Debug, PartialEq)]
/// #[resource(type = "articles", key = ArticleId, persist)]
/// struct Article {
///     title: Field<String>,
///     author: One<PersonId>,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "records of type `{Self}` cannot be saved",
    label = "cannot be saved",
    note = "add `persist` to the `#[resource(...)]` of `{Self}`"
)]
pub trait SavedResource: Resource {
    /// The fields.
    #[doc(hidden)]
    const SAVED_FIELDS: &'static [SavedField];
}

/// How the fields of one name are saved.
#[derive(Clone, Copy, Debug)]
pub struct SavedField {
    shape: fn() -> Fingerprint,
    add_related: fn(&mut SavedTypes),
    write: fn(&dyn AnyField) -> WrittenField,
}

/// The JSON of a field; `None` if nothing is known of it.
type WrittenField = Result<Option<Box<RawValue>>, Error>;

impl SavedField {
    /// Describes fields of type `F`.
    #[must_use]
    pub const fn of<F: SaveField>() -> Self {
        Self { shape: F::shape, add_related: F::add_related, write: write_as::<F> }
    }
}

fn write_as<F: SaveField>(field: &dyn AnyField) -> WrittenField {
    match (field as &dyn Any).downcast_ref::<F>() {
        Some(field) => field.write(),
        None => Err(Error::custom("it is a field of another type")),
    }
}

/// A field that can be saved.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot be saved",
    label = "cannot be saved",
    note = "the type of an attribute needs `Serialize` and `Shape`",
    note = "a relationship needs `persist` in the `#[resource(...)]` of the records that it names"
)]
pub trait SaveField: AnyField + Sized {
    /// Returns the shape of what is saved.
    fn shape() -> Fingerprint;
    /// Adds the types of the records that the field may name.
    fn add_related(types: &mut SavedTypes);
    /// Returns the JSON that a response would have for the field; `None` if nothing is known of it.
    ///
    /// # Errors
    /// JSON cannot represent the value.
    fn write(&self) -> Result<Option<Box<RawValue>>, Error>;
}

impl<T> SaveField for Field<T>
where
    T: Shape + Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static,
{
    fn shape() -> Fingerprint {
        fingerprint(&[b"attribute", &ShapeReport::of::<T>().fingerprint.to_le_bytes()])
    }

    fn add_related(_: &mut SavedTypes) {}

    fn write(&self) -> Result<Option<Box<RawValue>>, Error> {
        let value = match self {
            Self::Absent => return Ok(None),
            Self::Null => return Ok(Some(RawValue::NULL.to_owned())),
            Self::Value(value) => to_raw_value(value)?,
        };
        match value.get() {
            "null" => Err(Error::custom("the value is `null` in JSON, and so would read back as no value")),
            _ => Ok(Some(value)),
        }
    }
}

impl<K: ResourceKey<Value: SavedResource>> SaveField for One<K> {
    fn shape() -> Fingerprint {
        fingerprint(&[b"one", K::Value::TYPE.as_bytes()])
    }

    fn add_related(types: &mut SavedTypes) {
        types.add::<K::Value>();
    }

    fn write(&self) -> Result<Option<Box<RawValue>>, Error> {
        self.written(|key| WrittenIdentifier::new(K::Value::TYPE, key.id()))
    }
}

impl<K: ResourceKey<Value: SavedResource>> SaveField for Many<K> {
    fn shape() -> Fingerprint {
        fingerprint(&[b"many", K::Value::TYPE.as_bytes()])
    }

    fn add_related(types: &mut SavedTypes) {
        types.add::<K::Value>();
    }

    fn write(&self) -> Result<Option<Box<RawValue>>, Error> {
        self.written(|key| WrittenIdentifier::new(K::Value::TYPE, key.id()))
    }
}

/// Returns the hash of several texts. None of those but the last has a zero byte, which separates them.
fn fingerprint(parts: &[&[u8]]) -> Fingerprint {
    Fingerprint::of_bytes(&parts.join(&0))
}

/// The types of the records that documents about one type may show: this type, and those that its relationships reach.
#[derive(Default)]
pub struct SavedTypes {
    pub(crate) types: RecordTypes,
    /// By the numbers of the types.
    saved: Vec<SavedType>,
}

impl Debug for SavedTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.types.names()).finish()
    }
}

/// How records of one type are saved.
struct SavedType {
    name: &'static str,
    resource: TypeId,
    shape: Fingerprint,
    fields: &'static [SavedField],
}

/// The types of each content, which are the same as long as the program runs.
static KNOWN: LazyLock<Mutex<HashMap<TypeId, Arc<SavedTypes>>>> = LazyLock::new(Mutex::default);

impl SavedTypes {
    /// Returns the types that documents about records of type `R` may show.
    pub(crate) fn of<R: SavedResource>() -> Arc<Self> {
        let known = KNOWN.lock().get(&TypeId::of::<R>()).cloned();
        known.unwrap_or_else(|| {
            let mut types = Self::default();
            types.add::<R>();
            Arc::clone(KNOWN.lock().entry(TypeId::of::<R>()).or_insert(Arc::new(types)))
        })
    }

    /// Adds a type, and those that its relationships reach. Of two types with one name, the first counts.
    pub(crate) fn add<R: SavedResource>(&mut self) {
        if self.types.by_name(R::TYPE).is_some() || self.types.add::<R>().is_none() {
            return;
        }
        let fields = R::FIELDS.iter().zip(R::SAVED_FIELDS);
        let shapes: Vec<_> = fields.map(|(name, field)| (name, (field.shape)().to_le_bytes())).collect();
        let shapes = shapes.iter().flat_map(|(name, shape)| [name.as_bytes(), shape]);
        let shape = Fingerprint::of_bytes(&[R::TYPE.as_bytes()].into_iter().chain(shapes).fold(
            Vec::new(),
            |mut text, part| {
                text.extend_from_slice(part);
                text.push(0);
                text
            },
        ));
        self.saved.push(SavedType {
            name: R::TYPE,
            resource: TypeId::of::<R>(),
            shape,
            fields: R::SAVED_FIELDS,
        });
        R::SAVED_FIELDS.iter().for_each(|field| (field.add_related)(self));
    }

    /// Returns the shape of a type; `None` if no document about these types shows it.
    pub(crate) fn shape_of(&self, name: &str) -> Option<Fingerprint> {
        let resource = self.types.by_name(name)?.resource;
        self.saved.iter().find(|saved| saved.resource == resource).map(|saved| saved.shape)
    }

    /// Returns the number and the name of a type, if it is one of these.
    pub(crate) fn named(&self, resource: TypeId) -> Option<(usize, &'static str)> {
        let number = self.types.number_of(resource)?;
        Some((number, self.saved.get(number)?.name))
    }

    /// Returns what is saved of a record of the type with this number.
    ///
    /// # Errors
    /// JSON cannot represent a field. The error names it.
    pub(crate) fn write<'a>(
        &self,
        number: usize,
        name: &'a RecordRef,
        record: &dyn AnyRecord,
    ) -> Result<WrittenResource<'a>, Error> {
        let SavedType { name: kind, fields, .. } = &self.saved[number];
        let mut written = WrittenResource::new(WrittenIdentifier::new(kind, &name.id));
        for (number, (field, member)) in fields.iter().zip(record.names()).enumerate() {
            let present = record.any_field(number);
            let value = (field.write)(present).map_err(|error| {
                Error::custom(format_args!("`{member}` of `{kind}` {} cannot be saved: {error}", name.id))
            })?;
            let Some(value) = value else { continue };
            match present.place() {
                FieldPlace::Attributes => written.attributes.push((member, value)),
                FieldPlace::Relationships => written.relationships.push((member, value)),
            }
        }
        Ok(written)
    }
}
