//! A service that answers with JSON: posts for everybody, and for each reader a feed of the authors that they follow.
//! `cargo run -p cache-web --example service`, then `curl http://127.0.0.1:8080/posts/1`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::fmt::{self, Debug};
use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{self, FromRequestParts, Request, State};
use axum::http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use cache_client::{App, Changes, Client, Context, Fetch, Mutate, QueryError};
use cache_core::{Cache, Query, Shape, Tag, registry};
use cache_web::{Cx, Failure, RequestLayer};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

// The queries

/// A post, as readers get it.
#[derive(Shape, Clone, Debug, Serialize, Deserialize)]
pub struct Post {
    /// The name of the author, which readers follow.
    pub author: String,
    /// Not empty.
    pub title: String,
}

/// One post. Saved when the service stops.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Post, capacity = 10_000, fresh = "10m", swr = "1h", persist)]
pub struct GetPost {
    /// The number of the post.
    pub id: u64,
}

/// The titles of all posts by the authors that a reader follows.
/// Out of date as soon as one of these posts changes.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<String>, capacity = 10_000, fresh = "1m", derived, tags_of = GetFeed::tags)]
pub struct GetFeed {
    /// In the key, since the answer depends on it.
    pub reader: String,
}

impl GetFeed {
    fn tags(&self) -> [Tag; 1] {
        [reader_tag(&self.reader)]
    }
}

/// The tag of all answers for one reader, of any query.
fn reader_tag(reader: &str) -> Tag {
    Tag::new("reader", reader)
}

registry! {
    /// All queries of the service.
    pub struct ServiceRegistry { GetPost, GetFeed }
}

// The program's own state

/// What loads and handlers use besides the cache.
#[derive(Default)]
pub struct Service {
    /// Stands in for a database.
    posts: Mutex<BTreeMap<u64, Post>>,
    /// Authors by reader.
    follows: Mutex<HashMap<String, BTreeSet<String>>>,
    /// Readers by session.
    sessions: Mutex<HashMap<String, String>>,
    /// How many statements the database has run.
    pub statements: AtomicU32,
}

/// Without the sessions, which have no place in a log.
impl Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("statements", &self.statements).finish_non_exhaustive()
    }
}

impl App for Service {
    type Registry = ServiceRegistry;
}

