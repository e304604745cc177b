//! The HTML of a page, with the place of its state.

use std::ops::Range;

use super::PLACE;
use super::error::PageError;
use crate::random::RandomWord;

/// The HTML of a page that has the place for its state exactly once.
pub(super) struct Shell {
    html: String,
    place: Range<usize>,
}

impl Shell {
    /// Finds the place with a word. Anything else that begins like a place is text.
    pub(super) fn new(html: String, word: &RandomWord) -> Result<Self, PageError> {
        let is_place = |&at: &usize| {
            let rest = html.as_bytes()[at..].strip_prefix(PLACE.as_bytes());
            rest.is_some_and(|rest| rest.starts_with(word.as_bytes()))
        };
        let mut places = memchr::memchr_iter(PLACE.as_bytes()[0], html.as_bytes()).filter(is_place);
        let Some(at) = places.next() else { return Err(PageError::NoPlace) };
        if places.next().is_some() {
            return Err(PageError::SeveralPlaces);
        }
        drop(places);
        Ok(Self { html, place: at..at + PLACE.len() + word.as_bytes().len() })
    }

    pub(super) fn len(&self) -> usize {
        self.html.len()
    }

    /// The HTML in front of the place.
    pub(super) fn before(&self) -> &str {
        &self.html[..self.place.start]
    }

    /// The HTML after the place.
    pub(super) fn after(&self) -> &str {
        &self.html[self.place.end..]
    }

    /// The HTML without the place.
    pub(super) fn into_html(mut self) -> String {
        self.html.replace_range(self.place, "");
        self.html
    }
}
