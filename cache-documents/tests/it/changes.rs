//! Records that are changed and deleted by hand, with the loads that run meanwhile.

use std::sync::Arc;
use std::time::Duration;

use cache_core::Freshness;
use cache_documents::{ChangeRecords, ClientDocuments, Field};
use serde_json::{Value, json};

use crate::blog::{ArticleId, Desk, GetArticle, GetFeed, PersonId, blog, takes};

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
    let document = cache_documents::ReadDocument::document(&desk.client, body.as_bytes()).unwrap();
    desk.client.documents().write(&GetArticle(2), document).await.unwrap();
    assert_eq!((desk.author(1), desk.author(2)), ("Zoe".to_owned(), "Zoe".to_owned()));
    rename(&desk, "Eve").await;
    assert_eq!((desk.author(1), desk.author(2)), ("Eve".to_owned(), "Eve".to_owned()));
    assert_eq!(desk.loads(), 1);
}
