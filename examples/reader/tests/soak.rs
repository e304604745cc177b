//! Reading for long: every article of a large newsroom is opened, through small tables, in accelerated time. In the end
//! there are exactly the records that the kept documents show. Without sockets: requests go to the newsroom's router.
//!
//! `READER_SOAK_ARTICLES` sets the number of articles; the default is a short run.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::{BTreeSet, HashSet};
use std::convert::Infallible;
use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use cache_client::{Client, TokioClock};
use cache_core::Cache;
use cache_documents::{ClientDocuments, Content, Document, DocumentsBuilder, Id};
use dashboard::newsroom::Address;
use http_body_util::BodyExt;
use newsroom::app;
use newsroom::database::Size;
use newsroom::routes;
use newsroom::settings::Settings;
use reader::CacheRegistry;
use reader::changes::{DeleteArticle, PostComment, Rename};
use reader::queries::{GetArticle, GetAuthor, GetPage};
use reader::reading::{Mark, Reading};
use reader::records::{Article, ArticleId, Author, AuthorId, CommentId};
use reader::server::{Exchanged, Reader};
use tokio::time::Instant;
use tower_service::Service;

/// How long a person reads an article.
const READS: Duration = Duration::from_millis(600);

/// Articles that the table of documents holds.
const WINDOW: usize = 50;

fn size() -> u32 {
    env::var("READER_SOAK_ARTICLES").map_or(120, |count| count.parse().expect("a number of articles"))
}

/// Sends a request to a router in this process, as from this machine.
async fn exchange(mut router: axum::Router, request: http::Request<Bytes>) -> Exchanged {
    let mut request = request.map(Body::from);
    // Servers get paths, and the host in a field.
    let path = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
    *request.uri_mut() = path;
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
    let response: Result<_, Infallible> = router.call(request).await;
    let (head, body) = response.unwrap_or_else(|never| match never {}).into_parts();
    Ok(http::Response::from_parts(head, body.collect().await.unwrap().to_bytes()))
}

/// A reader of a newsroom in this process, which asks for news every five seconds.
async fn reader(folder: &std::path::Path, articles: u32) -> Client<Reader> {
    let newsroom = app::open(folder, Size { articles, authors: 200 }, |_| ()).await.unwrap();
    let router = routes::router(newsroom, &Settings::default());
    let send = Box::new(move |request| Box::pin(exchange(router.clone(), request)) as _);
    let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build().unwrap();
    let reader = Reader::with(Address::default(), send);
    Client::builder(cache, reader).documents().defaults(|all| all.poll(Duration::from_secs(5))).build()
}

/// Waits until the panes are complete.
async fn read(reading: &mut Reading) {
    let is_complete = |reading: &Reading| {
        reading.list_mark != Mark::Loading
            && [reading.selected.mark, reading.by.mark, reading.other_articles.mark]
                .iter()
                .all(|mark| *mark != Mark::Loading)
    };
    while !is_complete(reading) {
        tokio::time::timeout(Duration::from_secs(60), reading.next_update())
            .await
            .expect("the panes are complete");
    }
}

/// Lets a person read: the program follows all news meanwhile.
async fn reads(reading: &mut Reading) {
    let until = Instant::now() + READS;
    while tokio::time::timeout_at(until, reading.next_update()).await.is_ok() {}
}

/// The records that kept documents show.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    articles: BTreeSet<Id>,
    authors: BTreeSet<Id>,
    comments: BTreeSet<Id>,
}

impl Shown {
    fn of(client: &Client<Reader>) -> Self {
        let cache = client.cache();
        let mut shown = Self::default();
        for page in cache.keys::<GetPage>() {
            let document = client.cached(&page).unwrap();
            for (key, article) in document.keys().zip(document.data()) {
                shown.article(key, article, &document);
            }
        }
        for query in cache.keys::<GetArticle>() {
            let document = client.cached(&query).unwrap();
            if let (Some(key), Some(article)) = (document.key(), document.data()) {
                shown.article(key, article, &document);
            }
        }
        for query in cache.keys::<GetAuthor>() {
            let document: std::sync::Arc<Document<Author>> = client.cached(&query).unwrap();
            shown.authors.extend(document.key().map(|key| key.0));
        }
        shown
    }

    /// Adds an article, and what its document shows of its relationships.
    fn article<T: Content + ?Sized>(&mut self, key: ArticleId, article: &Article, document: &Document<T>) {
        self.articles.insert(key.0);
        self.author(article.author.key(), document);
        for key in article.comments.keys() {
            if let Some(comment) = document.get(key) {
                self.comments.insert(key.0.clone());
                self.author(comment.author.key(), document);
            }
        }
    }

