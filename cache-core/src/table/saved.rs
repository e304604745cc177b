//! What is done with a table that takes part in snapshots.

use super::Table;
use crate::clock::Moment;
use crate::commit::Part;
use crate::commit::restore::Restoring;
use crate::erased::SavedTable;
use crate::query::Query;
use crate::snapshot::{Downtime, Image, QueryImage, Section, SkipReason};

impl<Q: Query> SavedTable for Table<Q> {
    fn image(&self, with_survivors: bool, now: Moment, threads: usize) -> Option<Image<'_>> {
        let copies = self.copies(with_survivors, now, threads);
        Some(Image(Box::new(QueryImage::new(self.name(), self.codec()?, copies))))
    }

    fn restoring(
        &self,
        section: &Section<'_>,
        downtime: Downtime,
        threads: usize,
    ) -> Result<Box<dyn Part + '_>, SkipReason> {
        let codec = self.codec().ok_or(SkipReason::NotPersisted)?;
        Ok(Box::new(Restoring::new(self, section.decode(codec, downtime, threads)?)))
    }
}
