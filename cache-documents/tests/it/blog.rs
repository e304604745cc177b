//! A program that shows articles, on a scripted server and a paused clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::{App, Client, ClientBuilder, Context, Fetch, Strategy, TokioClock};
use cache_core::{Builder, Cache, LoadingOptions, Query, RestoreReport, Shape, registry};
use cache_documents::{
    Document, DocumentError, DocumentsBuilder, Field, Id, Many, One, ReadDocument, Resource, ResourceList,
    Resources,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, oneshot};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record)]
pub struct PersonId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId, persist)]
pub struct Article {
    pub title: Field<Arc<str>>,
    pub body: Field<Arc<str>>,
    pub author: One<PersonId>,
    pub editors: Many<PersonId>,
}

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId, persist)]
pub struct Person {
    pub name: Field<String>,
    pub age: Field<u8>,
    pub friend: One<PersonId>,
}

/// One article.
#[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Article>, capacity = 1_000, fresh = "60s", persist, share)]
pub struct GetArticle(pub u32);

/// A list of articles.
#[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<[Article]>, capacity = 100, fresh = "60s", persist)]
pub struct GetFeed(pub u32);

/// One person.
#[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Person>, capacity = 100, fresh = "60s", persist)]
pub struct GetPerson(pub u32);

