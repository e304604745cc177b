//! Which keys were loaded, how often, and whether two loads of one key ever ran at the same time. Runs no statement.
//!
//! The client promises one load at a time for each key, with two exceptions. A write or an invalidation *retires* the
//! running load: its result may be too old, so the next query starts another load concurrently. And a load whose
//! callers have all left is *abandoned*: its task may still be ending when the next query comes. [`Ledger::retiring`]
//! tells the ledger about retired loads. It recognises abandoned ones because they never end, except where several keys
//! are loaded together: one of these keys may have no callers while others wait for the rest, and the ledger counts it
//! as still loading. Any other overlap is a broken promise.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cache_core::Query;
use serde::{Deserialize, Serialize};

/// Keys whose loads are counted one by one; further keys are only counted with their query.
const MOST_KEYS: usize = 100_000;

/// One key of one query, as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    query: &'static str,
    key: String,
}

impl Key {
    /// The key of a query.
    pub fn of<Q: Query>(query: &Q) -> Self {
        Self { query: Q::NAME, key: format!("{query:?}") }
    }

    /// Stands for all keys of a query, where keys are retired.
    pub fn all<Q: Query>() -> Self {
        Self::all_of(Q::NAME)
    }

    fn all_of(query: &'static str) -> Self {
        Self { query, key: String::new() }
    }

    fn stands_for(&self, other: &Self) -> bool {
        self == other || *self == Self::all_of(other.query)
    }
}

/// Counts the loads.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Records>);

#[derive(Debug, Default)]
struct Records {
    runs: u64,
    trips: u64,
    loads: BTreeMap<&'static str, u64>,
    keys: HashMap<Key, KeyLoads>,
    /// Keys that are being retired, with their counts.
    retiring: HashMap<Key, u32>,
    overlaps: Overlaps,
}

#[derive(Debug, Default)]
struct KeyLoads {
    loads: u64,
    running: Vec<Run>,
}

#[derive(Debug)]
struct Run {
    number: u64,
    is_retired: bool,
    /// Loads of the same key that began while this one ran and was not retired.
    overlapped_by: u64,
}

/// Pairs of loads of one key that ran at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlaps {
    /// Without an explanation: must be 0, unless other newsrooms share the answers. They retire loads too, and the
    /// ledger is not told.
    pub unexplained: u64,
    /// The first one was retired by a comment.
    pub retired: u64,
    /// The first one was abandoned.
    pub abandoned: u64,
}

/// The loads so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerReport {
    /// Number of keys that were loaded, repetitions included.
    pub loads: u64,
    /// Number of requests to the database for them; fewer than loads where keys are loaded together.
    pub trips: u64,
    /// Loads of one key at the same time.
    pub overlaps: Overlaps,
    /// By name of the query.
    pub queries: BTreeMap<String, QueryLoads>,
}

/// The loads of one query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryLoads {
    /// Number of keys that were loaded, repetitions included.
    pub loads: u64,
    /// Different keys among them.
    pub keys: u64,
    /// Loads of the key that was loaded most often.
    pub most: u64,
}

impl Ledger {
    /// Notes that a load of these keys has begun.
    pub(super) fn begin(&self, keys: impl IntoIterator<Item = Key>) -> Running<'_> {
        let keys: Vec<_> = keys.into_iter().collect();
        let mut records = self.records();
        records.trips += 1;
        records.runs += 1;
        let number = records.runs;
        for key in &keys {
            records.begin(key, number);
        }
        drop(records);
        Running { ledger: self, keys, number, has_ended: false }
    }

    /// Until the returned value is dropped, running loads of these keys count as out of date, including those that
    /// begin meanwhile: the client may not have retired them all yet. Hold it while the keys are invalidated, and no
    /// longer.
    #[must_use]
    pub fn retiring(self: &Arc<Self>, keys: Vec<Key>) -> Retiring {
        let mut records = self.records();
        for key in &keys {
            *records.retiring.entry(key.clone()).or_default() += 1;
            let retired = records.keys.iter_mut().filter(|(other, _)| key.stands_for(other));
            retired.flat_map(|(_, loads)| &mut loads.running).for_each(|run| run.is_retired = true);
        }
        drop(records);
        Retiring { ledger: Arc::clone(self), keys }
    }

    /// The loads so far.
    #[must_use]
    pub fn report(&self) -> LedgerReport {
        let records = self.records();
        let mut report =
            LedgerReport { trips: records.trips, overlaps: records.overlaps, ..Default::default() };
        for (name, loads) in &records.loads {
            report.loads += loads;
            report.queries.insert((*name).to_owned(), QueryLoads { loads: *loads, ..Default::default() });
        }
        for (key, loads) in &records.keys {
            if let Some(query) = report.queries.get_mut(key.query) {
                query.keys += 1;
                query.most = query.most.max(loads.loads);
            }
        }
        report
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        // Counts that a panic left behind can still be used.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn begin(&mut self, key: &Key, number: u64) {
        *self.loads.entry(key.query).or_default() += 1;
        let is_retired =
            self.retiring.contains_key(key) || self.retiring.contains_key(&Key::all_of(key.query));
        let loads = self.keys.entry(key.clone()).or_default();
        loads.loads += 1;
        for run in &mut loads.running {
            match run.is_retired {
                true => self.overlaps.retired += 1,
                false => run.overlapped_by += 1,
            }
        }
        loads.running.push(Run { number, is_retired, overlapped_by: 0 });
    }

    fn end(&mut self, key: &Key, number: u64, has_ended: bool) {
        let is_full = self.keys.len() > MOST_KEYS;
        let Some(loads) = self.keys.get_mut(key) else { return };
        for run in loads.running.extract_if(.., |run| run.number == number) {
            match has_ended {
                true => self.overlaps.unexplained += run.overlapped_by,
                false => self.overlaps.abandoned += run.overlapped_by,
            }
        }
        if is_full && loads.running.is_empty() {
            self.keys.remove(key);
        }
    }
}

