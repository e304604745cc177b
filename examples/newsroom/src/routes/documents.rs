//! The same articles, authors and comments as documents of JSON:API, for requests that name its media type. Documents are
//! made of the answers in the cache.

use std::collections::BTreeSet;

use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, Request, State};
use axum::http::header::{ACCEPT, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch};
use axum::{Json, Router};
use cache_client::Strategy;
use serde_json::{Value, json};
use tower_service::Service;

use super::visit::{ApiProblem, InTime, Visit};
use super::{Shared, inspect};
use crate::commenting::AddComment;
use crate::editing::{DeleteArticle, RenameAuthor};
use crate::jsonapi::parameters::{Include, PAGE, Parameters, SECTION};
use crate::jsonapi::request::{Document, check_formats, is_about_documents};
use crate::jsonapi::resources::{self, CommentsOf, Included};
use crate::jsonapi::response::{self, Failure};
use crate::model::{Article, Author, Card, Comment, Comments, Present, PreviousPage};
use crate::problem::Problem;
use crate::queries::{CountComments, GetArticle, GetAuthor, GetComments, GetFeed};
use crate::reading::{self, Cx};

type Answer = Result<Response, Failure>;
type Id = Result<Path<u32>, PathRejection>;
type Body = Result<InTime<Json<Document>>, ApiProblem>;

/// What documents about articles can include.
const OF_ARTICLE: [&str; 3] = ["author", "comments", "comments.author"];

/// What documents about comments can include.
const OF_COMMENT: [&str; 2] = ["author", "article"];

/// The routes of documents.
pub(super) fn router(client: Shared) -> Router {
    Router::new()
        .route("/articles", get(articles))
        .route(
            "/articles/{id}",
            get(article).merge(axum::routing::delete(delete).layer(from_fn(inspect::local))),
        )
        .route("/articles/{id}/comments", get(comments).post(comment))
        .route("/authors/{id}", get(author).merge(patch(rename).layer(from_fn(inspect::local))))
        .route("/comments/{id}", get(one_comment))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_that_way)
        .with_state(client)
}

/// The two representations of the same things.
#[derive(Clone)]
pub(super) struct Apis {
    pub(super) plain: Router,
    pub(super) documents: Router,
}

/// Lets documents answer the requests that are about them, and plain JSON the others.
pub(super) async fn negotiate(State(mut apis): State<Apis>, request: Request) -> Response {
    if !is_about_documents(&request) {
        let mut response = apis.plain.call(request).await.unwrap_or_else(|never| match never {});
        response.headers_mut().append(VARY, HeaderValue::from_name(ACCEPT));
        return response;
    }
    if let Err(failure) = check_formats(request.headers()) {
        return failure.into_response();
    }
    apis.documents.call(request).await.unwrap_or_else(|never| match never {})
}

async fn articles(Visit(cx): Visit, headers: HeaderMap, parameters: Result<Parameters, Failure>) -> Answer {
    let mut parameters = parameters?;
    let include = parameters.take_include(&OF_ARTICLE)?;
    let (section, before) = (parameters.take(SECTION)?, parameters.take(PAGE)?);
    let query = GetFeed { section, author: parameters.take_author()?, before };
    parameters.nothing_else()?;
    // Not a page from before a deletion, while it is loaded again.
    let page = cx.query_with(&query, |options| options.strategy(Strategy::CacheFirst)).await?;
    let (data, included) = cards(&cx, &page.cards, &include).await?;
    let mut document = included.document(data.into());
    let at = |before| GetFeed { before, ..query.clone() };
    document["links"] = json!({
        "self": path(&query, &include),
        "prev": match page.previous {
            PreviousPage::None => None,
            PreviousPage::First => Some(path(&at(None), &include)),
            PreviousPage::Below(cursor) => Some(path(&at(Some(cursor)), &include)),
        },
        "next": page.next.map(|cursor| path(&at(Some(cursor)), &include)),
    });
    say_if_outdated(&mut document, reading::outdated(&cx, &query));
    Ok(response::document(&headers, document))
}

/// The path of a page.
fn path(page: &GetFeed, include: &Include) -> String {
    let section = page.section.map(|section| format!("filter[section]={}", section.name()));
    let author = page.author.map(|author| format!("filter[author]={author}"));
    let before = page.before.map(|cursor| format!("page[before]={cursor}"));
    let parameters: Vec<_> = [include.parameter(), section, author, before].into_iter().flatten().collect();
    let mark = if parameters.is_empty() { "" } else { "?" };
    format!("/api/articles{mark}{}", parameters.join("&"))
}

