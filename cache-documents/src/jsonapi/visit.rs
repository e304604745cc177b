//! Visits the elements of lists and the members of objects, one by one, without collecting them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::name::{NameKind, kind_of};
use super::pointer::{FieldError, expected, read_value};

/// A text that is borrowed if it has no escapes. An optional `Cow` alone, or one that is a name, would be copied.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// What is done with the name and the value of each member.
type VisitMember<'f, 'a> = &'f mut dyn FnMut(&Text<'a>, &'a RawValue) -> Result<(), FieldError>;
/// What is done with each element.
type VisitElement<'f, 'a> = &'f mut dyn FnMut(&'a RawValue) -> Result<(), FieldError>;

/// Reads a member that is there, also if it is null.
pub(crate) fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&'a RawValue>::deserialize(deserializer).map(Some)
}

/// Visits the members of an object up to the first error, which gets the name of the member.
pub(crate) fn each_member<'a>(json: &'a RawValue, visit: VisitMember<'_, 'a>) -> Result<(), FieldError> {
    if !json.get().starts_with('{') {
        return Err(expected("an object", json));
    }
    let mut problem = None;
    let visitor = Members { visit, problem: &mut problem };
    let read = serde_json::Deserializer::from_str(json.get()).deserialize_map(visitor);
    finish(json, problem, read)
}

/// Returns the members of an object that the format defines, in the order of `names`. Members of extensions are ignored.
/// Others are refused: what a server puts beside `attributes` would be lost without a word.
pub(crate) fn defined_members<'a, const N: usize>(
    json: &'a RawValue,
    names: [&str; N],
) -> Result<[Option<&'a RawValue>; N], FieldError> {
    let mut members = [None; N];
    each_member(json, &mut |name, value| {
        let Some(place) = names.iter().position(|defined| *defined == name.0) else {
            return match kind_of(&name.0)? {
                NameKind::Ignored => Ok(()),
                NameKind::Member => Err(undefined(&names)),
            };
        };
        match members[place].replace(value) {
            None => Ok(()),
            Some(_) => Err(FieldError::new("the object has two members of this name")),
        }
    })?;
    Ok(members)
}

#[cold]
fn undefined(names: &[&str]) -> FieldError {
    let names = names.join("`, `");
    FieldError::new(format!("the format defines only the members `{names}` here; use `meta` for others"))
}

/// Reads a text that may be null or absent.
pub(crate) fn optional_text<'a>(
    name: &str,
    json: Option<&'a RawValue>,
) -> Result<Option<Text<'a>>, FieldError> {
    let given = json.filter(|json| json.get() != "null");
    given.map(read_value).transpose().map_err(|error| error.within(name))
}

/// Visits the elements of a list up to the first error, which gets the index of the element.
pub(crate) fn each_element<'a>(json: &'a RawValue, visit: VisitElement<'_, 'a>) -> Result<(), FieldError> {
    if !json.get().starts_with('[') {
        return Err(expected("a list", json));
    }
    let mut problem = None;
    let visitor = Elements { visit, problem: &mut problem };
    let read = serde_json::Deserializer::from_str(json.get()).deserialize_seq(visitor);
    finish(json, problem, read)
}

/// Reads the elements of a list.
pub(crate) fn read_list<'a, T>(
    json: &'a RawValue,
    read: &mut dyn FnMut(&'a RawValue) -> Result<T, FieldError>,
) -> Result<Vec<T>, FieldError> {
    let mut elements = Vec::new();
    each_element(json, &mut |element| {
        elements.push(read(element)?);
        Ok(())
    })?;
    Ok(elements)
}

fn finish(
    json: &RawValue,
    problem: Option<FieldError>,
    read: Result<(), serde_json::Error>,
) -> Result<(), FieldError> {
    match (problem, read) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(()),
        // A name that no text can have, such as half of a surrogate pair.
        (None, Err(_)) => read_value::<serde_json::Value>(json).map(drop),
    }
}

struct Members<'f, 'a> {
    visit: VisitMember<'f, 'a>,
    problem: &'f mut Option<FieldError>,
}

impl<'de> Visitor<'de> for Members<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<Text<'de>>()? {
            if let Err(error) = (self.visit)(&name, map.next_value()?) {
                *self.problem = Some(error.within(&name.0));
                return Err(M::Error::custom("a member does not fit"));
            }
        }
        Ok(())
    }
}

struct Elements<'f, 'a> {
    visit: VisitElement<'f, 'a>,
    problem: &'f mut Option<FieldError>,
}

impl<'de> Visitor<'de> for Elements<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        let mut index = 0;
        while let Some(element) = list.next_element()? {
            if let Err(error) = (self.visit)(element) {
                *self.problem = Some(error.at(index));
                return Err(S::Error::custom("an element does not fit"));
            }
            index += 1;
        }
        Ok(())
    }
}
