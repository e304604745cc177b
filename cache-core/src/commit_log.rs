//! The log of recent commits. Costs a commit one relaxed load while it is off.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CommitRecord {
    /// Its revision.
    pub revision: u64,
    /// Label of the transaction.
    pub label: Option<String>,
    /// Tables that the commit wrote; `*` for all.
    pub tables: Vec<&'static str>,
}

/// The log of recent commits of a cache.
#[derive(Debug)]
pub struct CommitLog<'a> {
    log: &'a RecentCommits,
}

#[derive(Debug, Default)]
pub(crate) struct RecentCommits {
    /// Number of commits that are kept; 0 while the log is off.
    limit: AtomicUsize,
    recent: Mutex<VecDeque<CommitRecord>>,
}

impl<'a> CommitLog<'a> {
    pub(crate) fn new(log: &'a RecentCommits) -> Self {
        Self { log }
    }

    /// Keeps the last `count` commits from now on; 0 switches the log off and discards its records.
    pub fn keep(&self, count: usize) {
        let mut recent = self.log.recent.lock();
        self.log.limit.store(count, Ordering::Relaxed);
        let surplus = recent.len().saturating_sub(count);
        recent.drain(..surplus);
    }

    /// Returns how many commits are kept; 0 while the log is off.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.log.limit.load(Ordering::Relaxed)
    }

    /// Returns the commits that are kept, oldest first.
    #[must_use]
    pub fn recent(&self) -> Vec<CommitRecord> {
        self.log.recent()
    }

    /// Returns the last `count` of the commits that are kept, oldest first.
    #[must_use]
    pub fn last(&self, count: usize) -> Vec<CommitRecord> {
        self.log.last(count)
    }
}

impl RecentCommits {
    #[inline]
    pub(crate) fn note_single(&self, table: &'static str, revision: u64) {
        if self.limit.load(Ordering::Relaxed) > 0 {
            self.note(revision, None, || vec![table]);
        }
    }

    #[inline]
    pub(crate) fn note(
        &self,
        revision: u64,
        label: Option<&Arc<str>>,
        tables: impl FnOnce() -> Vec<&'static str>,
    ) {
        let limit = self.limit.load(Ordering::Relaxed);
        if limit > 0 && revision > 0 {
            self.keep(CommitRecord { revision, label: label.map(ToString::to_string), tables: tables() });
        }
    }

    /// Adds a record. Commits of several threads arrive in nearly the order of their revisions.
    #[cold]
    fn keep(&self, record: CommitRecord) {
        let mut recent = self.recent.lock();
        // Read again under the lock: the log may have been switched off meanwhile.
        let limit = self.limit.load(Ordering::Relaxed);
        let at = recent.partition_point(|known| known.revision < record.revision);
        recent.insert(at, record);
        let surplus = recent.len().saturating_sub(limit);
        recent.drain(..surplus);
    }

    pub(crate) fn recent(&self) -> Vec<CommitRecord> {
        self.last(usize::MAX)
    }

    fn last(&self, count: usize) -> Vec<CommitRecord> {
        let recent = self.recent.lock();
        recent.iter().skip(recent.len().saturating_sub(count)).cloned().collect()
    }
}
