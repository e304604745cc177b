//! The entries of a page, and the messages that tell the browser about them. Plain data: no clock, no loads.
//!
//! A message is a JSON object, and a flush is an array of messages:
//!
//! | message | means |
//! |---|---|
//! | `{"i":1,"q":"comments","k":{"post":7}}` | the answer for this query and key follows, under the number 1 |
//! | `{"q":..,"k":..,"d":..,"a":120}` | the answer, and its age in milliseconds |
//! | `{"i":1,"d":..,"a":0}` | the answer that was announced |
//! | with `"f":5000` | the answer has a freshness time of its own, in milliseconds |
//! | with `"s":1` | the answer is stale, whatever its age is |
//! | with `"e":null` or `"e":"text"` instead of `"d"` | the load has failed |
//! | `{"i":1,"x":1}` | skipped: the answer does not follow, load it when it is needed |
//! | `{"t":1500}` | the page ends within this many milliseconds |
//! | `{"end":1}` | nothing follows |

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use cache_client::App;
use tokio::time::Instant;

use super::entry::{Age, Outcome};
use crate::json::to_json;
use crate::web::Web;

/// How many entries a page may have.
const MOST_ENTRIES: usize = 1_000;

/// How many bytes of JSON a page may send.
const MOST_BYTES: usize = 1024 * 1024;

/// The entries of a page.
#[derive(Default)]
pub(super) struct State {
    entries: Vec<Entry>,
    by_key: HashMap<(usize, Vec<u8>), usize>,
    bytes: usize,
}

struct Entry {
    /// Its query, as an index of the list.
    query: usize,
    /// JSON.
    key: Vec<u8>,
    progress: Progress,
    holds_first_flush: bool,
}

enum Progress {
    /// Nobody has asked for it yet.
    New,
    Running,
    Settled(Outcome),
    /// The browser knows the outcome, or is not told.
    Done,
}

/// The messages of one flush.
#[derive(Default)]
pub(super) struct Messages(Vec<u8>);

impl Messages {
    fn push(&mut self, message: &[u8]) {
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        self.0.extend_from_slice(message);
    }

    /// Says how long the page goes on at most. A browser may not notice that a page has broken off.
    pub(super) fn push_time(&mut self, time: Duration) {
        self.push(format!("{{\"t\":{}}}", time.as_millis()).as_bytes());
    }

    pub(super) fn push_end(&mut self) {
        self.push(br#"{"end":1}"#);
    }

    /// The JSON array; `None` if there are no messages.
    pub(super) fn into_json(mut self) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push(b']');
        Some(self.0)
    }
}

impl State {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry for a key. `None` if the page has too many entries.
    pub(super) fn open(&mut self, query: usize, key: Vec<u8>) -> Option<usize> {
        if let Some(&at) = self.by_key.get(&(query, key.clone())) {
            return Some(at);
        }
        let at = self.entries.len();
        if at == MOST_ENTRIES {
            return None;
        }
        let entry = Entry { query, key: key.clone(), progress: Progress::New, holds_first_flush: false };
        self.entries.push(entry);
        self.by_key.insert((query, key), at);
        Some(at)
    }

    /// Notes that an entry is being loaded. Returns `false` if it is already, or has settled.
    pub(super) fn begin(&mut self, at: usize, is_deferred: bool) -> bool {
        let entry = &mut self.entries[at];
        entry.holds_first_flush |= is_deferred;
        let is_new = matches!(entry.progress, Progress::New);
        if is_new {
            entry.progress = Progress::Running;
        }
        is_new
    }

    /// Notes the outcome of an entry. If there is one already, returns the new one, to be dropped without a lock.
    pub(super) fn settle(&mut self, at: usize, outcome: Outcome) -> Option<Outcome> {
        let entry = &mut self.entries[at];
        if !matches!(entry.progress, Progress::New | Progress::Running) {
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
    pub(super) fn first_flush<A: App>(&mut self, web: &Web<A>, now: Instant, messages: &mut Messages) {
        for at in 0..self.entries.len() {
            match self.entries[at].progress {
                Progress::Settled(_) => self.tell(at, false, web, now, messages),
                Progress::Running => self.announce(at, web, messages),
                Progress::New | Progress::Done => {}
            }
        }
    }

    fn announce<A: App>(&mut self, at: usize, web: &Web<A>, messages: &mut Messages) {
        let Entry { query, key, progress, .. } = &mut self.entries[at];
        let mut message = format!("{{\"i\":{at},").into_bytes();
        write_key(&mut message, web.listed(*query).name, key);
        message.push(b'}');
        if self.bytes + message.len() > MOST_BYTES {
            *progress = Progress::Done;
            return;
        }
        self.bytes += message.len();
        messages.push(&message);
    }

    /// Tells the outcome of an entry that was announced.
    pub(super) fn tell_announced<A: App>(
        &mut self,
        at: usize,
        web: &Web<A>,
        now: Instant,
        messages: &mut Messages,
    ) {
        self.tell(at, true, web, now, messages);
    }

    fn tell<A: App>(
        &mut self,
        at: usize,
        is_announced: bool,
        web: &Web<A>,
        now: Instant,
        messages: &mut Messages,
    ) {
        let entry = &mut self.entries[at];
        let outcome = match std::mem::replace(&mut entry.progress, Progress::Done) {
            Progress::Settled(outcome) => outcome,
            other => {
                entry.progress = other;
                return;
            }
        };
        let mut message = vec![b'{'];
        match is_announced {
            true => {
                let _ = write!(message, "\"i\":{at}");
            }
            false => write_key(&mut message, web.listed(entry.query).name, &entry.key),
        }
        let is_known = write_outcome(&mut message, entry.query, &outcome, web, now);
        message.push(b'}');
        if is_known && self.bytes + message.len() <= MOST_BYTES {
            self.bytes += message.len();
            messages.push(&message);
        } else if is_announced {
            messages.push(format!("{{\"i\":{at},\"x\":1}}").as_bytes());
        }
    }
}

fn write_key(message: &mut Vec<u8>, name: &str, key: &[u8]) {
    let _ = write!(message, "\"q\":\"{name}\",\"k\":");
    message.extend_from_slice(key);
}

/// Writes the members for an outcome. Returns `false` if the browser has to load the answer.
fn write_outcome<A: App>(
    message: &mut Vec<u8>,
    query: usize,
    outcome: &Outcome,
    web: &Web<A>,
    now: Instant,
) -> bool {
    let listed = web.listed(query);
    match outcome {
        Outcome::Value { value, age } => match (listed.value_json)(&**value) {
            Ok(json) => {
                message.extend_from_slice(b",\"d\":");
                message.extend_from_slice(&json);
                write_age(message, age, now);
                true
            }
            Err(error) => {
                tracing::warn!(target: "cache_web", query = listed.name, %error, "unsendable_value");
                false
            }
        },
        Outcome::Failed(text) => {
            let told = listed.tells_errors.then_some(text);
            // A text can always be written.
            let json = to_json(&told).unwrap_or_else(|_| b"null".to_vec());
            message.extend_from_slice(b",\"e\":");
            message.extend_from_slice(&json);
            true
        }
        Outcome::Interrupted => false,
    }
}

fn write_age(message: &mut Vec<u8>, age: &Age, now: Instant) {
    let millis = |time: Duration| time.as_millis();
    let _ = write!(message, ",\"a\":{}", millis(age.at(now)));
    if let Some(fresh) = age.fresh {
        let _ = write!(message, ",\"f\":{}", millis(fresh));
    }
    if age.is_stale {
        message.extend_from_slice(b",\"s\":1");
    }
}
