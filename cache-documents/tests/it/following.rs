//! Which documents follow a change, and who is woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cache_core::{Cache, Freshness};
use cache_documents::{ChangeRecords, ClientDocuments, Document, Field, One, Resource};
use serde_json::{Value, json};

use crate::blog::{Article, ArticleId, Desk, GetArticle, Person, PersonId, blog, blog_with};

fn article(id: u32, author: &str, name: &str) -> Value {
    json!({
        "data": {
            "type": "articles", "id": id.to_string(), "attributes": {"title": format!("Title {id}")},
            "relationships": {"author": {"data": {"type": "people", "id": author}}}
        },
        "included": [{"type": "people", "id": author, "attributes": {"name": name}}]
    })
}

fn ann() -> PersonId {
    PersonId("9".into())
}

async fn articles(desk: &Desk, ids: std::ops::Range<u32>) {
    for id in ids {
        desk.answers(&format!("/articles/{id}"), article(id, "9", "Ann"));
        desk.article(id).await;
    }
}

async fn rename(desk: &Desk, name: &str) {
    let name = name.to_owned();
    desk.client.documents().patch(&ann(), move |person| person.name = name.clone().into()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_wakes_the_observers_of_documents_that_show_the_record_and_no_other() {
    let desk = blog();
    articles(&desk, 0..1_000).await;
    let mut observers: Vec<_> = (0..1_000).map(|id| desk.client.observe(&GetArticle(id))).collect();
    for observer in &mut observers {
        observer.next().await.unwrap();
    }
    let seven = ArticleId("7".into());
    desk.client
        .documents()
        .patch(&seven, |article| article.title = Field::Value("Seven".into()))
        .await
        .unwrap();
    let mut woken = Vec::new();
    for (id, observer) in observers.iter_mut().enumerate() {
        let next = tokio::time::timeout(Duration::from_millis(1), observer.next()).await;
        if next.is_ok() {
            woken.push(id);
        }
    }
    assert_eq!(woken, [7]);
}

#[tokio::test(start_paused = true)]
async fn several_changes_of_one_commit_are_one_state() {
    let desk = blog();
    articles(&desk, 1..2).await;
    let mut observer = desk.client.observe(&GetArticle(1));
    observer.next().await.unwrap();
    let changed = desk.client.change(|changes| {
        changes.patch(&ann(), |person| person.name = "Zoe".to_owned().into());
        changes.patch(&ArticleId("1".into()), |article| article.title = Field::Value("Uno".into()));
    });
    changed.await.unwrap();
    let state = observer.next().await.unwrap();
    let document = state.value().unwrap();
    assert_eq!(document.data().unwrap().title, Field::Value("Uno".into()));
    assert_eq!(document.get(&ann()).unwrap().name, Field::Value("Zoe".into()));
    assert!(tokio::time::timeout(Duration::from_millis(1), observer.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn beyond_256_documents_those_that_nobody_observes_or_pins_are_marked() {
    let desk = blog();
    articles(&desk, 0..257).await;
    let mut observer = desk.client.observe(&GetArticle(3));
    observer.next().await.unwrap();
    let pinned = desk.client.cache().pin(&GetArticle(4));
    rename(&desk, "Zoe").await;
    assert_eq!((desk.author(3), desk.author(4)), ("Zoe".to_owned(), "Zoe".to_owned()));
    let freshness = |id| desk.client.cache().get_entry(&GetArticle(id)).unwrap().state().freshness;
    assert_eq!((freshness(3), freshness(4)), (Freshness::Fresh, Freshness::Fresh));
    assert_eq!((freshness(5), desk.author(5)), (Freshness::Invalidated, "Ann".to_owned()));
    // The next reader loads it.
    desk.answers("/articles/5", article(5, "9", "Eve"));
    desk.article(5).await;
    assert_eq!(
        (freshness(5), desk.author(5), desk.author(3)),
        (Freshness::Fresh, "Eve".into(), "Eve".into())
    );
    drop(pinned);
}

#[tokio::test(start_paused = true)]
async fn a_marked_document_stays_marked_when_the_commit_changes_another_record_that_it_shows() {
    let desk = blog();
    articles(&desk, 0..257).await;
    let changed = desk.client.change(|changes| {
        changes.patch(&ann(), |person| person.name = "Zoe".to_owned().into());
        changes.patch(&ArticleId("5".into()), |article| article.title = Field::Value("Five".into()));
    });
    changed.await.unwrap();
    let entry = desk.client.cache().get_entry(&GetArticle(5)).unwrap();
    assert_eq!(entry.state().freshness, Freshness::Invalidated);
}

#[tokio::test(start_paused = true)]
async fn the_load_of_a_marked_document_is_stored_whatever_is_marked_meanwhile() {
    let desk = blog();
    articles(&desk, 0..257).await;
    rename(&desk, "Zoe").await;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    desk.waits_for("/articles/5", receiver);
    let renamed = async {
        desk.until_requested().await;
        rename(&desk, "Eve").await;
        sender.send(article(5, "9", "Zoe").to_string()).unwrap();
    };
    tokio::join!(desk.reload(5), renamed);
    let freshness = desk.client.cache().get_entry(&GetArticle(5)).unwrap().state().freshness;
    assert_eq!((freshness, desk.author(5)), (Freshness::Fresh, "Eve".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_document_follows_after_another_that_showed_the_record_is_gone() {
    let desk = blog();
    articles(&desk, 1..4).await;
    desk.client.cache().remove(&GetArticle(2));
    rename(&desk, "Zoe").await;
    assert_eq!((desk.author(1), desk.author(3)), ("Zoe".to_owned(), "Zoe".to_owned()));
    desk.client.cache().remove(&GetArticle(1));
    desk.client.cache().remove(&GetArticle(3));
    assert_eq!(desk.client.documents().records(), 0);
}

#[tokio::test(start_paused = true)]
async fn up_to_256_documents_are_rewritten() {
    let desk = blog();
    articles(&desk, 0..256).await;
    rename(&desk, "Zoe").await;
    assert!((0..256).all(|id| desk.author(id) == "Zoe"));
}

/// Takes time linear in the number of documents: it would not end soon if each searched itself among the others.
#[tokio::test(start_paused = true)]
async fn a_person_in_10_000_documents_is_renamed_and_goes_with_the_last_of_them() {
    const DOCUMENTS: u32 = 10_000;
    let desk =
        blog_with(Cache::builder().table::<GetArticle>(|table| table.capacity(2 * u64::from(DOCUMENTS))));
    let person = Arc::new(Person { name: "Ann".to_owned().into(), ..Person::absent() });
    let shown = Article { author: One::to(ann()), ..Article::absent() };
    let written = desk.client.change(|changes| {
        for id in 0..DOCUMENTS {
            let about = Document::about(&ArticleId(id.to_string().into()), shown.clone());
            changes.write(&GetArticle(id), about.showing(&ann(), Arc::clone(&person)));
        }
    });
    written.await.unwrap();
    let mut observer = desk.client.observe(&GetArticle(3));
    observer.next().await.unwrap();
    rename(&desk, "Zoe").await;
    assert_eq!(desk.author(3), "Zoe");
    let freshness = |id| desk.client.cache().get_entry(&GetArticle(id)).unwrap().state().freshness;
    let marked = (0..DOCUMENTS).filter(|id| freshness(*id) == Freshness::Invalidated).count();
    assert_eq!(marked, DOCUMENTS as usize - 1);
    drop(observer);
    assert!((1..DOCUMENTS).all(|id| desk.client.cache().remove(&GetArticle(id))));
    assert_eq!(desk.client.documents().records(), 2);
    assert!(desk.client.cache().remove(&GetArticle(0)));
    assert_eq!((desk.client.documents().records(), desk.person("9")), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_was_evicted_and_is_held_is_marked() {
    let desk = blog_with(Cache::builder().table::<GetArticle>(|table| table.capacity(1)));
    articles(&desk, 1..2).await;
    let held = desk.cached(1);
    articles(&desk, 2..3).await;
    rename(&desk, "Zoe").await;
    let entry = desk.client.cache().peek_entry(&GetArticle(1)).unwrap();
    assert!(Arc::ptr_eq(&held, entry.value()));
    assert_eq!(entry.state().freshness, Freshness::Invalidated);
    assert_eq!(desk.author(2), "Zoe");
}

/// Two documents that are read at one moment show the same person, whatever arrives meanwhile.
#[test]
fn readers_on_other_threads_never_see_two_moments() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let desk = blog();
    runtime.block_on(articles(&desk, 1..3));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut seen = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let (one, two) = desk.client.cache().get_all((&GetArticle(1), &GetArticle(2)));
                    let (one, two) = (one.unwrap(), two.unwrap());
                    assert!(Arc::ptr_eq(one.get(&ann()).unwrap(), two.get(&ann()).unwrap()));
                    seen += 1;
                }
                assert!(seen > 0);
            });
        }
        runtime.block_on(async {
            for round in 0..500 {
                desk.answers("/articles/1", article(1, "9", &format!("Ann {round}")));
                desk.answers("/articles/2", article(2, "9", &format!("Zoe {round}")));
                tokio::join!(desk.reload(1), desk.reload(2));
                rename(&desk, "Eve").await;
            }
        });
        is_over.store(true, Ordering::Relaxed);
    });
}