registry! {
    pub struct BlogRegistry {
        crate::blog::ArticleId,
        crate::blog::PersonId,
        crate::blog::GetArticle,
        crate::blog::GetFeed,
        crate::blog::GetPerson,
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BlogError {
    #[error("the server has no answer to {0}")]
    Unanswered(String),
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// A program whose server answers each path with the last body that was set for it, or with the next of a list.
#[derive(Debug, Default)]
pub struct Blog {
    answers: Mutex<BTreeMap<String, Vec<(Duration, String)>>>,
    awaited: Mutex<BTreeMap<String, oneshot::Receiver<String>>>,
    requested: Notify,
    loads: AtomicUsize,
}

impl App for Blog {
    type Registry = BlogRegistry;
}

impl Resources for Blog {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Article>();
        list.add::<Person>();
        list.add_saved::<GetArticle>();
        list.add_saved::<GetFeed>();
        list.add_saved::<GetPerson>();
    }
}

impl Blog {
    /// The next answer. The last one stays.
    async fn get(&self, path: String) -> Result<String, BlogError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let awaited = self.awaited.lock().remove(&path);
        if let Some(awaited) = awaited {
            self.requested.notify_one();
            return awaited.await.map_err(|_| BlogError::Unanswered(path));
        }
        let next = {
            let mut answers = self.answers.lock();
            match answers.get_mut(&path) {
                Some(answers) if answers.len() > 1 => Some(answers.remove(0)),
                Some(answers) => answers.first().cloned(),
                None => None,
            }
        };
        let (delay, body) = next.ok_or(BlogError::Unanswered(path))?;
        if !delay.is_zero() {
            takes(delay).await;
        }
        Ok(body)
    }
}

/// Waits on tokio's paused clock, which advances when all tasks are idle, so that no test waits in real time.
pub async fn takes(time: Duration) {
    tokio::time::sleep(time).await;
}

impl Fetch<Blog> for GetArticle {
    type Error = BlogError;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<Document<Article>, BlogError> {
        let body = cx.app().get(format!("/articles/{}", self.0)).await?;
        Ok(cx.document(body.as_bytes())?)
    }

    fn is_retryable(_: &BlogError) -> bool {
        false
    }
}

impl Fetch<Blog> for GetFeed {
    type Error = BlogError;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<Document<[Article]>, BlogError> {
        let body = cx.app().get(format!("/feed/{}", self.0)).await?;
        Ok(cx.document(body.as_bytes())?)
    }

    fn is_retryable(_: &BlogError) -> bool {
        false
    }
}

impl Fetch<Blog> for GetPerson {
    type Error = BlogError;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<Document<Person>, BlogError> {
        let body = cx.app().get(format!("/people/{}", self.0)).await?;
        Ok(cx.document(body.as_bytes())?)
    }

    fn is_retryable(_: &BlogError) -> bool {
        false
    }
}

/// A client on a paused clock.
pub struct Desk {
    pub client: Client<Blog>,
    pub clock: TokioClock,
}

pub fn blog() -> Desk {
    blog_with(Cache::builder())
}

pub fn blog_with(cache: Builder<BlogRegistry>) -> Desk {
    blog_where(cache, |client| client)
}

/// A client with settings of its own.
pub fn blog_where(
    cache: Builder<BlogRegistry>,
    set: impl FnOnce(ClientBuilder<Blog>) -> ClientBuilder<Blog>,
) -> Desk {
    let clock = TokioClock::new();
    let cache = cache.clock(clock).build().unwrap();
    Desk { client: set(Client::builder(cache, Blog::default()).documents()).build(), clock }
}

impl Desk {
    /// What a save writes.
    pub fn saved(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.client.cache().save_to(&mut bytes).unwrap();
        bytes
    }

    /// An empty cache, by the clock of this program.
    pub fn empty_cache(&self) -> Cache<BlogRegistry> {
        Cache::builder().clock(self.clock).build().unwrap()
    }

    /// The next run of the program, with what this one has saved. Its server has no answers.
    pub fn restarted(&self) -> (Self, RestoreReport) {
        let cache = self.empty_cache();
        let report = cache.restore_from(&*self.saved()).unwrap();
        (
            Self { client: Client::builder(cache, Blog::default()).documents().build(), clock: self.clock },
            report,
        )
    }

    /// Makes the server answer a path with a document from now on.
    pub fn answers(&self, path: &str, body: impl ToString) {
        self.client.app().answers.lock().insert(path.into(), vec![(Duration::ZERO, body.to_string())]);
    }

    /// Makes the server answer the next request of a path after some seconds. Later answers come after earlier ones.
    pub fn answers_after(&self, path: &str, seconds: u64, body: impl ToString) {
        let mut answers = self.client.app().answers.lock();
        answers.entry(path.into()).or_default().push((Duration::from_secs(seconds), body.to_string()));
    }

    /// Makes the next request of a path wait for a body.
    pub fn waits_for(&self, path: &str, body: oneshot::Receiver<String>) {
        self.client.app().awaited.lock().insert(path.into(), body);
    }

    /// Waits for such a request.
    pub async fn until_requested(&self) {
        self.client.app().requested.notified().await;
    }

    pub fn loads(&self) -> usize {
        self.client.app().loads.load(Ordering::SeqCst)
    }

    #[track_caller]
    pub fn person(&self, id: &str) -> Option<Arc<Person>> {
        self.client.cache().get(&PersonId(id.into()))
    }

    /// A document that the server has not sent.
    pub fn document(&self, body: &impl ToString) -> Document<Article> {
        self.client.document(body.to_string().as_bytes()).unwrap()
    }

    pub async fn article(&self, id: u32) -> Arc<Document<Article>> {
        self.client.query(&GetArticle(id)).await.unwrap()
    }

    /// Loads an article, whether it is there or not.
    pub async fn reload(&self, id: u32) -> Arc<Document<Article>> {
        let refresh = |options: LoadingOptions| options.strategy(Strategy::Refresh);
        self.client.query_with(&GetArticle(id), refresh).await.unwrap()
    }

    /// The document that the cache has.
    #[track_caller]
    pub fn cached(&self, id: u32) -> Arc<Document<Article>> {
        self.client.cached(&GetArticle(id)).unwrap()
    }

    /// The name of the author of the article that the cache has.
    #[track_caller]
    pub fn author(&self, id: u32) -> String {
        let document = self.cached(id);
        let article = document.data().unwrap();
        document.one(&article.author).unwrap().name.value().unwrap().clone()
    }
}
