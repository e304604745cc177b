//! Links and meta of documents, resources, relationships and errors.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Meta;
use super::name::kind_of;
use super::pointer::{FieldError, read_object};
use super::visit::each_member;

/// Links by name. A link may be null, which says that there is none, such as `next` of the last page.
///
/// # Examples
/// ```
/// use cache_documents::Links;
///
/// let links: Links = serde_json::from_str(r#"{"next": "/articles?page=2", "prev": null}"#)?;
/// assert_eq!(links.href("next"), Some("/articles?page=2"));
/// assert_eq!(links.href("prev"), None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Sorted by name, each name once. Most objects have one or two links; each node of a map has room for eleven.
    by_name: Box<[(Box<str>, Option<Link>)]>,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    href: Box<str>,
    meta: Option<Box<Meta>>,
}

impl Links {
    /// Returns a link; `None` if it is null or absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Link> {
        let at = self.by_name.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
        self.by_name[at].1.as_ref()
    }

    /// Returns the URL of a link; `None` if it is null or absent.
    #[must_use]
    pub fn href(&self, name: &str) -> Option<&str> {
        self.get(name).map(Link::href)
    }

    /// Returns the names and links that are not null, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Link)> {
        self.by_name.iter().filter_map(|(name, link)| Some((&**name, link.as_ref()?)))
    }
}

impl Link {
    /// Returns the URL.
    #[must_use]
    pub fn href(&self) -> &str {
        &self.href
    }

    /// Returns the meta of the link, if it has any.
    #[must_use]
    pub fn meta(&self) -> Option<&Meta> {
        self.meta.as_deref()
    }
}

impl Serialize for Links {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.by_name.iter().map(|(name, link)| (name, link)))
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.meta {
            None => serializer.serialize_str(&self.href),
            Some(_) => LinkObject { href: self.href.clone(), meta: self.meta.clone() }.serialize(serializer),
        }
    }
}

/// A link that is an object.
#[derive(Serialize, Deserialize)]
struct LinkObject {
    href: Box<str>,
    #[serde(default, deserialize_with = "given_meta")]
    meta: Option<Box<Meta>>,
}

/// Reads meta that is there, which must not be null.
fn given_meta<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<Meta>>, D::Error> {
    Box::deserialize(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for Links {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LinksVisitor;

        impl<'de> Visitor<'de> for LinksVisitor {
            type Value = Links;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of links")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Links, M::Error> {
                let mut by_name = Vec::new();
                while let Some(link) = map.next_entry()? {
                    by_name.push(link);
                }
                // The last of two links of the same name counts, as in other objects.
                by_name.reverse();
                by_name.sort_by(|(one, _), (other, _): &(Box<str>, _)| one.cmp(other));
                by_name.dedup_by(|(one, _), (other, _)| one == other);
                Ok(Links { by_name: by_name.into() })
            }
        }
        deserializer.deserialize_map(LinksVisitor)
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LinkVisitor;

        impl<'de> Visitor<'de> for LinkVisitor {
            type Value = Link;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a link: a string, or an object with `href`")
            }

            fn visit_str<E: Error>(self, href: &str) -> Result<Link, E> {
                Ok(Link { href: href.into(), meta: None })
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Link, M::Error> {
                let LinkObject { href, meta } = LinkObject::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Link { href, meta })
            }
        }
        deserializer.deserialize_any(LinkVisitor)
    }
}

/// Reads the member `links` of an object.
pub(crate) fn read_links(json: Option<&RawValue>) -> Result<Option<Links>, FieldError> {
    let Some(json) = json else { return Ok(None) };
    let links = read_object::<Links>(json).and_then(|links| check_links(&links).map(|()| links));
    links.map(Some).map_err(|error| error.within("links"))
}

/// Checks the names of links, and those in their meta.
pub(crate) fn check_links(links: &Links) -> Result<(), FieldError> {
    for (name, link) in &links.by_name {
        let checked = match link.as_ref().and_then(Link::meta) {
            Some(meta) => check_names(meta).map_err(|error| error.within("meta")),
            None => Ok(()),
        };
        kind_of(name).and(checked).map_err(|error| error.within(name))?;
    }
    Ok(())
}

/// Reads the member `meta` of an object.
pub(crate) fn read_meta(json: Option<&RawValue>) -> Result<Option<Meta>, FieldError> {
    let Some(json) = json else { return Ok(None) };
    let meta = read_object::<Meta>(json).and_then(|meta| check_names(&meta).map(|()| meta));
    meta.map(Some).map_err(|error| error.within("meta"))
}

/// Checks the names of the members.
pub(crate) fn check_names(meta: &Meta) -> Result<(), FieldError> {
    meta.keys().try_for_each(|name| kind_of(name).map(drop).map_err(|error| error.within(name)))
}

/// Checks the member `meta` of an object that has no place for it.
pub(crate) fn check_meta(json: Option<&RawValue>) -> Result<(), FieldError> {
    let Some(json) = json else { return Ok(()) };
    each_member(json, &mut |name, _| kind_of(&name.0).map(drop)).map_err(|error| error.within("meta"))
}
