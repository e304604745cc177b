//! A program whose server answers each request as scripted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cache_client::{App, Client, Context, Fetch, Fetched, TokioClock};
use cache_core::{Cache, Query, Tag, registry};
use cache_documents::http::{
    Answer, ClientRequests, Exchange, Key, LoadRequests, Opinion, Policy, Request, Transport, Windows,
};
use cache_documents::{
    Document, DocumentError, DocumentsBuilder, Field, Id, ReadDocument, Resource, ResourceList, Resources,
};
use http::{HeaderMap, HeaderName, StatusCode};
use parking_lot::Mutex;
use tokio::time::Instant;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId)]
pub struct Article {
    pub title: Field<Arc<str>>,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record)]
pub struct PersonId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
pub struct Person {
    pub name: Field<Arc<str>>,
}

/// The articles of one page.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<[Article]>, capacity = 100, fresh = "3000s")]
pub struct GetArticles(pub u32);

/// A list that is always empty.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<[Article]>, capacity = 100, fresh = "3000s")]
pub struct GetNamed(pub Arc<str>);

/// All people.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<[Person]>, capacity = 100, fresh = "3000s")]
pub struct GetPeople;

/// One article, as a query of the program.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Article>, capacity = 100, fresh = "30s", tags_of = GetArticle::tags)]
pub struct GetArticle(pub u32);

impl GetArticle {
    pub fn url(&self) -> String {
        url(&format!("/articles/{}", self.0))
    }

    fn tags(&self) -> [Tag; 1] {
        [Key::url(&self.url().parse().unwrap()).tag()]
    }
}

/// One article, with options that allow stale answers for long.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(
    value = Document<Article>, capacity = 100, strategy = "stale-while-revalidate", fresh = "30s", swr = "1000s",
    stale_if_error = "1000s"
)]
pub struct GetPatiently(pub u32);