/// A running load. If it is dropped before its [`end`](Self::end), it was abandoned.
#[derive(Debug)]
pub(super) struct Running<'a> {
    ledger: &'a Ledger,
    keys: Vec<Key>,
    number: u64,
    has_ended: bool,
}

impl Running<'_> {
    pub(super) fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut records = self.ledger.records();
        for key in &self.keys {
            records.end(key, self.number, self.has_ended);
        }
    }
}

/// Keys that are being retired.
#[derive(Debug)]
pub struct Retiring {
    ledger: Arc<Ledger>,
    keys: Vec<Key>,
}

impl Drop for Retiring {
    fn drop(&mut self) {
        let mut records = self.ledger.records();
        for key in &self.keys {
            if let Some(count) = records.retiring.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    records.retiring.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::GetComments;

    fn keys() -> Vec<Key> {
        vec![Key::of(&GetComments { article: 7 })]
    }

    fn overlaps(unexplained: u64, retired: u64, abandoned: u64) -> Overlaps {
        Overlaps { unexplained, retired, abandoned }
    }

    #[test]
    fn loads_one_after_the_other_do_not_overlap() {
        let ledger = Arc::new(Ledger::default());
        ledger.begin(keys()).end();
        ledger.begin(keys()).end();
        let report = ledger.report();
        assert_eq!((report.loads, report.trips, report.overlaps), (2, 2, overlaps(0, 0, 0)));
        assert_eq!(report.queries["get_comments"], QueryLoads { loads: 2, keys: 1, most: 2 });
    }

    #[test]
    fn overlapping_loads_are_reported() {
        let ledger = Arc::new(Ledger::default());
        let (one, two) = (ledger.begin(keys()), ledger.begin(keys()));
        one.end();
        two.end();
        assert_eq!(ledger.report().overlaps, overlaps(1, 0, 0));
    }

    #[test]
    fn a_load_that_overlaps_a_retired_one_is_explained() {
        let ledger = Arc::new(Ledger::default());
        let one = ledger.begin(keys());
        drop(ledger.retiring(keys()));
        let (two, three) = (ledger.begin(keys()), ledger.begin(keys()));
        for running in [one, two, three] {
            running.end();
        }
        // The second and the third overlapped the first; the third overlapped the second, which was not retired.
        assert_eq!(ledger.report().overlaps, overlaps(1, 2, 0));
    }

    #[test]
    fn what_begins_while_a_key_is_being_retired_may_be_retired_too() {
        let ledger = Arc::new(Ledger::default());
        let retiring = ledger.retiring(keys());
        let one = ledger.begin(keys());
        drop(retiring);
        let two = ledger.begin(keys());
        one.end();
        two.end();
        assert_eq!(ledger.report().overlaps, overlaps(0, 1, 0));
    }

    #[test]
    fn all_keys_of_a_query_are_retired_together() {
        let ledger = Arc::new(Ledger::default());
        let one = ledger.begin(keys());
        let retiring = ledger.retiring(vec![Key::all::<GetComments>()]);
        let two = ledger.begin(keys());
        drop(retiring);
        let three = ledger.begin(keys());
        for running in [one, two, three] {
            running.end();
        }
        assert_eq!(ledger.report().overlaps, overlaps(0, 3, 0));
    }

    #[test]
    fn a_load_that_overlaps_one_that_never_ends_is_explained() {
        let ledger = Arc::new(Ledger::default());
        let (one, two) = (ledger.begin(keys()), ledger.begin(keys()));
        drop(one);
        two.end();
        assert_eq!(ledger.report().overlaps, overlaps(0, 0, 1));
    }
}
