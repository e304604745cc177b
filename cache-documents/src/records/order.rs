//! The order in which responses were requested: a response must not overwrite what was requested later.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::map::{HashMap, HashSet};
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::record::RecordRef;
use crate::field::Parts;
use crate::resource::AnyRecord;

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
    /// The number of remembered records at which those that are needed no more are looked for.
    clean_at: usize,
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
    pub(crate) parts: SmallVec<[(u16, Parts); 8]>,
}

/// The number of a running load. Dropping it ends the load.
pub(crate) struct LoadIssue {
    order: Arc<IssueOrder>,
    pub(crate) number: u64,
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
    pub(crate) fn start(self: &Arc<Self>) -> LoadIssue {
        let mut state = self.0.lock();
        state.last += 1;
        let number = state.last;
        state.running.insert(number);
        LoadIssue { order: Arc::clone(self), number }
    }

    /// Numbers a change that is made now.
    pub(crate) fn next(&self) -> u64 {
        let mut state = self.0.lock();
        state.last += 1;
        state.last
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

    /// Remembers what a request has written, if loads run that started earlier.
    pub(crate) fn note(&self, number: u64, records: &[WrittenRecord]) {
        let mut displaced = Vec::new();
        let mut state = self.0.lock();
        if state.running.first().is_none_or(|&first| first >= number) {
            return;
        }
        for WrittenRecord { name, record, parts } in records {
            let written = state.written.entry(name.clone()).or_default();
            for &(field, parts) in parts {
                written.note(field, parts, number);
            }
            if record.is_none() {
                written.deleted = written.deleted.max(number);
            }
            displaced.push(std::mem::replace(&mut written.record, record.clone()));
        }
        drop(state);
        // Foreign code.
        drop(displaced);
    }

    fn end(&self, number: u64) {
        let mut forgotten = Vec::new();
        let mut state = self.0.lock();
        state.running.remove(&number);
        let first = state.running.first().copied();
        match first {
            None => forgotten.push(std::mem::take(&mut state.written)),
            Some(first) if state.written.len() >= state.clean_at => {
                forgotten
                    .push(state.written.extract_if(|_, written| !written.is_later_than(first)).collect());
                state.clean_at = 16.max(2 * state.written.len());
            }
            Some(_) => {}
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
