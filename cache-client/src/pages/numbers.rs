//! Pages by number, and which of them is shown.

use cache_core::Query;

/// Page numbers, and which page is shown.
pub(super) struct PageNumbers<Q: Query<Value: Sized>> {
    pub(super) make: Box<dyn Fn(u64) -> Q + Send + Sync>,
    pub(super) total: Option<Box<Total<Q>>>,
    /// Number of the first page.
    pub(super) first: u64,
    /// Number of the shown page, or of the first page to show.
    pub(super) page: u64,
}

/// Reads the number of pages from a page, if the page has it.
type Total<Q> = dyn Fn(&<Q as Query>::Value) -> Option<u64> + Send + Sync;

impl<Q: Query<Value: Sized>> PageNumbers<Q> {
    pub(super) fn query(&self) -> Q {
        (self.make)(self.page)
    }

    pub(super) fn total_of(&self, value: &Q::Value) -> Option<u64> {
        (self.total.as_ref()?)(value)
    }

    pub(super) fn has_previous(&self) -> bool {
        self.page > self.first
    }

    /// The first page if none is shown, otherwise the next one.
    pub(super) fn next(&self, shown: Option<&Q::Value>) -> Option<u64> {
        let Some(shown) = shown else { return Some(self.page) };
        let next = self.page.checked_add(1)?;
        let is_behind_the_last =
            self.total_of(shown).is_some_and(|total| next.saturating_sub(self.first) >= total);
        (!is_behind_the_last).then_some(next)
    }
}
