//! A program with pages: its queries, and a server for one page that a test describes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, Method};
use axum::response::IntoResponse;
use axum::routing::get;
use cache_client::{App, Client, Context, Fetch, TokioClock};
use cache_core::{Cache, Query, registry};
use cache_web::{Cx, RequestLayer, Web};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;
use ts_rs::TS;

use super::received::Received;
use crate::blog::takes;
use crate::serving::{Connection, Version, request};

registry! { pub struct MagazineRegistry { Article, Remarks, Secret, Echo, Broken, Counted, Raw, Issue } }

/// An article, which is there at once.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = String, capacity = 10_000, fresh = "60s")]
pub struct Article {
    pub id: u64,
}

/// An issue, whose keys are those of articles.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = String, name = "editor's-issue", capacity = 100, fresh = "60s")]
pub struct Issue {
    pub id: u64,
}

/// The remarks on an article, which take as many milliseconds as the key says.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = Vec<String>, capacity = 10_000, fresh = "60s")]
pub struct Remarks {
    pub article: u64,
    pub millis: u64,
}

/// What the load of an article reads, and no page may show.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = String, capacity = 100, fresh = "60s")]
pub struct Secret;

/// Texts in all places where a text can be.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = Texts, capacity = 100, fresh = "60s")]
pub struct Echo {
    pub text: String,
    pub option: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Texts {
    pub text: String,
    pub list: Vec<String>,
    pub map: BTreeMap<String, String>,
}

impl Texts {
    pub fn of(text: &str) -> Self {
        let text = text.to_owned();
        Self { list: vec![text.clone()], map: BTreeMap::from([(text.clone(), text.clone())]), text }
    }
}

/// A load that fails with a text.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = String, capacity = 100, fresh = "60s")]
pub struct Broken {
    pub text: String,
}

/// Numbers of all kinds.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = Numbers, capacity = 100, fresh = "60s")]
pub struct Counted {
    pub large: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Numbers {
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Part {
    pub count: u64,
    #[serde(with = "cache_web::as_string")]
    #[ts(type = "string")]
    pub text: u64,
    pub ratio: f64,
}

/// JSON that the program has not read.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = RawText, capacity = 100, fresh = "60s")]
pub struct Raw;

#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct RawText {
    #[ts(type = "unknown")]
    json: Box<RawValue>,
}

pub struct Magazine;

impl App for Magazine {
    type Registry = MagazineRegistry;
}

#[derive(Debug)]
pub struct MagazineError(String);

impl fmt::Display for MagazineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! loads {
    ($($query:ident: |$key:ident, $cx:ident| $load:expr;)*) => {$(
        impl Fetch<Magazine> for $query {
            type Error = MagazineError;

            async fn fetch(&self, $cx: &Context<Magazine>) -> Result<Self::Value, MagazineError> {
                let $key = self;
                $load
            }
        }
    )*};
}

loads! {
    Article: |key, cx| {
        let secret = cx.query(&Secret).await.map_err(|error| MagazineError(error.to_string()))?;
        assert_eq!(*secret, "the-secret-of-the-loads");
        Ok(format!("Article {}", key.id))
    };
    Remarks: |key, _cx| {
        takes(Duration::from_millis(key.millis)).await;
        Ok(vec![format!("Remark on {}", key.article)])
    };
    Issue: |key, _cx| Ok(format!("Issue {}", key.id));
    Secret: |_key, _cx| Ok("the-secret-of-the-loads".to_owned());
    Echo: |key, _cx| Ok(Texts::of(&key.text));
    Broken: |key, _cx| Err(MagazineError(key.text.clone()));
    Raw: |_key, _cx| {
        let json = RawValue::from_string("9007199254740993".to_owned());
        Ok(RawText { json: json.map_err(|error| MagazineError(error.to_string()))? })
    };
    Counted: |key, _cx| {
        let part = |count| Part { count, text: key.large, ratio: 0.1 };
        Ok(Numbers { parts: vec![part(1), part(key.large)] })
    };
}

/// A client with an empty cache.
pub fn magazine_client() -> Client<Magazine> {
    let cache = Cache::<MagazineRegistry>::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, Magazine).build()
}

/// All queries of the magazine, except the secret one.
pub fn everything() -> Web<Magazine> {
    Web::new()
        .public::<Article>()
        .public::<Remarks>()
        .public::<Echo>()
        .public::<Broken>()
        .public::<Counted>()
        .public::<Raw>()
}

/// The flushes of one response, with the time of each.
pub struct Flushes {
    pub headers: HeaderMap,
    pub status: u16,
    pub flushes: Vec<(Duration, String)>,
}

impl Flushes {
    pub fn whole(&self) -> String {
        self.flushes.iter().map(|(_, text)| text.as_str()).collect()
    }

    pub fn received(&self) -> Received {
        Received::read(&self.whole())
    }
}

/// Requests a page that the handler builds, over a connection.
pub async fn open<H, F, R>(client: &Client<Magazine>, handler: H) -> Flushes
where
    H: FnOnce(Cx<Magazine>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = R> + Send,
    R: IntoResponse,
{
    open_within(client, Duration::from_secs(3_600), handler).await
}

/// Like [`open`], with a deadline.
pub async fn open_within<H, F, R>(client: &Client<Magazine>, deadline: Duration, handler: H) -> Flushes
where
    H: FnOnce(Cx<Magazine>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = R> + Send,
    R: IntoResponse,
{
    let handler = async move |cx: Cx<Magazine>| handler(cx).await;
    let layer = RequestLayer::new(client).deadline(deadline);
    flushes(Router::new().route("/", get(handler)).layer(layer)).await
}

/// Requests `/`.
pub async fn flushes(routes: Router) -> Flushes {
    let mut connection = Connection::open(routes, Version::Http1, 8 * 1024 * 1024).await;
    let begun = Instant::now();
    let response = connection.send(request(Method::GET, "/")).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = response.into_body();
    let mut flushes = Vec::new();
    while let Some(frame) = body.frame().await {
        let bytes = frame.unwrap().into_data().unwrap();
        flushes.push((begun.elapsed(), String::from_utf8(bytes.to_vec()).unwrap()));
    }
    Flushes { headers, status, flushes }
}

pub const MILLISECOND: Duration = Duration::from_millis(1);
