//! Documents in a provider: copies that a later run of the program finds, whose records are older than all others.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{Client, MemoryProvider, Provider, Strategy, TokioClock};
use cache_core::{Cache, LoadingOptions, TableOptions};
use cache_documents::{ClientDocuments, DocumentsBuilder, Field};
use cache_file::FileProvider;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::blog::{Blog, BlogRegistry, Desk, GetArticle, GetPerson, Person, PersonId, takes};

/// One run of the program, which finds the copies of earlier ones.
fn run(provider: impl Provider, clock: TokioClock) -> Desk {
    let cache = Cache::<BlogRegistry>::builder().clock(clock).build().unwrap();
    Desk { client: Client::builder(cache, Blog::default()).documents().provider(provider).build(), clock }
}

fn person(name: &str) -> Value {
    json!({"type": "people", "id": "9", "attributes": {"name": name, "age": 30}})
}

fn written_by(author: &Value) -> Value {
    json!({
        "data": {
            "type": "articles", "id": "1", "attributes": {"title": "One"},
            "relationships": {"author": {"data": {"type": "people", "id": author["id"]}}}
        },
        "included": [author]
    })
}

/// A provider with a copy of article 1, which a run of the program has left there.
async fn provider_with_a_copy(clock: TokioClock) -> Arc<MemoryProvider> {
    let provider = Arc::new(MemoryProvider::new(100));
    let desk = run(Arc::clone(&provider), clock);
    desk.answers("/articles/1", written_by(&person("Ann")));
    desk.article(1).await;
    // The copy is written after the answer was given.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(provider.len(), 1);
    provider
}

fn nine() -> PersonId {
    PersonId("9".into())
}