/// The resources of articles in a list, and what they include.
async fn cards(cx: &Cx, cards: &[Card], include: &Include) -> Result<(Vec<Value>, Included), Failure> {
    let of_card = |card: &Card| CountComments { article: card.id };
    let mut included = Included::default();
    let mut authors = BTreeSet::new();
    if include.has("author") {
        authors.extend(cards.iter().map(|card| card.author));
    }
    let mut data = Vec::new();
    if include.has("comments") {
        let keys: Vec<_> = cards.iter().map(|card| GetComments { article: card.id }).collect();
        for (card, comments) in cards.iter().zip(cx.query_all(&keys).await) {
            let comments = comments?;
            data.push(resources::card(card, CommentsOf::Newest(&comments)));
            included.extend(comments.newest.iter().map(|comment| resources::comment(card.id, comment)));
            if include.has("comments.author") {
                authors.extend(comments.newest.iter().filter_map(Comment::author));
            }
        }
    } else {
        let keys: Vec<_> = cards.iter().map(of_card).collect();
        for (card, total) in cards.iter().zip(cx.query_all(&keys).await) {
            data.push(resources::card(card, CommentsOf::Total(*total?)));
        }
    }
    include_authors(cx, authors, &mut included).await?;
    Ok((data, included))
}

async fn article(
    Visit(cx): Visit,
    headers: HeaderMap,
    id: Id,
    parameters: Result<Parameters, Failure>,
) -> Answer {
    let (id, mut parameters) = (u64::from(id?.0), parameters?);
    let include = parameters.take_include(&OF_ARTICLE)?;
    parameters.nothing_else()?;
    let (of_article, of_comments) = (GetArticle { id }, GetComments { article: id });
    let (article, comments) = tokio::join!(cx.query(&of_article), cx.query(&of_comments));
    let article = Present::of(article?).ok_or_else(|| Problem::no_such("article", id))?;
    let comments = comments?;
    let mut document = whole(&cx, &article, &comments, &include).await?;
    say_if_outdated(
        &mut document,
        reading::outdated(&cx, &of_article).max(reading::outdated(&cx, &of_comments)),
    );
    Ok(response::document(&headers, document))
}

/// The document of an article with its text.
async fn whole(cx: &Cx, article: &Article, comments: &Comments, include: &Include) -> Result<Value, Failure> {
    let mut included = Included::default();
    let mut authors = BTreeSet::new();
    if include.has("author") {
        authors.insert(article.card.author);
    }
    if include.has("comments.author") {
        authors.extend(comments.newest.iter().filter_map(Comment::author));
    }
    let of_article = match include.has("comments") {
        true => CommentsOf::Newest(comments),
        false => CommentsOf::Total(comments.total),
    };
    if include.has("comments") {
        included.extend(comments.newest.iter().map(|comment| resources::comment(article.card.id, comment)));
    }
    include_authors(cx, authors, &mut included).await?;
    Ok(included.document(resources::article(article, of_article)))
}

