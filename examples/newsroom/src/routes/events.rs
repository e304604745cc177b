//! Server-sent events: the comments on an article, or the most discussed articles, and every change of them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use cache_client::{InfiniteObserver, InfiniteState, Observer, QueryError, State as Known};
use futures_util::stream::{Stream, unfold};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::visit::{ApiProblem, Visit};
use crate::app::Newsroom;
use crate::database::DatabaseError;
use crate::model::{Comments, DISCUSSED_PAGES, DiscussedPage, Discussion, Present};
use crate::problem::Problem;
use crate::queries::{GetArticle, GetComments, MostDiscussed};
use crate::reading::{self, Discussed};
use crate::streams::Streams;

/// The state of the comments as sent to a reader.
#[derive(Debug, Default, Serialize)]
struct SentState {
    /// `pending`, `ready` or `failed`.
    state: &'static str,
    is_stale: bool,
    is_refreshing: bool,
    /// Whether one of the comments is not written yet.
    is_optimistic: bool,
    /// The known comments; after a failure, those from before it.
    comments: Option<Discussion>,
    error: Option<String>,
}

/// The state of the list of the most discussed articles as sent to a reader.
#[derive(Debug, Default, Serialize)]
struct SentList {
    is_stale: bool,
    /// The known articles; after a failure, those from before it.
    discussed: Option<Discussed>,
    error: Option<String>,
}

/// How much of the list is to be shown.
#[derive(Debug, Deserialize)]
pub(super) struct Length {
    /// Number of pages; 1 if it is not given.
    pages: Option<u32>,
}

pub(super) async fn of_discussed(
    State(client): State<Shared>,
    Extension(streams): Extension<Arc<Streams>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    length: Result<Query<Length>, QueryRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + Send>, ApiProblem> {
    let Query(Length { pages }) = length?;
    let pages = pages.unwrap_or(1).clamp(1, DISCUSSED_PAGES);
    let stream = streams.open(peer.ip()).ok_or(Problem::TooManyStreams)?;
    let next = |page: &DiscussedPage| page.next.map(|page| MostDiscussed { page });
    let list = client.infinite(MostDiscussed { page: 0 }, next).observe();
    // The stream is counted as open until the state of `unfold` is dropped.
    let events = unfold((client, list, stream), move |(client, mut list, stream)| async move {
        let event = next_list(&client, &mut list, pages).await?;
        Some((Ok(event), (client, list, stream)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// The next event of the list; `None` when the service stops. Shows nothing before as many pages as requested are there,
/// or cannot be loaded.
async fn next_list(
    client: &Shared,
    list: &mut InfiniteObserver<Newsroom, MostDiscussed>,
    pages: u32,
) -> Option<Event> {
    let known = loop {
        let known = tokio::select! {
            known = list.next() => known?,
            () = client.app().stopping.cancelled() => return None,
        };
        let is_short = known.pages.len() < pages as usize;
        if !is_short || !(known.is_loading || list.fetch_next()) {
            break known;
        }
    };
    Event::default().event("discussed").json_data(sent_list(client, known).await).ok()
}

async fn sent_list(client: &Shared, known: InfiniteState<DiscussedPage, DatabaseError>) -> SentList {
    let error = known.error.as_ref().map(message_of);
    let mut sent = SentList { is_stale: known.is_stale, error, ..SentList::default() };
    if !known.pages.is_empty() {
        match reading::discussed(&client.request("event"), &known.pages).await {
            Ok(discussed) => sent.discussed = Some(discussed),
            Err(problem) => sent.error = Some(problem.message().to_owned()),
        }
    }
    sent
}

pub(super) async fn of_article(
    Visit(cx): Visit,
    State(client): State<Shared>,
    Extension(streams): Extension<Arc<Streams>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    article: Result<Path<u32>, PathRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + Send>, ApiProblem> {
    let article = u64::from(article?.0);
    let found = cx.query(&GetArticle { id: article }).await?;
    Present::of(found).ok_or_else(|| Problem::no_such("article", article))?;
    let stream = streams.open(peer.ip()).ok_or(Problem::TooManyStreams)?;
    let observer = client.observe(&GetComments { article });
    // The stream is counted as open until the state of `unfold` is dropped.
    let events = unfold((client, observer, stream), |(client, mut observer, stream)| async move {
        let event = next(&client, &mut observer).await?;
        Some((Ok(event), (client, observer, stream)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// The next event; `None` when the service stops.
async fn next(client: &Shared, observer: &mut Observer<Newsroom, GetComments>) -> Option<Event> {
    let known = tokio::select! {
        known = observer.next() => known?,
        () = client.app().stopping.cancelled() => return None,
    };
    // Each event has its own context: the memo of a shared one would return outdated names.
    let cx = client.request("event");
    let mut state = sent_state(&known);
    if let Some(comments) = known.value() {
        match reading::discussion(&cx, comments).await {
            Ok(comments) => state.comments = Some(comments),
            Err(problem) => state.error = Some(problem.message().to_owned()),
        }
    }
    let event = Event::default().event("comments").json_data(&state);
    // All numbers and texts have a form in JSON.
    event.ok()
}

fn sent_state(known: &Known<Comments, DatabaseError>) -> SentState {
    match known {
        Known::Ready { is_stale, is_refreshing, is_optimistic, .. } => SentState {
            state: "ready",
            is_stale: *is_stale,
            is_refreshing: *is_refreshing,
            is_optimistic: *is_optimistic,
            ..SentState::default()
        },
        Known::Failed { error, is_refreshing, .. } => SentState {
            state: "failed",
            is_refreshing: *is_refreshing,
            error: Some(message_of(error)),
            ..SentState::default()
        },
        // Pending, and any state that may be added.
        _ => SentState { state: "pending", is_refreshing: true, ..SentState::default() },
    }
}

fn message_of(error: &QueryError<DatabaseError>) -> String {
    Problem::from(error.clone()).message().to_owned()
}
