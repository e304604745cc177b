//! Pages of entries, found by a text in their keys. The work for each is bounded.

use std::ops::ControlFlow;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use cache_client::{App, Client};
use cache_core::{EntryReport, Freshness, Residency, ScanCursor};
use serde::Serialize;

use super::json;

/// How many entries a request visits. The page asks for the next ones until it has found enough.
const VISITS: usize = 10_000;

/// How many entries are visited before other tasks of the thread may run.
const VISITS_PER_TURN: usize = 1_000;

/// How many entries are listed at once.
const MOST_ROWS: usize = 200;
const ROWS: usize = 50;

/// How long the text of a search may be, in bytes.
const LONGEST_SEARCH: usize = 512;

/// A part of the entries.
#[derive(Debug, Default, Serialize)]
struct EntriesPage {
    entries: Vec<EntryRow>,
    /// How many entries were visited for it.
    visited: usize,
    /// Where to go on; `None` at the end.
    next: Option<String>,
}

/// An entry. Times are in milliseconds.
#[derive(Debug, Serialize)]
struct EntryRow {
    table: &'static str,
    key: String,
    revision: u64,
    freshness: Freshness,
    residency: Residency,
    is_expired: bool,
    age: u64,
    fresh_for: Option<u64>,
    swr: Option<u64>,
    stale_if_error: Option<u64>,
    remaining: Option<u64>,
    holders: usize,
    weight: u32,
}

impl EntryRow {
    fn new(table: &'static str, EntryReport { key, holders, state, .. }: EntryReport) -> Self {
        Self {
            table,
            key,
            revision: state.revision.get(),
            freshness: state.freshness,
            residency: state.residency,
            is_expired: state.is_expired,
            age: millis(state.age),
            fresh_for: state.fresh_for.map(millis),
            swr: state.swr().map(millis),
            stale_if_error: state.stale_if_error().map(millis),
            remaining: state.remaining.map(millis),
            holders,
            weight: state.weight,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What a request asks for.
#[derive(Debug)]
struct EntriesRequest {
    /// All tables without it.
    table: Option<String>,
    /// In lower case.
    search: String,
    from: ScanCursor,
    rows: usize,
}

impl EntriesRequest {
    fn read(query: &str) -> Result<Self, String> {
        let mut request =
            Self { table: None, search: String::new(), from: ScanCursor::default(), rows: ROWS };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "table" if !value.is_empty() => request.table = Some(value.into_owned()),
                "q" if value.len() > LONGEST_SEARCH => return Err("the search is too long".to_owned()),
                "q" => request.search = value.to_lowercase(),
                "from" if !value.is_empty() => {
                    request.from = value.parse().map_err(|error| format!("`from`: {error}"))?;
                }
                "rows" => request.rows = value.parse().map_err(|error| format!("`rows`: {error}"))?,
                _ => {}
            }
        }
        request.rows = request.rows.clamp(1, MOST_ROWS);
        Ok(request)
    }

    async fn run<A: App>(&self, client: &Client<A>) -> EntriesPage {
        let (mut page, mut from) = (EntriesPage::default(), self.from);
        loop {
            let visits = VISITS_PER_TURN.min(VISITS - page.visited);
            let entries = &mut page.entries;
            let scan = client.cache().scan_entries(self.table.as_deref(), from, visits, |table, entry| {
                if self.search.is_empty() || entry.key.to_lowercase().contains(&self.search) {
                    entries.push(EntryRow::new(table, entry));
                }
                if entries.len() == self.rows { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            page.visited += scan.visited;
            page.next = scan.next.as_ref().map(ToString::to_string);
            match scan.next {
                Some(next) if page.entries.len() < self.rows && page.visited < VISITS => from = next,
                _ => return page,
            }
            tokio::task::yield_now().await;
        }
    }
}

pub(super) async fn answer<A: App>(client: &Client<A>, request: &Parts) -> Response {
    let query = request.uri.query().unwrap_or_default();
    let request = match EntriesRequest::read(query) {
        Ok(request) => request,
        Err(problem) => return (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response(),
    };
    match serde_json::to_vec(&request.run(client).await) {
        Ok(page) => json(page),
        // Numbers, texts and lists of them can always be written.
        Err(error) => unreachable!("a page is JSON: {error}"),
    }
}
