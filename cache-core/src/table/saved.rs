//! What is done with a table that takes part in snapshots.

use std::time::Duration;

use super::Table;
use crate::any_table::SavedTable;
use crate::clock::Moment;
use crate::query::Query;
use crate::snapshot::{Image, QueryImage, Section, SkipReason, TableRestore};
use crate::transaction::commit::Part;
use crate::transaction::restore::Restoring;

impl<Q: Query> SavedTable for Table<Q> {
    fn image(&self, with_survivors: bool, now: Moment) -> Option<Image<'_>> {
        let entries = self.saved_entries(with_survivors, now);
        Some(Image(Box::new(QueryImage::new(self.name(), self.codec()?, entries))))
    }

    fn restoring(&self, section: &Section<'_>, elapsed: Duration) -> Result<Box<dyn Part + '_>, SkipReason> {
        let codec = self.codec().ok_or(SkipReason::NotPersisted)?;
        let decoded = section.decode(codec, elapsed)?;
        let mut report = TableRestore::new(self.name());
        report.skipped_entries = decoded.skipped;
        Ok(Box::new(Restoring::new(self, decoded.entries, report)))
    }
}
