//! The page of an article. Its answers go on to the browser, whose front is `web/article.tsx`.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Response};
use cache_web::{Cx, Page};
use maud::html;
use serde::Deserialize;

use super::POLICY;
use super::visit::{PageProblem, log_cause};
use crate::app::Newsroom;
use crate::model::{Discussion, Present};
use crate::problem::Problem;
use crate::queries::{GetArticle, GetAuthor, GetComments, GetDiscussion};
use crate::reading;
use crate::settings::Scripts;
use crate::views::{self, Content, article};
use crate::web::WEB;

/// How long the page waits for the comments before it is sent without them. Then they follow.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

#[derive(Debug, Deserialize)]
pub(super) struct Extent {
    /// Whether the page waits for the comments: without scripts they cannot follow.
    #[serde(default)]
    whole: bool,
}

pub(super) async fn page(
    cx: Cx<Newsroom>,
    Extension(scripts): Extension<Scripts>,
    id: Result<Path<u32>, PathRejection>,
    extent: Result<Query<Extent>, QueryRejection>,
) -> Result<Response, PageProblem> {
    let (Path(id), Query(Extent { whole })) = (id?, extent?);
    let id = u64::from(id);
    let (of_article, of_comments) = (GetArticle { id }, GetDiscussion { article: id });
    let page = cx.page(&WEB);
    // Their load begins now, at the same time as that of the article.
    page.announce(&of_comments);
    let article = Present::of(page.query(&of_article).await?);
    let article = article.ok_or_else(|| Problem::no_such("article", id))?;
    // For the HTML alone: authors are not in the list.
    let author = cx.query(&GetAuthor { id: article.card.author }).await?;
    let comments = match whole {
        true => Some(page.query(&of_comments).await?),
        false => comments_in_time(&page, &of_comments).await,
    };
    let outdated = reading::outdated(&cx, &of_article);
    let outdated = outdated.max(reading::outdated(&cx, &GetComments { article: id }));
    let content = article::page(&article, (*author).as_ref(), comments.as_deref(), outdated);
    Ok(finish(&page, &content, scripts))
}

/// The comments, if they are here soon. If they cannot be loaded, the article is still worth reading.
async fn comments_in_time(page: &Page<Newsroom>, comments: &GetDiscussion) -> Option<Arc<Discussion>> {
    match tokio::time::timeout(LONGEST_WAIT, page.query(comments)).await {
        Ok(comments) => comments.map_err(|error| log_cause(&error.into())).ok(),
        Err(_) => None,
    }
}

/// The response: the page with its answers, and the policy that lets their scripts run.
fn finish(page: &Page<Newsroom>, content: &Content, scripts: Scripts) -> Response {
    let has_nonce = match scripts {
        Scripts::Inline | Scripts::Nonce => true,
        Scripts::Blocks | Scripts::Strict => false,
    };
    if !has_nonce {
        page.data_blocks();
    }
    let nonce = has_nonce.then(|| page.nonce());
    // The script finds the answers and its place above it. Without `async` it would wait for the last comment.
    let end = html! {
        (page.place())
        script src="/article.js" type="module" async nonce=[nonce] {}
    };
    let html = page.html(views::page_with(content, &end));
    ([(CONTENT_SECURITY_POLICY, policy(scripts, page.nonce()))], html).into_response()
}

/// The policy of a page with this nonce.
fn policy(scripts: Scripts, nonce: &str) -> String {
    let allowed = match scripts {
        Scripts::Inline => format!("'self' 'nonce-{nonce}'"),
        Scripts::Nonce => format!("'nonce-{nonce}'"),
        Scripts::Blocks => "'self'".to_owned(),
        Scripts::Strict => "'self'; require-trusted-types-for 'script'; trusted-types 'none'".to_owned(),
    };
    POLICY.replace("script-src 'self'", &format!("script-src {allowed}"))
}
