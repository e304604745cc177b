//! The same as the pages, as JSON.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::visit::{ApiProblem, InTime, Visit};
use crate::commenting::AddComment;
use crate::model::{Author, Discussion, Present, SignedComment};
use crate::problem::Problem;
use crate::queries::{GetArticle, GetAuthor, GetComments, GetTotals};
use crate::reading::{self, Feed, Findings, Story};
use crate::texts;

/// Timeout of the health check of the database.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

type Answer<T> = Result<Json<T>, ApiProblem>;

/// The page of the list.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    pub(super) section: Option<String>,
    pub(super) before: Option<String>,
}

/// The text to search for.
#[derive(Debug, Deserialize)]
pub(super) struct SearchText {
    #[serde(default)]
    pub(super) q: String,
}

/// A comment to post.
#[derive(Debug, Deserialize)]
pub(super) struct NewComment {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) text: String,
}

pub(super) async fn feed(Visit(cx): Visit, place: Result<Query<Place>, QueryRejection>) -> Answer<Feed> {
    let Query(Place { section, before }) = place?;
    let section = section.map(|text| text.parse()).transpose()?;
    let before = before.map(|text| text.parse()).transpose()?;
    Ok(Json(reading::feed(&cx, section, before).await?))
}

pub(super) async fn article(Visit(cx): Visit, id: Result<Path<u32>, PathRejection>) -> Answer<Story> {
    let Path(id) = id?;
    Ok(Json(reading::story(&cx, id.into()).await?))
}

pub(super) async fn comments(Visit(cx): Visit, id: Result<Path<u32>, PathRejection>) -> Answer<Discussion> {
    let article = u64::from(id?.0);
    let (found, comments) = (GetArticle { id: article }, GetComments { article });
    let (found, comments) = tokio::join!(cx.query(&found), cx.query(&comments));
    Present::of(found?).ok_or_else(|| Problem::no_such("article", article))?;
    Ok(Json(reading::discussion(&cx, &*comments?).await?))
}

pub(super) async fn comment(
    Visit(cx): Visit,
    id: Result<Path<u32>, PathRejection>,
    new: Result<InTime<Json<NewComment>>, ApiProblem>,
) -> Result<(StatusCode, Json<SignedComment>), ApiProblem> {
    let (Path(id), InTime(Json(new))) = (id?, new?);
    let posted = cx.mutate(&AddComment::new(id.into(), &new.name, &new.text)?).await?;
    Ok((StatusCode::CREATED, Json(SignedComment::new(posted.author.name, &posted.comment))))
}

pub(super) async fn author(
    Visit(cx): Visit,
    id: Result<Path<u32>, PathRejection>,
) -> Answer<Present<Author>> {
    let id = u64::from(id?.0);
    let author = Present::of(cx.query(&GetAuthor { id }).await?);
    Ok(Json(author.ok_or_else(|| Problem::no_such("author", id))?))
}

pub(super) async fn search(
    Visit(cx): Visit,
    wanted: Result<Query<SearchText>, QueryRejection>,
) -> Answer<Findings> {
    let Query(SearchText { q }) = wanted?;
    let found = reading::found(&cx, &texts::visible(&q)).await?;
    let nothing = || Problem::BadInput("the text to search for is missing, as in `?q=lighthouse`".to_owned());
    Ok(Json(found.ok_or_else(nothing)?))
}

/// Totals, the cost of all loads so far, and how the service stands to the server of `--shared`.
pub(super) async fn stats(Visit(cx): Visit) -> Answer<Value> {
    let totals = cx.query(&GetTotals).await?;
    let inspection = cx.client().cache().inspect();
    let mut stats = json!({
        "totals": *totals,
        "database": cx.app().database.ledger.report(),
        "cache": { "hits": inspection.hits(), "misses": inspection.misses(), "entries": cx.client().cache().len() },
    });
    if let Some(shared) = cx.client().shared_state() {
        stats["shared"] = json!(shared);
    }
    Ok(Json(stats))
}

/// Whether the service can answer: it cannot if the database fails.
pub(super) async fn health(State(client): State<Shared>) -> (StatusCode, &'static str) {
    match tokio::time::timeout(HEALTH_TIMEOUT, client.app().database.edition()).await {
        Ok(Ok(_)) => (StatusCode::OK, "ok\n"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}

pub(super) async fn nowhere(OriginalUri(uri): OriginalUri) -> ApiProblem {
    Problem::nothing_at(&uri).into()
}

pub(super) async fn not_that_way(method: Method) -> ApiProblem {
    Problem::wrong_method(&method).into()
}
