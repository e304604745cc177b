//! The order in which responses were requested: a response must not overwrite what was requested later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smallvec::SmallVec;

use super::merge::FieldParts;
use crate::field::Parts;
use crate::map::{HashMap, HashSet};
use crate::record::RecordRef;
use crate::resource::AnyRecord;
use crate::sync::Mutex;

/// Numbers requests, and remembers what was written by later ones as long as earlier ones run. Remembers nothing when no
/// requests overlap.
///
/// Its lock is a leaf: nothing else is locked, and no foreign code runs, under it.
#[derive(Default)]
pub(crate) struct IssueOrder(Mutex<OrderState>);

#[derive(Default)]
struct OrderState {
    last: u64,
    /// The loads that run.
    running: BTreeSet<u64>,
    written: HashMap<RecordRef, Written>,
    /// The names of what was written, by the numbers of the requests.
    by_number: BTreeMap<u64, Vec<RecordRef>>,
}

/// What was written to a record while earlier loads run.
#[derive(Default)]
struct Written {
    /// By field and parts, the number of the request.
    parts: SmallVec<[(u16, Parts, u64); 4]>,
    deleted: u64,
    /// Keeps the record, which may have no answer that shows it.
    record: Option<Arc<dyn AnyRecord>>,
}

/// What one commit writes to a record.
#[derive(Clone)]
pub(crate) struct WrittenRecord {
    pub(crate) name: RecordRef,
    /// `None` if it is deleted.
    pub(crate) record: Option<Arc<dyn AnyRecord>>,
    pub(crate) parts: FieldParts,
}

/// The number of a running load. Dropping it ends the load.
pub(crate) struct LoadIssue {
    order: Arc<IssueOrder>,
    pub(crate) number: u64,
    /// How often the cache had been cleared or restored.
    pub(crate) resets: u64,
}

/// The fields of one record that were written by requests later than one.
#[derive(Default)]
pub(crate) struct LaterWrites(SmallVec<[(u16, Parts); 4]>);

impl LaterWrites {
    /// Returns the parts of a field that later requests have written.
    pub(crate) fn written(&self, field: u16) -> Parts {
        let later = self.0.iter().filter(|(written, _)| *written == field);
        later.fold(0, |parts, (_, later)| parts | later)
    }
}

impl IssueOrder {
    /// Numbers a load that starts now.
    pub(crate) fn start(self: &Arc<Self>, resets: u64) -> LoadIssue {
        let mut state = self.0.lock();
        state.last += 1;
        let number = state.last;
        state.running.insert(number);
        LoadIssue { order: Arc::clone(self), number, resets }
    }

    /// Numbers a change that is made now.
    pub(crate) fn next(&self) -> u64 {
        let mut state = self.0.lock();
        state.last += 1;
        state.last
    }

    /// Returns whether no other load runs than the one with this number, and nothing is remembered. Then nothing of what
    /// the request with this number writes need be remembered: loads that start later do not overwrite it by mistake.
    pub(crate) fn is_alone(&self, number: u64) -> bool {
        let state = self.0.lock();
        state.written.is_empty() && state.running.iter().all(|running| *running == number)
    }

    /// Returns whether loads run.
    pub(crate) fn has_loads(&self) -> bool {
        !self.0.lock().running.is_empty()
    }

    /// Returns what later requests than this have written to a record.
    pub(crate) fn later_than(&self, number: u64, name: &RecordRef) -> LaterWrites {
        let state = self.0.lock();
        let Some(written) = state.written.get(name) else { return LaterWrites::default() };
        let later = written.parts.iter().filter(|(.., by)| *by > number);
        LaterWrites(later.map(|(field, parts, _)| (*field, *parts)).collect())
    }

    /// Returns the records that later requests than this have deleted.
    pub(crate) fn deleted_after(&self, number: u64) -> HashSet<RecordRef> {
        let state = self.0.lock();
        let deleted = state.written.iter().filter(|(_, written)| written.deleted > number);
        deleted.map(|(name, _)| name.clone()).collect()
    }

    /// Returns the records that are remembered.
    pub(crate) fn names(&self) -> Vec<RecordRef> {
        self.0.lock().written.keys().cloned().collect()
    }

    /// Remembers what a request has written, if loads run that started earlier.
    pub(crate) fn note(&self, number: u64, records: &[WrittenRecord]) {
        let mut displaced = Vec::new();
        let mut guard = self.0.lock();
        let state = &mut *guard;
        let has_earlier = state.running.first().is_some_and(|&first| first < number);
        let says_something = |written: &&WrittenRecord| written.record.is_none() || !written.parts.is_empty();
        for WrittenRecord { name, record, parts } in records.iter().filter(says_something) {
            if !has_earlier && !state.written.contains_key(name) {
                continue;
            }
            let written = state.written.entry(name.clone()).or_default();
            for &(field, parts) in parts {
                written.note(field, parts, number);
            }
            if record.is_none() {
                written.deleted = written.deleted.max(number);
            }
            displaced.push(std::mem::replace(&mut written.record, record.clone()));
            state.by_number.entry(number).or_default().push(name.clone());
        }
        drop(guard);
        // Foreign code.
        drop(displaced);
    }

    fn end(&self, number: u64) {
        let mut forgotten = Vec::new();
        let mut state = self.0.lock();
        state.running.remove(&number);
        let first = state.running.first().copied().unwrap_or(u64::MAX);
        let kept = state.by_number.split_off(&first.saturating_add(1));
        for name in std::mem::replace(&mut state.by_number, kept).into_values().flatten() {
            if state.written.get(&name).is_some_and(|written| !written.is_later_than(first)) {
                forgotten.extend(state.written.remove(&name));
            }
        }
        drop(state);
        // Foreign code.
        drop(forgotten);
    }
}

impl Written {
    fn note(&mut self, field: u16, parts: Parts, number: u64) {
        // The new parts are not listed twice.
        for (other, covered, by) in &mut self.parts {
            if *other == field && *by <= number {
                *covered &= !parts;
            }
        }
        self.parts.retain(|(_, covered, _)| *covered != 0);
        self.parts.push((field, parts, number));
    }

    fn is_later_than(&self, number: u64) -> bool {
        self.deleted > number || self.parts.iter().any(|(.., by)| *by > number)
    }
}

impl Drop for LoadIssue {
    fn drop(&mut self) {
        self.order.end(self.number);
    }
}
