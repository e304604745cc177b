//! A table of a query that the caller does not know: what a whole cache does with each of its tables.

use std::fmt::Debug;
use std::time::Duration;

use crate::clock::Moment;
use crate::inspect::TableReport;
use crate::query::Query;
use crate::snapshot::{Image, QueryImage, Section, SkipReason};
use crate::table::Table;
use crate::transaction::clear::Clearing;
use crate::transaction::commit::Part;
use crate::transaction::restore::Restoring;

/// A table whose query is not known at compile time.
#[doc(hidden)]
pub trait AnyTable: Send + Sync + Debug {
    /// Name of the table.
    fn name(&self) -> &'static str;
    /// Live entries.
    fn live(&self) -> usize;
    /// Removes dead keys.
    fn reap(&self) -> usize;
    /// State and counters, and the entries if asked for.
    fn report(&self, with_entries: bool) -> TableReport;
    /// What empties the table as a part of a commit.
    fn clearing(&self) -> Box<dyn Part + '_>;
    /// The entries as they are to be saved, copied on at most `threads` threads; `None` if the table is not saved. To
    /// be called while the gate is closed.
    fn image(&self, with_survivors: bool, now: Moment, threads: usize) -> Option<Image<'_>>;
    /// What puts the entries of a snapshot back as a part of a commit; or why they are passed over.
    /// Decodes on at most `threads` threads.
    fn restoring(
        &self,
        section: &Section<'_>,
        elapsed: Duration,
        threads: usize,
    ) -> Result<Box<dyn Part + '_>, SkipReason>;
}

impl<Q: Query> AnyTable for Table<Q> {
    fn name(&self) -> &'static str {
        Self::name(self)
    }

    fn live(&self) -> usize {
        self.live_count()
    }

    fn reap(&self) -> usize {
        Self::reap(self)
    }

    fn report(&self, with_entries: bool) -> TableReport {
        let mut report =
            TableReport { name: Self::name(self), bound: self.rules().bound, ..TableReport::default() };
        report.misses = self.early_misses();
        self.expire_due();
        for shard in self.shards() {
            report.add_shard(&shard.read());
        }
        if with_entries {
            report.entries = self.entries().iter().map(Into::into).collect();
        }
        report
    }

    fn clearing(&self) -> Box<dyn Part + '_> {
        Box::new(Clearing::new(self))
    }

    fn image(&self, with_survivors: bool, now: Moment, threads: usize) -> Option<Image<'_>> {
        let codec = self.codec()?;
        let copies = self.copies(with_survivors, now, threads);
        Some(Image(Box::new(QueryImage::new(Self::name(self), codec, copies))))
    }

    fn restoring(
        &self,
        section: &Section<'_>,
        elapsed: Duration,
        threads: usize,
    ) -> Result<Box<dyn Part + '_>, SkipReason> {
        let codec = self.codec().ok_or(SkipReason::NotPersisted)?;
        Ok(Box::new(Restoring::new(self, section.decode(codec, elapsed, threads)?)))
    }
}
