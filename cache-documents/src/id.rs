//! The id of a record.

use std::borrow::Borrow;
use std::fmt::{self, Debug, Display};

use arcstr::ArcStr;
use cache_core::Shape;
use cache_core::client_support::ShapeVisitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The id of a record among those of its type. Clones share the text.
///
/// What the server has not named yet has a *local id*, which the program chooses, unique among those of its type. When an
/// answer of the server gives the record its id, the local one stays a name of it: see
/// [`Document::saved`](crate::Document::saved).
///
/// # Examples
/// ```
/// use cache_documents::Id;
///
/// let id = Id::from("9");
/// assert_eq!(id.as_str(), "9");
/// assert_eq!(id.lid(), None);
///
/// let id = Id::local("user:1");
/// assert_eq!(id.lid(), Some("user:1"));
/// assert_eq!(id.to_string(), "@lid:user:1");
/// ```
///
/// A query that is saved may have ids in its key. They are saved as their text.
///
/// ```
/// # use cache_core::Query;
/// # use cache_documents::{Document, Field, Id, Resource};
/// use cache_core::Shape;
/// use serde::{Deserialize, Serialize};
///
/// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// # #[query(value = Article, record)]
/// # struct ArticleId(Id);
/// # #[derive(Resource, Clone, Debug, PartialEq)]
/// # #[resource(type = "articles", key = ArticleId, persist)]
/// # struct Article { title: Field<String> }
/// #[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
/// #[query(value = Document<Article>, capacity = 500, fresh = "30s", persist)]
/// struct GetArticle {
///     id: Id,
/// }
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(ArcStr);

/// A response gives another id to a record than it has. Nothing of the response is applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id never changes: `{name}` of type `{resource}` has the id `{known}`, and the response says `{said}`"
)]
#[non_exhaustive]
pub struct IdChanged {
    /// The type of the record, as responses name it.
    pub resource: &'static str,
    /// The id by which the record was named.
    pub name: Id,
    /// The id that it has.
    pub known: Id,
    /// The id that the response gives it.
    pub said: Id,
}

/// What the text of a local id begins with. No id that a server gives begins so.
const LOCAL: &str = "@lid:";

impl Id {
    /// Makes the local id of what has no id yet. Its text is `@lid:` and the local id.
    #[must_use]
    pub fn local(lid: &str) -> Self {
        Self([LOCAL, lid].concat().into())
    }

    /// Returns the local id; `None` if the record has an id.
    #[must_use]
    pub fn lid(&self) -> Option<&str> {
        self.0.strip_prefix(LOCAL)
    }

    /// Returns whether this is the text of a local id.
    pub(crate) fn is_local(text: &str) -> bool {
        text.starts_with(LOCAL)
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Id {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl From<String> for Id {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// The shape of a text, so that a saved key may have had a `String` in place of the id.
impl Shape for Id {
    fn shape(visitor: &mut ShapeVisitor) {
        String::shape(visitor);
    }
}