#[tokio::test(start_paused = true)]
async fn a_copy_shares_its_records_and_follows_changes_while_the_server_is_down() {
    let clock = TokioClock::new();
    let provider = provider_with_a_copy(clock).await;
    let desk = run(provider, clock);
    let document = desk.article(1).await;
    assert_eq!(desk.loads(), 0);
    assert!(Arc::ptr_eq(document.get(&nine()).unwrap(), &desk.person("9").unwrap()));
    assert_eq!(desk.client.documents().records(), 2);
    let zoe = |person: &mut Person| person.name = Field::Value("Zoe".into());
    desk.client.documents().patch(&nine(), zoe).await.unwrap();
    assert_eq!(desk.author(1), "Zoe");
    drop(document);
    desk.client.cache().remove(&GetArticle(1));
    assert_eq!(desk.client.documents().records(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_memory_counts_more_than_a_copy() {
    let clock = TokioClock::new();
    let provider = provider_with_a_copy(clock).await;
    let desk = run(Arc::clone(&provider), clock);
    let renamed = json!({"type": "people", "id": "9", "attributes": {"name": "Zoe"}});
    desk.answers("/people/9", json!({"data": renamed}));
    let about = desk.client.query(&GetPerson(9)).await.unwrap();
    assert!(about.data().unwrap().age.is_absent());

    let document = desk.article(1).await;
    assert_eq!((desk.loads(), desk.author(1)), (1, "Zoe".into()));
    let person = desk.person("9").unwrap();
    assert_eq!(person.age, Field::Value(30), "only the copy knows it");
    assert!(Arc::ptr_eq(document.get(&nine()).unwrap(), &person));
    let about = desk.client.cached(&GetPerson(9)).unwrap();
    assert!(Arc::ptr_eq(about.data().unwrap(), &person));
}

#[tokio::test(start_paused = true)]
async fn an_equal_record_keeps_its_allocation() {
    let clock = TokioClock::new();
    let provider = provider_with_a_copy(clock).await;
    let desk = run(provider, clock);
    desk.answers("/people/9", json!({"data": person("Ann")}));
    desk.client.query(&GetPerson(9)).await.unwrap();
    let (person, about) = (desk.person("9").unwrap(), desk.client.cached(&GetPerson(9)).unwrap());
    desk.article(1).await;
    assert!(Arc::ptr_eq(&desk.person("9").unwrap(), &person));
    assert!(Arc::ptr_eq(&desk.client.cached(&GetPerson(9)).unwrap(), &about));
    assert!(Arc::ptr_eq(desk.cached(1).get(&nine()).unwrap(), &person));
}

#[tokio::test(start_paused = true)]
async fn a_stale_copy_shares_its_records_too() {
    let clock = TokioClock::new();
    let options = |options: LoadingOptions| {
        options
            .strategy(Strategy::StaleWhileRevalidate)
            .fresh(Duration::from_secs(60))
            .swr(Duration::from_secs(600))
    };
    let provider = Arc::new(MemoryProvider::new(100));
    let with_options = || {
        // The table keeps nothing by itself, so that only the load keeps the stale document.
        let cache =
            Cache::<BlogRegistry>::builder().clock(clock).table::<GetArticle>(|_| TableOptions::new());
        let cache = cache.build().unwrap();
        let builder = Client::builder(cache, Blog::default()).documents().provider(Arc::clone(&provider));
        Desk { client: builder.query::<GetArticle>(options).build(), clock }
    };
    let desk = with_options();
    desk.answers("/articles/1", written_by(&person("Ann")));
    desk.article(1).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    takes(Duration::from_secs(61)).await;

    let desk = with_options();
    let (_sender, receiver) = oneshot::channel();
    desk.waits_for("/articles/1", receiver);
    let renamed = json!({"type": "people", "id": "9", "attributes": {"name": "Zoe"}});
    desk.answers("/people/9", json!({"data": renamed}));
    desk.client.query(&GetPerson(9)).await.unwrap();
    let limit = Duration::from_secs(30);
    let stale = tokio::time::timeout(limit, desk.article(1)).await.expect("the load does not end");
    assert!(Arc::ptr_eq(stale.get(&nine()).unwrap(), &desk.person("9").unwrap()));
    assert_eq!(stale.get(&nine()).unwrap().name, Field::Value("Zoe".into()));
    assert!(Arc::ptr_eq(&desk.cached(1), &stale));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_only_looks_into_the_provider_shares_its_records() {
    let clock = TokioClock::new();
    let provider = provider_with_a_copy(clock).await;
    let desk = run(provider, clock);
    desk.answers("/people/9", json!({"data": person("Zoe")}));
    desk.client.query(&GetPerson(9)).await.unwrap();
    let look = |options: LoadingOptions| options.strategy(Strategy::CacheOnly);
    let found = desk.client.query_with(&GetArticle(1), look).await.unwrap();
    assert!(Arc::ptr_eq(found.get(&nine()).unwrap(), &desk.person("9").unwrap()));
    assert_eq!((desk.author(1), desk.loads()), ("Zoe".into(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_copy_does_not_bring_back_what_was_deleted_while_a_load_runs() {
    let clock = TokioClock::new();
    let provider = provider_with_a_copy(clock).await;
    let desk = run(provider, clock);
    let (sender, receiver) = oneshot::channel();
    desk.waits_for("/people/8", receiver);
    let client = desk.client.clone();
    let load = tokio::spawn(async move { client.query(&GetPerson(8)).await.unwrap() });
    desk.until_requested().await;
    desk.client.documents().delete(&nine()).await.unwrap();

    let document = desk.article(1).await;
    assert_eq!(desk.loads(), 1);
    assert!(document.get(&nine()).is_none() && desk.person("9").is_none());
    assert!(document.data().unwrap().author.data().is_null());
    sender.send(json!({"data": {"type": "people", "id": "8"}}).to_string()).unwrap();
    load.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_damaged_copy_is_loaded_again() {
    let clock = TokioClock::new();
    let provider = provider_with_a_copy(clock).await;
    let desk = run(Arc::clone(&provider), clock);
    let key = desk.client.provider_key(&GetArticle(1)).unwrap();
    let bytes = provider.get(&key).await.unwrap().unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        provider.set(&key, damaged, Duration::from_secs(60)).await.unwrap();
        let desk = run(Arc::clone(&provider), clock);
        desk.answers("/articles/1", written_by(&person("Zoe")));
        desk.article(1).await;
        assert_eq!((desk.author(1), desk.loads()), ("Zoe".into(), 1), "byte {at}");
    }
}

/// Runs the program in a runtime of its own, whose tasks have ended when this returns.
fn in_a_run(program: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(program);
}

#[test]
fn a_file_keeps_documents_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.redb");
    in_a_run(async {
        let provider = Arc::new(FileProvider::open(&path).unwrap());
        let desk = run(Arc::clone(&provider), TokioClock::new());
        desk.answers("/articles/1", written_by(&person("Ann")));
        desk.article(1).await;
        let key = desk.client.provider_key(&GetArticle(1)).unwrap();
        let is_written = async {
            while provider.get(&key).await.unwrap().is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), is_written).await.expect("no copy is written");
    });
    in_a_run(async {
        let desk = run(FileProvider::open(&path).unwrap(), TokioClock::new());
        let document = desk.article(1).await;
        assert_eq!((desk.author(1), desk.loads()), ("Ann".into(), 0));
        assert!(Arc::ptr_eq(document.get(&nine()).unwrap(), &desk.person("9").unwrap()));
    });
}