impl Service {
    async fn statement<T>(&self, run: impl FnOnce(&mut BTreeMap<u64, Post>) -> T) -> T {
        self.statements.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        run(&mut lock(&self.posts))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fetch<Service> for GetPost {
    type Error = ServiceError;

    async fn fetch(&self, cx: &Context<Service>) -> Result<Post, ServiceError> {
        let post = cx.app().statement(|posts| posts.get(&self.id).cloned()).await;
        post.ok_or(ServiceError::NoSuchPost(self.id))
    }
}

impl Fetch<Service> for GetFeed {
    type Error = ServiceError;

    async fn fetch(&self, cx: &Context<Service>) -> Result<Vec<String>, ServiceError> {
        let follows = lock(&cx.app().follows).get(&self.reader).cloned().unwrap_or_default();
        let ids: Vec<u64> = cx
            .app()
            .statement(|posts| {
                posts.iter().filter(|(_, post)| follows.contains(&post.author)).map(|(id, _)| *id).collect()
            })
            .await;
        let mut titles = Vec::new();
        // Each post is loaded once for all readers, and all of them at the same time.
        for post in cx.query_all(&ids.iter().map(|&id| GetPost { id }).collect::<Vec<_>>()).await {
            titles.push(post?.title.clone());
        }
        Ok(titles)
    }
}

// Errors

/// Why a query or a change has failed.
/// Callers that waited for one load share its error, so responses are made from a reference.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The post with this number is unknown: 404.
    #[error("there is no post {0}")]
    NoSuchPost(u64),
    /// A title is empty: 422.
    #[error("a title must not be empty")]
    EmptyTitle,
    /// A load that made a query which failed.
    #[error(transparent)]
    Query(#[from] QueryError<ServiceError>),
}

impl IntoResponse for &ServiceError {
    fn into_response(self) -> Response {
        let status = match self {
            ServiceError::NoSuchPost(_) => StatusCode::NOT_FOUND,
            ServiceError::EmptyTitle => StatusCode::UNPROCESSABLE_ENTITY,
            // Down to the error that came first: also 504 for a deadline, 503 for a source that is down.
            ServiceError::Query(error) => return Failure::from(error.clone()).into_response(),
        };
        (status, Json(serde_json::json!({ "error": self.to_string() }))).into_response()
    }
}

type Answer<T> = Result<T, Failure<ServiceError>>;

/// A shared answer as JSON, without a copy of it.
struct Shared<T>(Arc<T>);

impl<T: Serialize> IntoResponse for Shared<T> {
    fn into_response(self) -> Response {
        Json(&*self.0).into_response()
    }
}

// Sessions

/// The reader of a session; without one the response is 401.
struct Reader(String);

impl FromRequestParts<Client<Service>> for Reader {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, client: &Client<Service>) -> Result<Self, StatusCode> {
        let cookies = parts.headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut cookies = cookies.flat_map(|cookies| cookies.split("; "));
        let session = cookies.find_map(|cookie| cookie.strip_prefix("session="));
        let sessions = lock(&client.app().sessions);
        let reader = session.and_then(|session| sessions.get(session)).cloned();
        reader.map(Self).ok_or(StatusCode::UNAUTHORIZED)
    }
}

/// Begins a session. A real service asks for a password first.
async fn login(
    State(client): State<Client<Service>>,
    extract::Path(name): extract::Path<String>,
) -> Response {
    let mut bits = [0; 16];
    if let Err(error) = getrandom::fill(&mut bits) {
        return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
    }
    let session: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    // Behind a proxy with TLS, add `Secure`.
    let cookie = format!("session={session}; HttpOnly; SameSite=Lax; Path=/");
    lock(&client.app().sessions).insert(session, name);
    (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response()
}

// Handlers

async fn show(cx: Cx<Service>, extract::Path(id): extract::Path<u64>) -> Answer<Shared<Post>> {
    Ok(Shared(cx.query(&GetPost { id }).await?))
}

async fn feed(cx: Cx<Service>, Reader(reader): Reader) -> Answer<Shared<Vec<String>>> {
    Ok(Shared(cx.query(&GetFeed { reader }).await?))
}

async fn follow(
    cx: Cx<Service>,
    Reader(reader): Reader,
    extract::Path(author): extract::Path<String>,
) -> StatusCode {
    lock(&cx.app().follows).entry(reader.clone()).or_default().insert(author);
    // What this reader sees is loaded again; that of others stays.
    cx.client().invalidate_tag(reader_tag(&reader));
    StatusCode::NO_CONTENT
}

/// Gives a post another title.
#[derive(Clone)]
struct Rename {
    id: u64,
    title: String,
}

impl Mutate<Service> for Rename {
    type Output = Post;
    type Error = ServiceError;

    async fn run(&self, cx: &Context<Service>) -> Result<Post, ServiceError> {
        if self.title.is_empty() {
            return Err(ServiceError::EmptyTitle);
        }
        let renamed = |posts: &mut BTreeMap<u64, Post>| {
            let post = posts.get_mut(&self.id)?;
            post.title.clone_from(&self.title);
            Some(post.clone())
        };
        cx.app().statement(renamed).await.ok_or(ServiceError::NoSuchPost(self.id))
    }

    /// With this, all feeds that show the post are out of date.
    fn apply(&self, post: &Post, changes: &mut Changes<Service>) {
        changes.set(GetPost { id: self.id }, post.clone());
    }
}

async fn rename(cx: Cx<Service>, extract::Path(id): extract::Path<u64>, title: String) -> Answer<Json<Post>> {
    Ok(Json(cx.mutate(&Rename { id, title }).await?))
}

/// Nothing between this service and its reader keeps a personal answer, unless the handler allows it.
async fn private(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    response
}

/// The routes of the service, each of whose requests gets a context and a deadline.
pub fn routes(client: &Client<Service>) -> Router {
    // The proxy sets this header, and removes it from what comes from outside.
    let granted = HeaderName::from_static("x-time-left-ms");
    let requests = RequestLayer::new(client).deadline(Duration::from_secs(2)).deadline_header(granted);
    Router::new()
        .route("/posts/{id}", get(show))
        .route("/posts/{id}/title", put(rename))
        .route("/feed", get(feed))
        .route("/follow/{author}", post(follow))
        .route("/login/{name}", post(login))
        .layer(middleware::from_fn(private))
        .layer(requests)
        .with_state(client.clone())
}

// From start to stop

/// Opens a client with what the last run has saved.
pub fn open(snapshot: &Path) -> Result<Client<Service>, Box<dyn Error + Send + Sync>> {
    let service = Service::default();
    for (id, author, title) in [(1, "ann", "On caches"), (2, "bob", "On bees"), (3, "ann", "On clocks")] {
        lock(&service.posts).insert(id, Post { author: author.to_owned(), title: title.to_owned() });
    }
    let (cache, report) = Cache::<ServiceRegistry>::restore_or_new(snapshot)?;
    println!("{report}");
    Ok(Client::builder(cache, service).build())
}

/// Serves until `stop` is ready, lets running requests end, and saves the cache.
pub async fn serve(
    listener: TcpListener,
    client: Client<Service>,
    snapshot: &Path,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    axum::serve(listener, routes(&client)).with_graceful_shutdown(stop).await?;
    let snapshot = snapshot.to_owned();
    let saved = tokio::task::spawn_blocking(move || client.cache().save(snapshot)).await??;
    println!("{saved}");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let snapshot = Path::new("service.snapshot");
    let client = open(snapshot)?;
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("serving at http://{}, until Ctrl-C", listener.local_addr()?);
    let stop = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("stopping, since Ctrl-C cannot be noticed: {error}");
        }
    };
    serve(listener, client, snapshot, stop).await
}
