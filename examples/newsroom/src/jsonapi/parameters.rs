//! The parameters of a request: what to include, which page of which list. Unknown ones are refused, as the format
//! demands.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use super::response::Failure;
use crate::model::NotA;
use crate::problem::{Problem, cut};

/// What a document includes besides its primary data.
pub(crate) const INCLUDE: &str = "include";

/// The article before the page, as `next` and `prev` of a page say it.
pub(crate) const PAGE: &str = "page[before]";

/// The section of a list.
pub(crate) const SECTION: &str = "filter[section]";

/// The number of the author of a list.
pub(crate) const AUTHOR: &str = "filter[author]";

const ALL: [&str; 4] = [INCLUDE, PAGE, SECTION, AUTHOR];

/// The parameters of a request.
#[derive(Debug, Default)]
pub(crate) struct Parameters(BTreeMap<&'static str, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Query(given) = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        let mut all = BTreeMap::new();
        for (name, value) in given {
            let Some(known) = ALL.into_iter().find(|known| *known == name) else {
                let text =
                    format!("the parameter `{}` is not known; there are {}", cut(&name), ALL.join(", "));
                return Err(Problem::BadInput(text).into());
            };
            if all.insert(known, value).is_some() {
                return Err(Failure::of_parameter(
                    Problem::BadInput(format!("`{known}` is given twice")),
                    known,
                ));
            }
        }
        Ok(Self(all))
    }
}

impl Parameters {
    /// Takes the relationships to include, as paths, of which the route knows `all`. The order is that of `all`.
    pub(crate) fn take_include(&mut self, all: &[&'static str]) -> Result<Include, Failure> {
        let text = self.0.remove(INCLUDE).unwrap_or_default();
        let mut include = Include::default();
        for path in text.split(',').filter(|path| !path.is_empty()) {
            let Some(known) = all.iter().find(|known| **known == path) else {
                let text = format!("`{}` cannot be included; possible are {}", cut(path), all.join(", "));
                return Err(Failure::of_parameter(Problem::BadInput(text), INCLUDE));
            };
            include.0.push(known);
        }
        Ok(include)
    }

    /// Takes the value of a parameter.
    pub(crate) fn take<T: FromStr<Err = NotA>>(&mut self, name: &'static str) -> Result<Option<T>, Failure> {
        let value = self.0.remove(name).map(|text| text.parse()).transpose();
        value.map_err(|error| Failure::of_parameter(error, name))
    }

    /// Takes the number of an author.
    pub(crate) fn take_author(&mut self) -> Result<Option<u64>, Failure> {
        let Some(text) = self.0.remove(AUTHOR) else { return Ok(None) };
        // The numbers of SQLite have a sign.
        match text.parse::<u32>() {
            Ok(number) => Ok(Some(number.into())),
            Err(_) => Err(Failure::of_parameter(NotA::new("number of an author", &text), AUTHOR)),
        }
    }

    /// Refuses the parameters that the route has not taken.
    pub(crate) fn nothing_else(self) -> Result<(), Failure> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => {
                let text = format!("`{name}` means nothing here");
                Err(Failure::of_parameter(Problem::BadInput(text), name))
            }
        }
    }
}

/// The relationships to include.
#[derive(Debug, Default)]
pub(crate) struct Include(Vec<&'static str>);

impl Include {
    /// The parameter that says the same.
    pub(crate) fn parameter(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| format!("{INCLUDE}={}", self.0.join(",")))
    }

    /// Whether a relationship is included, as an end of a path or on the way.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.iter().any(|known| {
            known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}
