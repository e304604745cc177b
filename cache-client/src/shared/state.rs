//! What a program sees of its shared tier: numbers to show and to alert on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use crate::telemetry;

/// How a client stands to its shared tier. Returned by [`Client::shared_state`](crate::Client::shared_state).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SharedState {
    /// Whether the tier is read: the feed was read within `max_lag`.
    pub is_usable: bool,
    /// Whether there is a connection for requests. The feed has one of its own.
    pub is_connected: bool,
    /// How much longer no requests are sent, since five in a row have failed: loads go to the origin, and drops wait in
    /// the outbox. A second at most; then one request tries, and this is zero until it does. `None` if not so many have
    /// failed since the last success.
    pub paused_for: Option<Duration>,
    /// How long ago everything was known that was dropped anywhere. `None` if it never was. Usually below half a second.
    pub lag: Option<Duration>,
    /// How many drops of this client wait to be sent.
    pub outbox: usize,
    /// How many drops of this client were sent and are neither acknowledged nor failed. A drop that fails goes into the
    /// outbox.
    pub under_way: usize,
    /// The present epoch of the server, in hexadecimal digits. `None` before the first answer.
    pub epoch: Option<String>,
    /// How many drops of this epoch are applied here.
    pub applied: u64,
    /// What has gone wrong last, with its causes. It may be over.
    pub last_error: Option<String>,
    /// What has happened since the client was built.
    pub counts: SharedCounts,
}

/// How often something happened since a client was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SharedCounts {
    /// Values of the tier that were used.
    pub hits: u64,
    /// Keys that were looked for in the tier, and had to be loaded.
    pub misses: u64,
    /// Values of the tier that could not be used, since they were dropped, too old or not readable.
    pub mismatches: u64,
    /// Loaded values that the server has not stored, since they were dropped during the load, or the lease had ended.
    pub refused: u64,
    /// Requests that have failed, apart from timeouts, and connections that have ended or could not be made.
    pub errors: u64,
    /// Requests without an answer in time.
    pub timeouts: u64,
    /// Bytes of the values that were read.
    pub bytes_read: u64,
    /// Bytes of the values that were stored.
    pub bytes_written: u64,
}

/// The counters.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) mismatches: Counter,
    pub(super) refused: Counter,
    pub(super) errors: Counter,
    pub(super) timeouts: Counter,
    pub(super) bytes_read: Counter,
    pub(super) bytes_written: Counter,
}

/// A counter that is also a metric.
#[derive(Debug)]
pub(super) struct Counter {
    count: AtomicU64,
    report: fn(&'static str, u64),
    label: &'static str,
}

impl Counter {
    fn new(report: fn(&'static str, u64), label: &'static str) -> Self {
        Self { count: AtomicU64::new(0), report, label }
    }

    /// Calls the recorder of the program, which is foreign code.
    pub(super) fn add(&self, count: usize) {
        let count = count as u64;
        self.count.fetch_add(count, Ordering::Relaxed);
        (self.report)(self.label, count);
    }

    fn get(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Default for Counters {
    fn default() -> Self {
        let outcome = |outcome| Counter::new(telemetry::count_shared, outcome);
        let bytes = |direction| Counter::new(telemetry::count_shared_bytes, direction);
        Self {
            hits: outcome("hit"),
            misses: outcome("miss"),
            mismatches: outcome("mismatch"),
            refused: outcome("refused"),
            errors: outcome("error"),
            timeouts: outcome("timeout"),
            bytes_read: bytes("read"),
            bytes_written: bytes("written"),
        }
    }
}

impl Counters {
    pub(super) fn read(&self) -> SharedCounts {
        let Self { hits, misses, mismatches, refused, errors, timeouts, bytes_read, bytes_written } = self;
        SharedCounts {
            hits: hits.get(),
            misses: misses.get(),
            mismatches: mismatches.get(),
            refused: refused.get(),
            errors: errors.get(),
            timeouts: timeouts.get(),
            bytes_read: bytes_read.get(),
            bytes_written: bytes_written.get(),
        }
    }
}