    fn author<T: Content + ?Sized>(&mut self, key: Option<&AuthorId>, document: &Document<T>) {
        let present = key.filter(|key| document.get(*key).is_some());
        self.authors.extend(present.map(|key| key.0.clone()));
    }

    /// The records that the cache has.
    fn kept(client: &Client<Reader>) -> Self {
        let cache = client.cache();
        Self {
            articles: cache.keys::<ArticleId>().into_iter().map(|key| key.0).collect(),
            authors: cache.keys::<AuthorId>().into_iter().map(|key| key.0).collect(),
            comments: cache.keys::<CommentId>().into_iter().map(|key| key.0).collect(),
        }
    }

    /// The records that the client lists with the documents that show them.
    fn inspected(client: &Client<Reader>) -> Self {
        let report = client.documents().inspect();
        let ids = |name: &str| {
            let records = report.types.iter().filter(|kind| kind.name == name).flat_map(|kind| &kind.records);
            records
                .inspect(|record| assert!(!record.shown_by.is_empty()))
                .map(|record| record.id.clone())
                .collect()
        };
        Self { articles: ids("articles"), authors: ids("authors"), comments: ids("comments") }
    }

    fn len(&self) -> usize {
        self.articles.len() + self.authors.len() + self.comments.len()
    }
}

#[tokio::test(start_paused = true)]
async fn after_reading_everything_there_are_exactly_the_records_that_documents_show() {
    let (folder, count) = (tempfile::tempdir().unwrap(), size());
    let client = reader(folder.path(), count).await;
    let began = Instant::now();
    let mut reading = Reading::new(client.clone());
    read(&mut reading).await;
    let (mut opened, mut deleted, mut most) = (HashSet::new(), 0_u32, 0);
    for round in 1.. {
        read(&mut reading).await;
        let key = reading.key().unwrap().clone();
        assert_eq!(reading.selected.value.as_ref().unwrap().key(), Some(key.clone()));
        opened.insert(key.clone());
        let is_deleted = change(&reading, round).await;
        reads(&mut reading).await;
        most = most.max(client.documents().records());
        if is_deleted {
            // The next article has taken its place.
            deleted += 1;
            continue;
        }
        reading.select(1);
        if reading.key() == Some(&key) {
            break;
        }
    }
    assert_eq!(opened.len(), count as usize);
    // Displaced documents go when the last reader of them does, which may be a task that just ends.
    reads(&mut reading).await;
    let shown = Shown::of(&client);
    assert_eq!(Shown::kept(&client), shown);
    assert_eq!(Shown::inspected(&client), shown);
    assert!(client.cache().keys::<GetArticle>().len() <= WINDOW + 1);
    println!(
        "{} articles opened, {deleted} of them deleted, in {:?} of the program's time; at most {most} records, {} in the end",
        opened.len(),
        began.elapsed(),
        shown.len()
    );
    // When the last document goes, nothing is left.
    drop(reading);
    client.cache().clear();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((client.documents().records(), Shown::kept(&client)), (0, Shown::default()));
}

#[tokio::test(start_paused = true)]
async fn a_renamed_author_changes_in_all_documents_in_one_commit() {
    let folder = tempfile::tempdir().unwrap();
    let client = reader(folder.path(), 40).await;
    let mut reading = Reading::new(client.clone());
    read(&mut reading).await;
    let (article, author) = (reading.key().unwrap().clone(), reading.author_key().unwrap());
    client.mutate(&Rename { author: author.clone(), name: "Zoe Quill".to_owned() }).await.map(drop).unwrap();

    let page = client.cache().peek_entry(&GetPage::first()).unwrap();
    let whole = client.cache().peek_entry(&GetArticle { id: article.0.to_string() }).unwrap();
    let person = client.cache().peek_entry(&GetAuthor { id: author.0.to_string() }).unwrap();
    let names = [page.value().get(&author), whole.value().get(&author), person.value().get(&author)];
    assert!(names.iter().all(|author| author.unwrap().name.value().unwrap().as_ref() == "Zoe Quill"));
    let revisions = [page.state().revision, whole.state().revision, person.state().revision];
    assert!(revisions.iter().all(|revision| *revision == revisions[0]), "{revisions:?}");
}

/// Changes something now and then, as a user does. Returns whether an article was deleted.
async fn change(reading: &Reading, round: usize) -> bool {
    let (client, article) = (reading.client(), reading.key().unwrap().clone());
    match round % 20 {
        5 => {
            let name = format!("Author of round {round}");
            client.mutate(&Rename { author: reading.author_key().unwrap(), name }).await.map(drop).unwrap();
        }
        10 => {
            let comment = PostComment::new(article, "Ada", &format!("Comment of round {round}."));
            client.mutate(&comment).await.map(drop).unwrap();
        }
        15 => client.mutate(&DeleteArticle { article }).await.unwrap(),
        _ => {}
    }
    round % 20 == 15
}
