//! A web server on axum: requests with a context compared with requests without, and pages that hand their answers on
//! to the browser compared with the same pages without state. This file has the program; the modules below measure.

mod first_byte;
mod layer;
mod loopback;
mod page;

pub use layer::counted as layer_line_up;
pub use page::counted as page_line_up;

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Write;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Query};
use cache_web::{Cx, PageResponse, RequestLayer, Web};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tower_service::Service;
use ts_rs::TS;

use crate::measure::Contestant;
use crate::options::Options;
use crate::report::Report;

/// How many answers a page shows.
const CARDS: u64 = 20;

/// A request over a connection takes so much longer than a hit that fewer are made.
const HITS_PER_REQUEST: usize = 10;

#[derive(Clone, Debug, Serialize, Deserialize, TS)]
struct Card {
    title: String,
    author: String,
    summary: String,
    comments: u32,
}

/// What a list shows of an article.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = Card, capacity = 1_000, fresh = "1h")]
struct GetCard {
    id: u64,
}

/// Comments that are loaded when the workload allows it.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = String, capacity = 1_000, fresh = "1h")]
struct GetComments {
    article: u64,
}

cache_core::registry! {
    struct NewsRegistry {
        GetCard,
        GetComments,
    }
}

struct News {
    /// A permit for each load of comments that may end.
    permits: Semaphore,
    articles: AtomicU64,
}

impl App for News {
    type Registry = NewsRegistry;
}

impl Fetch<News> for GetCard {
    type Error = Infallible;

    async fn fetch(&self, _: &Context<News>) -> Result<Card, Infallible> {
        let id = self.id;
        Ok(Card {
            title: format!("The title of article number {id}, as long as titles are"),
            author: format!("Author Number {id}"),
            summary: format!(
                "Two lines of text that tell a reader what article {id} is about, so that he can decide whether he \
                 wants to read it; without any special character."
            ),
            comments: 40,
        })
    }
}

impl Fetch<News> for GetComments {
    type Error = Infallible;

    async fn fetch(&self, cx: &Context<News>) -> Result<String, Infallible> {
        if let Ok(permit) = cx.app().permits.acquire().await {
            permit.forget();
        }
        Ok("Well said.".to_owned())
    }
}

static WEB: LazyLock<Web<News>> = LazyLock::new(|| Web::new().public::<GetCard>().public::<GetComments>());

fn news() -> Client<News> {
    let news = News { permits: Semaphore::new(0), articles: AtomicU64::new(0) };
    Client::builder(Cache::new(), news).build()
}

async fn hello() -> &'static str {
    "hello"
}

fn render(html: &mut String, card: &Card) {
    html.push_str("<article><h2>");
    escape(html, &card.title);
    html.push_str("</h2><p>");
    escape(html, &card.author);
    html.push_str("</p><p>");
    escape(html, &card.summary);
    let _ = write!(html, "</p><p>{} comments</p></article>", card.comments);
}

/// As a template escapes texts.
fn escape(html: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'')) {
        html.push_str(&rest[..at]);
        let _ = write!(html, "&#{};", rest.as_bytes()[at]);
        rest = &rest[at + 1..];
    }
    html.push_str(rest);
}

const HEAD: &str = "<!doctype html><title>News</title><link rel=stylesheet href=/style.css>";

/// A page of cards, with state.
async fn with_state(cx: Cx<News>) -> PageResponse {
    let page = cx.page(&WEB);
    let mut html = String::with_capacity(8 * 1024);
    let _ = write!(html, "{HEAD}{}", page.place());
    for id in 0..CARDS {
        if let Ok(card) = page.query(&GetCard { id }).await {
            render(&mut html, &card);
        }
    }
    page.html(html)
}

/// The same page without state.
async fn without_state(cx: Cx<News>) -> Html<String> {
    let mut html = String::with_capacity(8 * 1024);
    html.push_str(HEAD);
    for id in 0..CARDS {
        if let Ok(card) = cx.query(&GetCard { id }).await {
            render(&mut html, &card);
        }
    }
    Html(html)
}

/// The shell of a page whose comments follow.
async fn announcing(cx: Cx<News>) -> PageResponse {
    let page = cx.page(&WEB);
    let article = cx.app().articles.fetch_add(1, Ordering::Relaxed);
    page.announce(&GetComments { article });
    page.html(format!("{HEAD}{}<h1>Article {article}</h1>", page.place()))
}

/// The same shell. Its comments are loaded too, by a task, and the browser is not told.
async fn loading(cx: Cx<News>) -> Html<String> {
    let article = cx.app().articles.fetch_add(1, Ordering::Relaxed);
    let cx = cx.context().clone();
    tokio::spawn(async move { drop(cx.query(&GetComments { article }).await) });
    Html(format!("{HEAD}<h1>Article {article}</h1>"))
}

/// The same shell, without comments.
async fn alone(cx: Cx<News>) -> Html<String> {
    let article = cx.app().articles.fetch_add(1, Ordering::Relaxed);
    Html(format!("{HEAD}<h1>Article {article}</h1>"))
}

fn routes(client: &Client<News>) -> Router {
    let layer = RequestLayer::new(client).deadline(Duration::from_secs(2));
    Router::new()
        .route("/hello", get(hello))
        .route("/with-state", get(with_state))
        .route("/without-state", get(without_state))
        .route("/announcing", get(announcing))
        .route("/loading", get(loading))
        .route("/alone", get(alone))
        .layer(layer)
}

/// Calls the routes without a connection, and reads each response to its end.
fn in_process(name: &'static str, mut routes: impl FnMut() -> Router, path: &'static str) -> Contestant {
    let routes = routes();
    Contestant::new(name, move |keys| {
        let mut routes = routes.clone();
        super::client::runtime().block_on(async {
            let mut answers = 0;
            for _ in keys {
                let Ok(response) = routes.call(request(path)).await;
                answers += usize::from(response.into_body().collect().await.is_ok());
            }
            answers
        })
    })
}

fn request(path: &'static str) -> Request {
    Request::get(path).body(Body::empty()).expect("the path is valid")
}

pub fn run(options: &Options, report: &mut Report) -> Result<(), Box<dyn Error>> {
    layer::run(options, report);
    page::run(options, report);
    first_byte::run(options, report)
}

/// A response of a layer that does nothing but pass it on.
async fn passed_on(response: Response) -> impl IntoResponse {
    response
}
