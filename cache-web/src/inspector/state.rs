//! The state of a client as the page shows it, at a cost that does not depend on the number of entries.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cache_client::{App, Client, ClientActivity};
use cache_core::{CommitRecord, TableCounts};
use serde::Serialize;
use tokio::time::Instant;

/// How many flights, observed keys and so on are listed.
const ROWS: usize = 200;

/// How many commits are listed.
const COMMITS: usize = 100;

/// How long a state is the newest one. Shorter than the time between two updates of a page.
const NEWEST: Duration = Duration::from_millis(400);

/// What the page shows besides entries.
#[derive(Serialize)]
struct State {
    revision: u64,
    tables: Vec<TableCounts>,
    activity: ClientActivity,
    /// How many commits are logged; 0 if they are not.
    log: usize,
    /// The last ones, oldest first.
    commits: Vec<CommitRecord>,
}

/// Takes states of a client, for all open pages together.
pub(super) struct StateSource<A: App> {
    client: Client<A>,
    /// As JSON, with the time when it was taken.
    newest: Mutex<Option<(Instant, Bytes)>>,
}

impl<A: App> StateSource<A> {
    pub(super) fn new(client: Client<A>) -> Self {
        Self { client, newest: Mutex::new(None) }
    }

    pub(super) fn client(&self) -> &Client<A> {
        &self.client
    }

    /// The state as JSON, at most 400 ms old.
    pub(super) fn newest(&self) -> Bytes {
        let now = Instant::now();
        let known = self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((taken, state)) = known
            && now.duration_since(taken) < NEWEST
        {
            return state;
        }
        // Without the lock, since it prints keys.
        let state = self.take();
        let replaced =
            self.newest.lock().unwrap_or_else(PoisonError::into_inner).replace((now, state.clone()));
        drop(replaced);
        state
    }

    fn take(&self) -> Bytes {
        let cache = self.client.cache();
        // The flights first, as in `Client::inspect`.
        let activity = self.client.activity(ROWS);
        let log = cache.commit_log();
        let state = State {
            activity,
            tables: cache.counts(),
            revision: cache.revision().map_or(0, cache_core::Revision::get),
            log: log.limit(),
            commits: log.last(COMMITS),
        };
        match serde_json::to_vec(&state) {
            Ok(json) => json.into(),
            // Numbers, texts and lists of them can always be written.
            Err(error) => unreachable!("a state is JSON: {error}"),
        }
    }
}
