//! The entries of a page, and the messages that tell the browser about them. Plain data: no clock, no loads.
//!
//! A message is a JSON object, and a flush is an array of messages:
//!
//! | message | means |
//! |---|---|
//! | `{"q":"comments","k":{"post":7},"i":1}` | the answer for this query and key follows, under the number 1 |
//! | `{"q":..,"k":..,"d":..,"a":120}` | the answer, and its age in milliseconds |
//! | `{"i":1,"d":..,"a":0}` | the answer that was announced |
//! | with `"f":5000` | the answer has a freshness time of its own, in milliseconds |
//! | with `"s":1` | the answer is stale, whatever its age is |
//! | with `"e":null` or `"e":"text"` instead of `"d"` | the load has failed |
//! | `{"i":1,"x":1}` | skipped: the answer does not follow, load it when it is needed |
//! | `{"t":1500}` | the page ends within this many milliseconds |
//! | `{"end":1}` | nothing follows |

use std::hash::BuildHasher;
use std::ops::Range;
use std::time::Duration;

use cache_client::App;
use cache_core::Moment;
use foldhash::fast::RandomState;
use hashbrown::{HashTable, hash_table};

use super::entry::{Age, Outcome};
use super::flush::Flush;
use crate::json::JsonWriter;
use crate::listed::Listed;
use crate::web::Web;

/// How many entries a page may have.
const MOST_ENTRIES: usize = 1_000;

/// How many entries a page has room for from the beginning.
const USUAL_ENTRIES: usize = 28;

/// About how many bytes a key takes.
const USUAL_KEY: usize = 16;

/// How many bytes of JSON a page may send.
const MOST_BYTES: usize = 1024 * 1024;

/// The entries of a page.
#[derive(Default)]
pub(super) struct State {
    entries: Vec<Entry>,
    /// The keys of all entries, as JSON.
    keys: Vec<u8>,
    /// Positions in `entries`, by their queries and keys.
    by_key: HashTable<usize>,
    hasher: RandomState,
    bytes: usize,
}

struct Entry {
    /// Its query, as an index of the list.
    query: usize,
    /// Where its key is in `keys`.
    key: Range<usize>,
    progress: Progress,
    holds_first_flush: bool,
}

enum Progress {
    Running,
    Settled(Outcome),
    /// The browser knows the outcome, or is not told.
    Done,
}

/// Whether there is an entry for a query and a key.
enum Opened {
    /// The caller adds it as the last one. Its key is stored already.
    New(Range<usize>),
    Known(usize),
    TooMany,
}

impl State {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Notes the outcome of a query. Returns it if it is not needed, to be dropped without a lock.
    #[inline]
    pub(super) fn note(&mut self, query: usize, key: &[u8], outcome: Outcome) -> Option<Outcome> {
        match self.open(query, key) {
            Opened::New(key) => {
                let progress = Progress::Settled(outcome);
                self.entries.push(Entry { query, key, progress, holds_first_flush: false });
                None
            }
            Opened::Known(at) => self.settle(at, outcome),
            Opened::TooMany => Some(outcome),
        }
    }

    /// Notes that the answer to a key is being loaded. Returns its entry; `None` if it is being loaded already, has
    /// settled, or the page has too many entries.
    pub(super) fn begin(&mut self, query: usize, key: &[u8], is_deferred: bool) -> Option<usize> {
        match self.open(query, key) {
            Opened::New(key) => {
                let progress = Progress::Running;
                self.entries.push(Entry { query, key, progress, holds_first_flush: is_deferred });
                Some(self.entries.len() - 1)
            }
            Opened::Known(at) => {
                self.entries[at].holds_first_flush |= is_deferred;
                None
            }
            Opened::TooMany => None,
        }
    }

    #[inline]
    fn open(&mut self, query: usize, key: &[u8]) -> Opened {
        let Self { entries, keys, by_key, hasher, .. } = self;
        let at = entries.len();
        if at == 0 {
            entries.reserve(USUAL_ENTRIES);
            keys.reserve(USUAL_ENTRIES * USUAL_KEY);
            by_key.reserve(USUAL_ENTRIES, |_| 0);
        }
        let key_of = |entry: &Entry| &keys[entry.key.clone()];
        let is_same = |&at: &usize| entries[at].query == query && *key_of(&entries[at]) == *key;
        let hash_at = |&at: &usize| hasher.hash_one((entries[at].query, key_of(&entries[at])));
        let free = match by_key.entry(hasher.hash_one((query, key)), is_same, hash_at) {
            hash_table::Entry::Occupied(known) => return Opened::Known(*known.get()),
            hash_table::Entry::Vacant(free) => free,
        };
        if at == MOST_ENTRIES {
            return Opened::TooMany;
        }
        free.insert(at);
        let begin = keys.len();
        keys.extend_from_slice(key);
        Opened::New(begin..keys.len())
    }

