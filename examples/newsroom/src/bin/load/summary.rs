//! The results of all readers, as text.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::checks::FinalState;
use crate::reader::Tally;

/// Faults that are printed.
const MAX_PRINTED_FAULTS: usize = 12;

#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) took: Duration,
    all: Tally,
    end: FinalState,
}

impl Summary {
    pub(crate) fn add(&mut self, tally: Tally) {
        self.all.times.extend(tally.times);
        self.all.posts += tally.posts;
        self.all.lost += tally.lost;
        self.all.failed += tally.failed;
        self.all.torn += tally.torn;
        self.all.faults.extend(tally.faults);
    }

    pub(crate) fn finish(&mut self, end: FinalState) {
        self.all.times.sort_unstable();
        self.end = end;
    }

    pub(crate) fn is_good(&self) -> bool {
        let Tally { lost, failed, torn, .. } = self.all;
        !self.all.times.is_empty() && lost + failed + torn == 0 && self.end.faults.is_empty()
    }

    /// The longest time among the fastest answers, of which there are this many per thousand.
    fn time(&self, per_mille: usize) -> Duration {
        let times = &self.all.times;
        times
            .get((times.len() * per_mille / 1_000).min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

impl Display for Summary {
    #[expect(clippy::cast_precision_loss, reason = "only for display")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { took, all, end } = self;
        let requests = all.times.len();
        writeln!(
            f,
            "requests        {requests} in {took:.1?}, {:.0} per second",
            requests as f64 / took.as_secs_f64()
        )?;
        writeln!(
            f,
            "time            p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
            self.time(500),
            self.time(990),
            self.time(1_000)
        )?;
        writeln!(f, "comments        {} posted", all.posts)?;
        writeln!(f, "lost            {}", all.lost)?;
        writeln!(f, "failed          {}", all.failed)?;
        writeln!(f, "torn            {}", all.torn)?;
        writeln!(f, "cache           {} hits, {} misses", end.hits, end.misses)?;
        writeln!(f, "database        {} keys loaded in {} trips", end.ledger.loads, end.ledger.trips)?;
        for (name, query) in &end.ledger.queries {
            writeln!(f, "  {name:<16}{:>8} loads of {:>6} keys", query.loads, query.keys)?;
        }
        let overlaps = end.ledger.overlaps;
        writeln!(
            f,
            "loads of one key at the same time: {} unexplained, {} whose first load was retired by a comment, {} whose first load was abandoned",
            overlaps.unexplained, overlaps.retired, overlaps.abandoned
        )?;
        for fault in all.faults.iter().chain(&end.faults).take(MAX_PRINTED_FAULTS) {
            writeln!(f, "fault: {fault}")?;
        }
        writeln!(f, "{}", if self.is_good() { "all is well" } else { "THERE WERE FAULTS" })
    }
}
