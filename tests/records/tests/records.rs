//! A crate on top of the client commits what it extracts from answers together with them.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeMap;
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::{App, Client, Context, Fetch, MemoryProvider, QueryError, Strategy, TokioClock};
use cache_core::{Builder, Cache, Freshness, Query, registry};
use cache_test_records::{
    Article, ArticleError, Articles, GetArticle, GetFeed, Person, PersonId, share_authors,
};
use parking_lot::Mutex;

/// Stores its answer by a step of its own.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 100, fresh = "60s")]
pub struct GetCount(u32);

/// Written by the steps of counts.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 100)]
pub struct GetTotal;

registry! {
    pub struct Registry {
        PersonId,
        GetArticle,
        GetFeed,
        crate::GetCount,
        crate::GetTotal,
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// Each load takes a second.
#[derive(Default)]
struct Blog {
    names: Mutex<BTreeMap<u32, String>>,
    loads: AtomicUsize,
    loads_of: Mutex<BTreeMap<u32, usize>>,
    running: AtomicUsize,
    most: AtomicUsize,
    is_down: AtomicBool,
}

impl App for Blog {
    type Registry = Registry;
}

impl Articles for Blog {
    /// All articles have author 9.
    async fn article(&self, id: u32) -> Result<Article, ArticleError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        *self.loads_of.lock().entry(id).or_default() += 1;
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        let name = self.names.lock().get(&9).cloned().unwrap_or("Ann".into());
        takes(SECOND).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(ArticleError::Down);
        }
        Ok(article(id, &name))
    }

    fn feed(&self) -> Vec<u32> {
        vec![1, 2, 3]
    }
}

/// A step that counts the counts, and panics at 13. The step of the first run of 7 meets a conflict.
impl Fetch<Blog> for GetCount {
    type Error = ArticleError;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<u64, ArticleError> {
        let (key, runs) = (self.0, AtomicUsize::new(0));
        cx.store_with(move |count: Arc<u64>, store| {
            if key == 13 {
                panic_any("unlucky");
            }
            let total = store.get(&GetTotal).map_or(0, |total| *total);
            if key == 7 && runs.fetch_add(1, Ordering::SeqCst) == 0 {
                store.client().cache().insert(GetTotal, 100);
            }
            store.set(GetTotal, total + *count);
            Arc::new(*count + 1)
        });
        takes(SECOND).await;
        Ok(u64::from(self.0))
    }
}

/// Sleeps on tokio's paused clock. The clock advances when all tasks are idle, so that no test waits in real time.
async fn takes(time: Duration) {
    tokio::time::sleep(time).await;
}

fn article(id: u32, name: &str) -> Article {
    let (title, author) = (format!("Article {id}").into(), Arc::new(Person { name: name.into() }));
    Article { id, title, author_id: 9, author }
}

fn client_of(cache: Builder<Registry>) -> Client<Blog> {
    let cache = cache.clock(TokioClock::new()).build().unwrap();
    share_authors(Client::builder(cache, Blog::default())).build()
}

fn blog_client() -> Client<Blog> {
    client_of(Cache::builder())
}

fn rename(client: &Client<Blog>, name: &str) {
    client.app().names.lock().insert(9, name.into());
}

fn author_of(client: &Client<Blog>, id: u32) -> String {
    client.cached(&GetArticle(id)).unwrap().author.name.clone()
}