/// The length of several pages together.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 100, fresh = "500s")]
pub struct GetLength(pub Vec<&'static str>);

registry! {
    pub struct SiteRegistry {
        cache_documents::http::GetResponse,
        crate::site::ArticleId,
        crate::site::PersonId,
        crate::site::GetArticle,
        crate::site::GetPatiently,
        crate::site::GetArticles,
        crate::site::GetNamed,
        crate::site::GetPeople,
        crate::site::GetLength,
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error("the connection to {0} was lost")]
    Lost(String),
    #[error(transparent)]
    Read(#[from] DocumentError),
}

/// A scripted response; an empty one loses the connection.
type Scripted = (Duration, Option<http::Response<Bytes>>);

#[derive(Debug)]
pub struct Site {
    began: Instant,
    answers: Mutex<BTreeMap<String, VecDeque<Scripted>>>,
    requests: Mutex<Vec<http::Request<Bytes>>>,
    constants: Vec<HeaderName>,
    /// By how many seconds the wall clock was set.
    wall_clock: AtomicI64,
    pub windows: Mutex<Windows>,
    /// Whether a hook of the cache refuses changes.
    pub refuses_changes: Arc<AtomicBool>,
    judge: Judge,
}

/// The program's judgement by path.
#[derive(Default, Debug)]
pub struct Judge(pub Mutex<BTreeMap<String, Opinion>>);

impl Policy for Judge {
    fn judge(&self, exchange: &Exchange<'_>, _: SystemTime) -> Opinion {
        self.0.lock().get(exchange.request().uri.path()).copied().unwrap_or_default()
    }

    fn has_opinions(&self) -> bool {
        self.0.lock().values().any(|opinion| *opinion != Opinion::None)
    }
}

impl App for Site {
    type Registry = SiteRegistry;
}

impl Site {
    /// Makes all connections be lost from now on.
    pub fn loses_all(&self) {
        self.answers.lock().clear();
    }
}

impl Resources for Site {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Article>();
        list.add::<Person>();
    }
}

impl Transport for Site {
    type Error = SiteError;

    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, SiteError> {
        let name = format!("{} {}", request.method(), request.uri().path());
        let lost = SiteError::Lost(request.uri().to_string());
        self.requests.lock().push(request);
        let next = self.answers.lock().get_mut(&name).and_then(|answers| match answers.len() {
            // The last one stays.
            0 | 1 => answers.front().cloned(),
            _ => answers.pop_front(),
        });
        let Some((delay, response)) = next else { return Err(lost) };
        if !delay.is_zero() {
            pass(delay).await;
        }
        response.ok_or(lost)
    }

    fn policy(&self) -> &(dyn Policy + Sync) {
        &self.judge
    }

    fn constant_headers(&self) -> &[HeaderName] {
        &self.constants
    }

    fn windows(&self) -> Windows {
        *self.windows.lock()
    }

    fn now(&self) -> Option<SystemTime> {
        let start = 1_800_000_000 + self.wall_clock.load(Ordering::SeqCst);
        Some(SystemTime::UNIX_EPOCH + seconds(start.unsigned_abs()) + self.began.elapsed())
    }
}

impl Fetch<Site> for GetArticle {
    type Error = SiteError;

    async fn fetch(&self, cx: &Context<Site>) -> Result<Document<Article>, SiteError> {
        let response = cx.send(get(&format!("/articles/{}", self.0))).await?;
        Ok(cx.document(response.body())?.with_response(&response))
    }

    async fn fetch_again(
        &self,
        cx: &Context<Site>,
        present: &Arc<Document<Article>>,
    ) -> Result<Fetched<Document<Article>>, SiteError> {
        let request = get(&format!("/articles/{}", self.0));
        let Fetched::New(response) = cx.send_again(request, present.response()).await? else {
            return Ok(Fetched::Unchanged);
        };
        Ok(Fetched::New(cx.document(response.body())?.with_response(&response)))
    }
}

impl Fetch<Site> for GetPatiently {
    type Error = SiteError;

    async fn fetch(&self, cx: &Context<Site>) -> Result<Document<Article>, SiteError> {
        Ok(cx.document(cx.send(get(&format!("/articles/{}", self.0))).await?.body())?)
    }
}

impl Fetch<Site> for GetArticles {
    type Error = SiteError;

    async fn fetch(&self, cx: &Context<Site>) -> Result<Document<[Article]>, SiteError> {
        Ok(cx.document(cx.send(get(&format!("/pages/{}", self.0))).await?.body())?)
    }
}

impl Fetch<Site> for GetNamed {
    type Error = SiteError;

    async fn fetch(&self, cx: &Context<Site>) -> Result<Document<[Article]>, SiteError> {
        Ok(cx.document(br#"{"data": []}"#)?)
    }
}

impl Fetch<Site> for GetPeople {
    type Error = SiteError;

    async fn fetch(&self, cx: &Context<Site>) -> Result<Document<[Person]>, SiteError> {
        Ok(cx.document(cx.send(get("/people")).await?.body())?)
    }
}

impl Fetch<Site> for GetLength {
    type Error = SiteError;

    async fn fetch(&self, cx: &Context<Site>) -> Result<usize, SiteError> {
        let mut length = 0;
        for path in &self.0 {
            length += cx.send(get(path)).await?.body().len();
        }
        Ok(length)
    }
}

/// A client of a site, on a paused clock.
pub struct Desk {
    pub client: Client<Site>,
}

pub fn desk() -> Desk {
    desk_with_constant_headers(Vec::new())
}

pub fn desk_with_constant_headers(constants: Vec<HeaderName>) -> Desk {
    let refuses_changes = Arc::new(AtomicBool::new(false));
    let refuses = Arc::clone(&refuses_changes);
    let hook = move |_: &_| if refuses.load(Ordering::SeqCst) { Err("not now".into()) } else { Ok(()) };
    let cache = Cache::builder().clock(TokioClock::new()).before_commit(hook).build().unwrap();
    let site = Site {
        began: Instant::now(),
        answers: Mutex::default(),
        requests: Mutex::default(),
        constants,
        wall_clock: AtomicI64::new(0),
        windows: Mutex::default(),
        refuses_changes,
        judge: Judge::default(),
    };
    Desk { client: Client::builder(cache, site).documents().build() }
}

impl Desk {
    /// Adds a response to `"GET /path"`. Later ones come after earlier ones, and the last one stays.
    pub fn answers(&self, name: &str, headers: &[(&'static str, &str)], body: &str) {
        self.answers_with(name, StatusCode::OK, headers, body);
    }

    pub fn answers_with(&self, name: &str, status: StatusCode, headers: &[(&'static str, &str)], body: &str) {
        self.script(name, Duration::ZERO, Some(response(status, headers, body)));
    }

    /// Adds a response that takes some seconds.
    pub fn answers_after(&self, name: &str, time: u64, headers: &[(&'static str, &str)], body: &str) {
        self.script(name, seconds(time), Some(response(StatusCode::OK, headers, body)));
    }

    /// Makes the connection be lost.
    pub fn loses(&self, name: &str) {
        self.script(name, Duration::ZERO, None);
    }

    fn script(&self, name: &str, delay: Duration, response: Option<http::Response<Bytes>>) {
        let mut answers = self.client.app().answers.lock();
        answers.entry(name.to_owned()).or_default().push_back((delay, response));
    }

    pub fn judges(&self, path: &str, opinion: Opinion) {
        self.client.app().judge.0.lock().insert(path.to_owned(), opinion);
    }

    /// Sets the wall clock forward or back, by seconds.
    pub fn sets_wall_clock(&self, jump: i64) {
        self.client.app().wall_clock.fetch_add(jump, Ordering::SeqCst);
    }

    /// How many requests were sent.
    pub fn sent(&self) -> usize {
        self.client.app().requests.lock().len()
    }

    /// The fields of the last request.
    pub fn last_headers(&self) -> HeaderMap {
        self.client.app().requests.lock().last().unwrap().headers().clone()
    }

    pub async fn send(&self, request: impl Into<Request> + Send) -> Answer {
        self.client.send(request).await.unwrap()
    }

    /// Gets a page, and returns its content.
    pub async fn text(&self, path: &str) -> String {
        text(&self.send(get(path)).await)
    }

    pub async fn article(&self, id: u32) -> Arc<Document<Article>> {
        self.client.query(&GetArticle(id)).await.unwrap()
    }
}

pub fn url(path: &str) -> String {
    format!("https://example.com{path}")
}

pub fn get(path: &str) -> http::Request<Bytes> {
    request("GET", path, &[])
}

pub fn request(method: &str, path: &str, headers: &[(&'static str, &str)]) -> http::Request<Bytes> {
    let request = http::Request::builder().method(method).uri(url(path));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Bytes::new()).unwrap()
}

fn response(status: StatusCode, headers: &[(&'static str, &str)], body: &str) -> http::Response<Bytes> {
    let response = http::Response::builder().status(status);
    let response = headers.iter().fold(response, |response, (name, value)| response.header(*name, *value));
    response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

pub fn text(answer: &Answer) -> String {
    String::from_utf8(answer.response.body().to_vec()).unwrap()
}

pub fn article_body(id: u32, title: &str) -> String {
    format!(r#"{{"data": {{"type": "articles", "id": "{id}", "attributes": {{"title": "{title}"}}}}}}"#)
}

pub fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Lets time pass on tokio's paused clock, which advances when all tasks are idle.
pub async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}
