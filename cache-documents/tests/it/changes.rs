//! Records that are changed and deleted by hand, with the loads that run meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_core::{EntryTimes, Freshness};
use cache_documents::{ChangeRecords, ClientDocuments, Field, ReadDocument};
use serde_json::{Value, json};

use crate::blog::{Article, ArticleId, Desk, GetArticle, GetFeed, PersonId, blog, takes};

fn article(id: u32, title: &str, author: &str, name: &str) -> Value {
    json!({
        "data": {
            "type": "articles", "id": id.to_string(), "attributes": {"title": title},
            "relationships": {"author": {"data": {"type": "people", "id": author}}}
        },
        "included": [{"type": "people", "id": author, "attributes": {"name": name}}]
    })
}

fn ann() -> PersonId {
    PersonId("9".into())
}

async fn rename(desk: &Desk, name: &str) -> bool {
    let name = name.to_owned();
    desk.client.documents().patch(&ann(), move |person| person.name = name.clone().into()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_patched_record_is_shown_by_every_document_at_once() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.answers("/articles/2", article(2, "Two", "9", "Ann"));
    desk.article(1).await;
    desk.article(2).await;
    assert!(rename(&desk, "Zoe").await);
    assert_eq!((desk.author(1), desk.author(2)), ("Zoe".to_owned(), "Zoe".to_owned()));
    let revision = |id| desk.client.cache().get_entry(&GetArticle(id)).unwrap().revision();
    assert_eq!(revision(1), revision(2));
    assert_eq!(desk.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_changes_nothing_writes_nothing() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    let document = desk.article(1).await;
    assert!(rename(&desk, "Ann").await);
    assert!(Arc::ptr_eq(&document, &desk.cached(1)));
    assert!(!desk.client.documents().patch(&PersonId("7".into()), |_| {}).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_load_that_runs_does_not_undo_a_patch() {
    let desk = blog();
    desk.answers_after("/articles/1", 10, article(1, "One", "9", "Ann"));
    let patched = async {
        takes(Duration::from_secs(5)).await;
        // Nobody shows her yet.
        assert!(!rename(&desk, "Zoe").await);
    };
    tokio::join!(desk.article(1), patched);
    assert_eq!(desk.author(1), "Zoe");
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.reload(1).await;
    assert_eq!(desk.author(1), "Ann", "a later load is newer than the patch");
}

#[tokio::test(start_paused = true)]
async fn a_patch_of_what_nobody_shows_is_not_kept_without_loads() {
    let desk = blog();
    assert!(!rename(&desk, "Zoe").await);
    assert!(desk.person("9").is_none());
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.article(1).await;
    assert_eq!(desk.author(1), "Ann");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_record_leaves_lists_and_links_and_marks_what_is_about_it() {
    let desk = blog();
    let both = json!({
        "data": [article(1, "One", "9", "Ann")["data"], article(2, "Two", "9", "Ann")["data"]],
        "included": [{"type": "people", "id": "9", "attributes": {"name": "Ann"}}]
    });
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.answers("/feed/1", both);
    desk.article(1).await;
    desk.client.query(&GetFeed(1)).await.unwrap();
    let documents = desk.client.documents();
    assert!(documents.delete(&ArticleId("1".into())).await.unwrap());
    let feed = desk.client.cached(&GetFeed(1)).unwrap();
    let titles: Vec<_> = feed.data().map(|article| article.title.clone()).collect();
    assert_eq!(titles, [Field::Value("Two".into())]);
    let entry = desk.client.cache().get_entry(&GetArticle(1)).unwrap();
    assert_eq!(entry.state().freshness, Freshness::Invalidated);
    assert!(documents.delete(&ann()).await.unwrap());
    let feed = desk.client.cached(&GetFeed(1)).unwrap();
    let article = feed.data().next().unwrap();
    assert!(article.author.data().is_null() && feed.get(&ann()).is_none());
    assert!(desk.person("9").is_none());
    assert!(!documents.delete(&ann()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_load_that_runs_does_not_bring_back_what_was_deleted_and_a_later_one_does() {
    let desk = blog();
    desk.answers_after("/articles/1", 10, article(1, "One", "9", "Ann"));
    let deleted = async {
        takes(Duration::from_secs(5)).await;
        desk.client.documents().delete(&ann()).await.unwrap();
    };
    let (document, ()) = tokio::join!(desk.article(1), deleted);
    let shown = document.data().unwrap();
    assert!(shown.author.data().is_null() && document.get(&ann()).is_none());
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.reload(1).await;
    assert_eq!(desk.author(1), "Ann");
}

#[tokio::test(start_paused = true)]
async fn several_records_change_in_one_commit() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.article(1).await;
    let before = desk.client.cache().get_entry(&GetArticle(1)).unwrap().revision().get();
    let changed = desk.client.change(|changes| {
        changes.patch(&ann(), |person| person.name = "Zoe".to_owned().into());
        changes.patch(&ArticleId("1".into()), |article| article.title = Field::Value("Uno".into()));
        changes.patch(&ann(), |person| person.age = 41.into());
    });
    changed.await.unwrap();
    let document = desk.cached(1);
    let person = document.get(&ann()).unwrap();
    assert_eq!((person.name.value().unwrap().as_str(), person.age), ("Zoe", 41.into()));
    assert_eq!(document.data().unwrap().title, Field::Value("Uno".into()));
    let after = desk.client.cache().get_entry(&GetArticle(1)).unwrap().revision().get();
    assert_eq!(after, before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_document_written_by_hand_is_an_answer_like_any_other() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.article(1).await;
    let body = article(2, "Two", "9", "Zoe").to_string();
    let document = desk.client.document(body.as_bytes()).unwrap();
    desk.client.documents().write(&GetArticle(2), document).await.unwrap();
    assert_eq!((desk.author(1), desk.author(2)), ("Zoe".to_owned(), "Zoe".to_owned()));
    rename(&desk, "Eve").await;
    assert_eq!((desk.author(1), desk.author(2)), ("Eve".to_owned(), "Eve".to_owned()));
    assert_eq!(desk.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn documents_written_in_one_commit_show_the_same_records() {
    let desk = blog();
    let document = |id, name| {
        let body = article(id, "Title", "9", name).to_string();
        desk.client.document::<Article>(body.as_bytes()).unwrap()
    };
    let (one, two) = (document(1, "Ann"), document(2, "Zoe"));
    let times = EntryTimes::new().fresh(Duration::from_secs(5));
    let changed = desk.client.change(|changes| {
        changes.set_timed(GetArticle(1), one.clone(), times);
        changes.set(GetArticle(2), two.clone());
        changes.patch(&ann(), |person| person.age = 41.into());
    });
    changed.await.unwrap();
    for id in [1, 2] {
        let document = desk.cached(id);
        let person = document.get(&ann()).unwrap();
        assert_eq!((person.name.value().unwrap().as_str(), person.age), ("Zoe", 41.into()));
        assert!(Arc::ptr_eq(person, &desk.person("9").unwrap()));
    }
    let state = desk.client.cache().get_entry(&GetArticle(1)).unwrap().state();
    assert_eq!(state.fresh_for, Some(Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_before_a_clear_writes_nothing() {
    let desk = blog();
    desk.answers_after("/articles/1", 10, article(1, "One", "9", "Ann"));
    desk.answers(
        "/articles/2",
        json!({
            "data": {
                "type": "articles", "id": "2",
                "relationships": {"author": {"data": {"type": "people", "id": "9"}}}
            },
            "included": [{"type": "people", "id": "9", "attributes": {"age": 41}}]
        }),
    );
    let cleared = async {
        takes(Duration::from_secs(5)).await;
        desk.client.cache().clear();
        desk.article(2).await;
    };
    let (document, ()) = tokio::join!(desk.article(1), cleared);
    assert_eq!(document.get(&ann()).unwrap().name, Field::Value("Ann".to_owned()), "its caller has it");
    assert!(desk.client.cached(&GetArticle(1)).is_none());
    assert!(desk.person("9").unwrap().name.is_absent());
    assert!(desk.client.cache().get(&ArticleId("1".into())).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_was_given_up_is_not_remembered() {
    let desk = blog();
    desk.answers("/articles/2", article(2, "Two", "8", "Ben"));
    desk.article(2).await;
    desk.answers_after("/articles/1", 10, article(1, "One", "9", "Ann"));
    let given_up = async {
        takes(Duration::from_secs(5)).await;
        let runs = AtomicUsize::new(0);
        let changed = desk.client.change(|changes| {
            changes.get(&GetArticle(2));
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                changes.patch(&ann(), |person| person.name = "Zoe".to_owned().into());
                // Meets what was read.
                desk.client.cache().remove(&GetArticle(2));
            }
        });
        changed.await.unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    };
    tokio::join!(desk.article(1), given_up);
    assert_eq!(desk.author(1), "Ann");
}