    /// Notes the outcome of an entry. If there is one already, returns the new one, to be dropped without a lock.
    #[inline]
    pub(super) fn settle(&mut self, at: usize, outcome: Outcome) -> Option<Outcome> {
        let entry = &mut self.entries[at];
        if !matches!(entry.progress, Progress::Running) {
            return Some(outcome);
        }
        entry.progress = Progress::Settled(outcome);
        None
    }

    /// Whether the first flush has to wait.
    pub(super) fn holds_first_flush(&self) -> bool {
        let is_waited_for =
            |entry: &Entry| entry.holds_first_flush && matches!(entry.progress, Progress::Running);
        self.entries.iter().any(is_waited_for)
    }

    /// Tells everything that is known: what has settled, and what follows.
    pub(super) fn first_flush<A: App>(&mut self, web: &Web<A>, now: Moment, flush: &mut Flush) {
        let Self { entries, keys, bytes, .. } = self;
        let is_nothing_quoted = flush.is_same_here(keys);
        for (at, entry) in entries.iter_mut().enumerate() {
            let size = flush.push(MOST_BYTES - *bytes, |json| {
                let (listed, key) = (web.listed(entry.query), &keys[entry.key.clone()]);
                json.raw(listed.opening(json.quoting()));
                match is_nothing_quoted {
                    true => json.raw(key),
                    false => json.json(key),
                }
                let is_known = match &entry.progress {
                    Progress::Settled(outcome) => write_outcome(json, listed, outcome, now),
                    Progress::Running => {
                        json.raw(",\"i\":");
                        json.integer(at as u64);
                        true
                    }
                    Progress::Done => false,
                };
                json.raw("}");
                is_known
            });
            *bytes += size.unwrap_or(0);
            if size.is_none() || !matches!(entry.progress, Progress::Running) {
                entry.progress = Progress::Done;
            }
        }
    }

    /// Tells the outcome of an entry that was announced.
    pub(super) fn tell_announced<A: App>(&mut self, at: usize, web: &Web<A>, now: Moment, flush: &mut Flush) {
        let entry = &mut self.entries[at];
        let outcome = match std::mem::replace(&mut entry.progress, Progress::Done) {
            Progress::Settled(outcome) => outcome,
            other => {
                entry.progress = other;
                return;
            }
        };
        let size = flush.push(MOST_BYTES - self.bytes, |json| {
            json.raw("{\"i\":");
            json.integer(at as u64);
            let is_known = write_outcome(json, web.listed(entry.query), &outcome, now);
            json.raw("}");
            is_known
        });
        match size {
            Some(size) => self.bytes += size,
            None => push_skip(flush, at),
        }
    }
}

/// Says that an announced answer does not follow. Always fits.
fn push_skip(flush: &mut Flush, at: usize) {
    flush.push(usize::MAX, |json| {
        json.raw("{\"i\":");
        json.integer(at as u64);
        json.raw(",\"x\":1}");
        true
    });
}

/// Says how long the page goes on at most. A browser may not notice that a page has broken off.
pub(super) fn push_time(flush: &mut Flush, time: Duration) {
    flush.push(usize::MAX, |json| {
        json.raw("{\"t\":");
        json.integer(millis(time));
        json.raw("}");
        true
    });
}

pub(super) fn push_end(flush: &mut Flush) {
    flush.push(usize::MAX, |json| {
        json.raw("{\"end\":1}");
        true
    });
}

/// Writes the members for an outcome. Returns `false` if the browser has to load the answer.
#[inline]
fn write_outcome<A: App>(json: &mut JsonWriter, listed: &Listed<A>, outcome: &Outcome, now: Moment) -> bool {
    match outcome {
        Outcome::Value { value, age } => {
            json.raw(",\"d\":");
            if let Err(error) = (listed.write_value)(&**value, json) {
                tracing::warn!(target: "cache_web", query = listed.name, %error, "unsendable_value");
                return false;
            }
            write_age(json, age, now);
            true
        }
        Outcome::Failed(text) => {
            json.raw(",\"e\":");
            match listed.tells_errors {
                true => json.string(text),
                false => json.raw("null"),
            }
            true
        }
        Outcome::Interrupted => false,
    }
}

#[inline]
fn write_age(json: &mut JsonWriter, age: &Age, now: Moment) {
    json.raw(",\"a\":");
    json.integer(millis(age.at(now)));
    if let Some(fresh) = age.fresh {
        json.raw(",\"f\":");
        json.integer(millis(fresh));
    }
    if age.is_stale {
        json.raw(",\"s\":1");
    }
}

/// Whole milliseconds; many centuries of them for what is even longer.
fn millis(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000).saturating_add(time.subsec_millis().into())
}