fn loads(client: &Client<Blog>) -> usize {
    client.app().loads.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_record_is_committed_with_its_answer() {
    let client = blog_client();
    let article = client.query(&GetArticle(1)).await.unwrap();
    let record = client.cache().peek_entry(&PersonId(9)).unwrap();
    assert!(Arc::ptr_eq(record.value(), &article.author), "the answer shows the record itself");
    let answer = client.cache().peek_entry(&GetArticle(1)).unwrap();
    assert_eq!(answer.revision(), record.revision());
    assert!(Arc::ptr_eq(answer.value(), &article), "callers get what is stored");
}

#[tokio::test(start_paused = true)]
async fn answers_that_show_a_record_follow_it_without_a_load() {
    let client = blog_client();
    client.query(&GetArticle(1)).await.unwrap();
    takes(30 * SECOND).await;
    rename(&client, "Zoe");
    let before = client.cached(&GetArticle(1)).unwrap();
    client.query(&GetArticle(2)).await.unwrap();
    let entry = client.cache().peek_entry(&GetArticle(1)).unwrap();
    assert_eq!(entry.value().author.name, "Zoe");
    assert!(Arc::ptr_eq(&entry.value().title, &before.title), "the rest is as before");
    assert_eq!(entry.revision(), client.cache().peek_entry(&GetArticle(2)).unwrap().revision());
    assert_eq!(entry.age(), 32 * SECOND, "and as old as before");
    assert_eq!(loads(&client), 2);
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_retired_load_is_written_and_its_answer_is_not() {
    let client = blog_client();
    let load = tokio::spawn({
        let client = client.clone();
        async move { client.query(&GetArticle(1)).await.unwrap() }
    });
    takes(SECOND / 2).await;
    client.invalidate(&GetArticle(1));
    let answer = load.await.unwrap();
    assert!(client.cached(&GetArticle(1)).is_none());
    assert!(Arc::ptr_eq(&client.cache().peek(&PersonId(9)).unwrap(), &answer.author));
}

/// Otherwise two polled answers that share a record would make each other's loads out of date.
#[tokio::test(start_paused = true)]
async fn loads_of_answers_that_share_a_record_stay_current() {
    let client = blog_client();
    for id in [1, 2] {
        client.query(&GetArticle(id)).await.unwrap();
    }
    let _observers =
        [1, 2].map(|id| client.observe_with(&GetArticle(id), |options| options.poll(10 * SECOND)));
    for round in 0..10 {
        rename(&client, &format!("name {round}"));
        takes(11 * SECOND).await;
    }
    let rounds = loads(&client) - 2;
    assert!((18..=22).contains(&rounds), "{rounds} loads of two keys in ten rounds");
    takes(SECOND).await;
    assert_eq!([1, 2].map(|id| author_of(&client, id)), ["name 9", "name 9"]);
}

/// A following write is no answer of the origin.
#[tokio::test(start_paused = true)]
async fn an_answer_that_follows_others_is_polled_on_time() {
    let client = blog_client();
    let observer = client.observe_with(&GetArticle(1), |options| options.poll(10 * SECOND));
    takes(2 * SECOND).await;
    for round in 0..15 {
        rename(&client, &format!("name {round}"));
        client.query_with(&GetArticle(2), |options| options.strategy(Strategy::Refresh)).await.unwrap();
        takes(SECOND).await;
        let shown = observer.state().value().map(|article| article.author.name.clone());
        assert_eq!(shown, Some(format!("name {round}")), "observers see each following write");
    }
    let loads = client.app().loads_of.lock()[&1];
    assert!((3..=4).contains(&loads), "{loads} loads in 32 seconds");
}

#[tokio::test(start_paused = true)]
async fn pushed_answers_are_stored_by_the_step_too() {
    let client = blog_client();
    client.query(&GetArticle(1)).await.unwrap();
    client.change(|changes| drop(changes.set(GetArticle(2), article(2, "Zoe")))).await.unwrap();
    assert_eq!([1, 2].map(|id| author_of(&client, id)), ["Zoe", "Zoe"]);
    let record = client.cache().peek_entry(&PersonId(9)).unwrap();
    assert_eq!(record.revision(), client.cache().peek_entry(&GetArticle(2)).unwrap().revision());

    client
        .change(|changes| {
            changes.store_with(GetTotal, 1, |total, store| {
                store.set(GetCount(1), *total);
                Arc::new(*total + 1)
            });
        })
        .await
        .unwrap();
    let stored =
        (client.cache().peek(&GetTotal).map(|total| *total), client.cached(&GetCount(1)).map(|count| *count));
    assert_eq!(stored, (Some(2), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn answers_from_a_provider_are_stored_by_the_step_too() {
    let provider = Arc::new(MemoryProvider::new(100));
    let start = || {
        let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
        share_authors(Client::builder(cache, Blog::default())).provider(Arc::clone(&provider)).build()
    };
    let first = start();
    first.query(&GetArticle(1)).await.unwrap();
    takes(SECOND).await;

    let second = start();
    second.query(&GetArticle(1)).await.unwrap();
    assert_eq!(loads(&second), 0);
    assert_eq!(second.cache().peek(&PersonId(9)).unwrap().name, "Ann");

    takes(120 * SECOND).await;
    let third = start();
    third.app().is_down.store(true, Ordering::SeqCst);
    let stale = third.query(&GetArticle(1)).await.unwrap();
    let record = third.cache().peek(&PersonId(9)).expect("a stale copy fills the cache by the step");
    assert!(Arc::ptr_eq(&record, &third.cached(&GetArticle(1)).unwrap().author));
    assert_eq!(stale.author.name, "Ann");
}

#[tokio::test(start_paused = true)]
async fn an_old_copy_does_not_replace_a_newer_record() {
    let provider = Arc::new(MemoryProvider::new(100));
    let start = || {
        let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
        share_authors(Client::builder(cache, Blog::default())).provider(Arc::clone(&provider)).build()
    };
    start().query(&GetArticle(1)).await.unwrap();
    takes(SECOND).await;
    let second = start();
    rename(&second, "Zoe");
    let newer = second.query(&GetArticle(2)).await.unwrap();
    let found = second.query(&GetArticle(1)).await.unwrap();
    assert_eq!((loads(&second), found.author.name.as_str()), (1, "Zoe"));
    assert!(Arc::ptr_eq(&found.author, &newer.author));
}

#[tokio::test(start_paused = true)]
async fn a_followed_answer_leaves_no_old_copy_in_the_provider() {
    let provider = Arc::new(MemoryProvider::new(100));
    let cache = || Cache::builder().clock(TokioClock::new()).build().unwrap();
    let client =
        share_authors(Client::builder(cache(), Blog::default())).provider(Arc::clone(&provider)).build();
    client.query(&GetArticle(1)).await.unwrap();
    rename(&client, "Zoe");
    client.query(&GetArticle(2)).await.unwrap();
    takes(SECOND).await;
    let next = share_authors(Client::builder(cache(), Blog::default())).provider(provider).build();
    next.query(&GetArticle(1)).await.unwrap();
    assert_eq!(loads(&next), 1, "its copy was removed");
}

#[tokio::test(start_paused = true)]
async fn a_step_runs_again_if_what_it_has_read_was_changed() {
    let client = blog_client();
    assert_eq!(*client.query(&GetCount(5)).await.unwrap(), 6);
    assert_eq!(client.cache().peek(&GetTotal).map(|total| *total), Some(5));
    assert_eq!(*client.query(&GetCount(7)).await.unwrap(), 8);
    assert_eq!(client.cache().peek(&GetTotal).map(|total| *total), Some(107));
    assert_eq!(client.cached(&GetCount(7)).map(|count| *count), Some(8));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_panics_stores_nothing() {
    let client = blog_client();
    let error = client.query(&GetCount(13)).await.unwrap_err();
    assert!(matches!(error, QueryError::Panicked { .. }), "{error}");
    assert!(client.cached(&GetCount(13)).is_none() && client.cache().peek(&GetTotal).is_none());
    assert_eq!(*client.query(&GetCount(5)).await.unwrap(), 6, "other loads go on");
}

#[tokio::test(start_paused = true)]
async fn no_hook_runs_for_what_a_load_stores() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let client = client_of(Cache::builder().before_commit_async(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Err("refused".into()) }
    }));
    client.query(&GetArticle(1)).await.unwrap();
    assert_eq!((author_of(&client, 1), asked.load(Ordering::SeqCst)), ("Ann".into(), 0));
    client.change(|changes| drop(changes.set(GetArticle(2), article(2, "Zoe")))).await.unwrap_err();
    assert_eq!((author_of(&client, 1), asked.load(Ordering::SeqCst)), ("Ann".into(), 1), "pushed values do");
}

#[tokio::test(start_paused = true)]
async fn nested_loads_end_with_one_place_for_loads() {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    let client = share_authors(Client::builder(cache, Blog::default())).concurrency(1).build();
    let queries = (client.query(&GetFeed), client.query(&GetArticle(4)), client.query(&GetArticle(1)));
    let all = async { tokio::join!(queries.0, queries.1, queries.2) };
    let (feed, fourth, first) =
        tokio::time::timeout(100 * SECOND, all).await.expect("they do not wait for each other");
    assert_eq!((&**feed.unwrap(), fourth.unwrap().id, first.unwrap().id), (&[1, 2, 3][..], 4, 1));
    assert_eq!((loads(&client), client.app().most.load(Ordering::SeqCst)), (4, 1));
    assert_eq!(client.cache().peek(&PersonId(9)).unwrap().name, "Ann");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_derived_from_others_is_marked_with_them() {
    let client = blog_client();
    client.query(&GetFeed).await.unwrap();
    let freshness = |client: &Client<Blog>| client.cache().peek_entry(&GetFeed).unwrap().freshness();
    // Each article is rewritten when the next one shows its author, which has the same name: nothing follows.
    assert_eq!(freshness(&client), Freshness::Fresh);
    rename(&client, "Zoe");
    client.query(&GetArticle(4)).await.unwrap();
    assert_eq!(freshness(&client), Freshness::Invalidated, "articles 1 to 3 show another name");
}