async fn delete(Visit(cx): Visit, id: Id) -> Answer {
    cx.mutate(&DeleteArticle { id: id?.0.into() }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn comments(
    Visit(cx): Visit,
    headers: HeaderMap,
    id: Id,
    parameters: Result<Parameters, Failure>,
) -> Answer {
    let (article, mut parameters) = (u64::from(id?.0), parameters?);
    let include = parameters.take_include(&OF_COMMENT)?;
    parameters.nothing_else()?;
    let (present, comments) = with_comments(&cx, article).await?;
    let mut included = Included::default();
    let data: Vec<_> = comments.newest.iter().map(|comment| resources::comment(article, comment)).collect();
    of_comments(&cx, &present, &comments, &comments.newest, &include, &mut included).await?;
    let mut document = included.document(data.into());
    document["meta"] = json!({ "total": comments.total });
    Ok(response::document(&headers, document))
}

async fn one_comment(
    Visit(cx): Visit,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
    parameters: Result<Parameters, Failure>,
) -> Answer {
    let (Path(id), mut parameters) = (id?, parameters?);
    let include = parameters.take_include(&OF_COMMENT)?;
    parameters.nothing_else()?;
    let absent = || Problem::Absent(format!("There is no comment {}.", crate::problem::cut(&id)));
    let (article, number) = id.split_once('-').ok_or_else(absent)?;
    let article: u32 = article.parse().map_err(|_| absent())?;
    let (present, comments) = with_comments(&cx, article.into()).await?;
    let found = comments.newest.iter().find(|comment| comment.number.to_string() == number);
    let comment = found.ok_or_else(absent)?;
    let mut included = Included::default();
    of_comments(&cx, &present, &comments, std::slice::from_ref(comment), &include, &mut included).await?;
    Ok(response::document(&headers, included.document(resources::comment(article.into(), comment))))
}

async fn comment(Visit(cx): Visit, id: Id, parameters: Result<Parameters, Failure>, body: Body) -> Answer {
    let (article, mut parameters) = (u64::from(id?.0), parameters?);
    let include = parameters.take_include(&OF_COMMENT)?;
    parameters.nothing_else()?;
    let InTime(Json(Document { data })) = body.map_err(|ApiProblem(problem)| problem)?;
    data.check("comments", None)?;
    let name = data.text("name", "/data/attributes/name")?;
    let text = data.text("text", "/data/attributes/text")?;
    let add = AddComment::new(article, name, text).map_err(|error| Failure::at(error, "/data/attributes"))?;
    let posted = cx.mutate(&add).await?;
    let (present, comments) = with_comments(&cx, article).await?;
    let mut included = Included::default();
    of_comments(&cx, &present, &comments, std::slice::from_ref(&posted.comment), &include, &mut included)
        .await?;
    let resource = resources::comment(article, &posted.comment);
    let path = resource["links"]["self"].as_str().unwrap_or_default().to_owned();
    Ok(response::created(&path, included.document(resource)))
}

/// An article and the comments on it.
async fn with_comments(cx: &Cx, id: u64) -> Result<(Present<Article>, std::sync::Arc<Comments>), Failure> {
    let (of_article, of_comments) = (GetArticle { id }, GetComments { article: id });
    let (article, comments) = tokio::join!(cx.query(&of_article), cx.query(&of_comments));
    let article = Present::of(article?).ok_or_else(|| Problem::no_such("article", id))?;
    Ok((article, comments?))
}

/// Adds what documents about these comments on an article include.
async fn of_comments(
    cx: &Cx,
    article: &Article,
    comments: &Comments,
    shown: &[Comment],
    include: &Include,
    included: &mut Included,
) -> Result<(), Failure> {
    if include.has("article") {
        included.add(resources::card(&article.card, CommentsOf::Newest(comments)));
    }
    let is_included = include.has("author");
    let authors = shown.iter().filter(|_| is_included).filter_map(Comment::author).collect();
    include_authors(cx, authors, included).await
}

async fn author(
    Visit(cx): Visit,
    headers: HeaderMap,
    id: Id,
    parameters: Result<Parameters, Failure>,
) -> Answer {
    let id = u64::from(id?.0);
    parameters?.nothing_else()?;
    let query = GetAuthor { id };
    let author = Present::of(cx.query(&query).await?).ok_or_else(|| Problem::no_such("author", id))?;
    let mut document = Included::default().document(resources::author(&author));
    say_if_outdated(&mut document, reading::outdated(&cx, &query));
    Ok(response::document(&headers, document))
}

async fn rename(Visit(cx): Visit, id: Id, body: Body) -> Answer {
    let id = u64::from(id?.0);
    let InTime(Json(Document { data })) = body.map_err(|ApiProblem(problem)| problem)?;
    data.check("authors", Some(id))?;
    const NAME: &str = "/data/attributes/name";
    let rename = RenameAuthor::new(id, data.text("name", NAME)?).map_err(|error| Failure::at(error, NAME))?;
    let edited = cx.mutate(&rename).await.map_err(|error| Failure::at(error, NAME))?;
    let author = resources::author(&edited.outcome.author);
    Ok(response::changed(Included::default().document(author)))
}

/// Adds authors to what a document includes.
async fn include_authors(cx: &Cx, ids: BTreeSet<u64>, included: &mut Included) -> Result<(), Failure> {
    let authors = reading::authors(cx, ids.into_iter()).await?;
    let present = authors.values().filter_map(|author| author.as_ref().as_ref());
    included.extend(present.map(|author: &Author| resources::author(author)));
    Ok(())
}

/// Says how old a document is if it is out of date, because the database does not answer.
fn say_if_outdated(document: &mut Value, outdated: Option<reading::Outdated>) {
    if let Some(outdated) = outdated {
        document["meta"] = json!({ "outdated": outdated });
    }
}

async fn nowhere(OriginalUri(uri): OriginalUri) -> Failure {
    Problem::nothing_at(&uri).into()
}

async fn not_that_way(method: Method) -> Failure {
    Problem::wrong_method(&method).into()
}
