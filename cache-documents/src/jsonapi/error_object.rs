//! Error objects.

use std::fmt::{self, Display};
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::links::{check_links, check_names};
use super::pointer::{FieldError, read_object};
use super::{Links, Meta};

/// An error that a server has reported.
///
/// # Examples
/// ```
/// use cache_documents::ErrorObject;
///
/// let error: ErrorObject = serde_json::from_str(
///     r#"{"status": "422", "detail": "is too long", "source": {"pointer": "/data/attributes/title"}}"#,
/// )?;
/// assert_eq!(error.status_code(), Some(422));
/// assert_eq!(error.pointer(), Some("/data/attributes/title"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ErrorObject {
    /// Names this occurrence of the problem.
    pub id: Option<String>,
    /// The HTTP status.
    pub status: Option<String>,
    /// A code of the application.
    pub code: Option<String>,
    /// A summary of the problem.
    pub title: Option<String>,
    /// What is special to this occurrence.
    pub detail: Option<String>,
    /// The part of the request that caused the error.
    #[serde(deserialize_with = "object_or_null")]
    pub source: Option<ErrorSource>,
    /// Links to more information.
    pub links: Option<Links>,
    /// Information that the format does not define.
    pub meta: Option<Meta>,
}

impl ErrorObject {
    /// Returns the HTTP status as a number; `None` if it is absent, or no number from 100 to 999.
    #[must_use]
    pub fn status_code(&self) -> Option<u16> {
        self.status.as_deref()?.parse().ok().filter(|status| (100..1000).contains(status))
    }

    /// Returns the part of the request's document that caused the error, as a JSON pointer.
    #[must_use]
    pub fn pointer(&self) -> Option<&str> {
        self.source.as_ref()?.pointer.as_deref()
    }

    /// Returns the members that are texts, and what caused the error, as a reader wants them.
    fn texts(&self) -> impl Iterator<Item = String> {
        let texts = [&self.status, &self.code, &self.title, &self.detail];
        let source = self.source.as_ref();
        let causes = [
            ("at", source.and_then(|source| source.pointer.as_deref())),
            ("parameter", source.and_then(|source| source.parameter.as_deref())),
            ("header", source.and_then(|source| source.header.as_deref())),
        ];
        let causes = causes.into_iter().filter_map(|(name, cause)| Some(format!("{name} `{}`", cause?)));
        texts.into_iter().flatten().cloned().chain(causes)
    }

    /// Reads an error object. Members may be null, so that a careless server's report is not lost.
    pub(super) fn read(json: &RawValue) -> Result<Self, FieldError> {
        let error: Self = read_object(json)?;
        if error == Self::default() {
            return Err(FieldError::new(
                "an error needs at least one of the members that the format defines",
            ));
        }
        if let Some(links) = &error.links {
            check_links(links).map_err(|error| error.within("links"))?;
        }
        if let Some(meta) = &error.meta {
            check_names(meta).map_err(|error| error.within("meta"))?;
        }
        Ok(error)
    }
}

/// Such as ``422, too-long, is too long, at `/data/attributes/title` ``.
impl Display for ErrorObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.texts().collect();
        match (&texts[..], &self.id) {
            ([], Some(id)) => write!(f, "error {id}"),
            ([], None) => f.write_str("an error without a text"),
            (texts, _) => f.write_str(&texts.join(", ")),
        }
    }
}

/// The part of a request that caused an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ErrorSource {
    /// A JSON pointer into the request's document.
    pub pointer: Option<String>,
    /// A parameter of the URL.
    pub parameter: Option<String>,
    /// A header of the request.
    pub header: Option<String>,
}

/// Reads an object or null. A derived `Deserialize` alone would take a list of the members too.
fn object_or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    struct ObjectOrNull<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectOrNull<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
            Ok(None)
        }

        fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Option<T>, M::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }
    }
    deserializer.deserialize_any(ObjectOrNull(PhantomData))
}
