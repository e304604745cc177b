//! The HTML of a page, with the place of its state.

use std::ops::Range;

use memchr::memmem::Finder;

use super::error::PageError;

/// The HTML of a page that has the place for its state exactly once.
pub(super) struct Shell {
    html: String,
    place: Range<usize>,
}

impl Shell {
    pub(super) fn new(html: String, place: &str) -> Result<Self, PageError> {
        let finder = Finder::new(place);
        let mut places = finder.find_iter(html.as_bytes());
        let Some(at) = places.next() else { return Err(PageError::NoPlace) };
        if places.next().is_some() {
            return Err(PageError::SeveralPlaces);
        }
        drop(places);
        Ok(Self { html, place: at..at + place.len() })
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
