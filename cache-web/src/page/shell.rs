//! The HTML of a page, with the place of its state.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::PLACE;
use super::error::PageError;
use crate::random::RandomWord;

/// Finds the beginnings of places.
static PLACES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(PLACE));

/// The HTML of a page that has the place for its state exactly once.
pub(super) struct Shell {
    html: String,
    place: Range<usize>,
}

impl Shell {
    /// Finds the place with a word. Anything else that begins like a place is text.
    pub(super) fn new(html: String, word: &RandomWord) -> Result<Self, PageError> {
        let is_place = |&at: &usize| html[at + PLACE.len()..].starts_with(word.as_str());
        let mut places = PLACES.find_iter(html.as_bytes()).filter(is_place);
        let Some(at) = places.next() else { return Err(PageError::NoPlace) };
        if places.next().is_some() {
            return Err(PageError::SeveralPlaces);
        }
        drop(places);
        Ok(Self { html, place: at..at + PLACE.len() + word.as_str().len() })
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
