//! Several changes in one commit, and commits that meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cache_core::Freshness;
use cache_documents::{ChangeRecords, ClientDocuments, Field};
use serde_json::{Value, json};

use crate::blog::{ArticleId, Desk, GetArticle, GetFeed, PersonId, blog};

fn article(id: u32) -> Value {
    json!({
        "type": "articles", "id": id.to_string(), "attributes": {"title": format!("Title {id}")},
        "relationships": {"author": {"data": {"type": "people", "id": "9"}}}
    })
}

fn feed(ids: impl IntoIterator<Item = u32>) -> Value {
    let people = json!([{"type": "people", "id": "9", "attributes": {"name": "Ann", "age": 40}}]);
    json!({"data": ids.into_iter().map(article).collect::<Vec<_>>(), "included": people})
}

async fn desk_with_feed(ids: impl IntoIterator<Item = u32>) -> Desk {
    let desk = blog();
    desk.answers("/feed/1", feed(ids));
    desk.client.query(&GetFeed(1)).await.unwrap();
    desk
}

fn ann() -> PersonId {
    PersonId("9".into())
}

fn id(number: u32) -> ArticleId {
    ArticleId(number.to_string().into())
}

fn titles(desk: &Desk) -> Vec<String> {
    let feed = desk.client.cached(&GetFeed(1)).unwrap();
    feed.data().map(|article| article.title.value().unwrap().to_string()).collect()
}

/// Makes Ann a year older, on another thread.
fn age_meanwhile(desk: &Desk) {
    let aged = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let documents = desk.client.documents();
        runtime.block_on(documents.patch(&ann(), |person| person.age = 41.into())).unwrap();
    };
    thread::scope(|scope| scope.spawn(aged).join().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_was_computed_from_an_older_record_is_computed_again() {
    let desk = desk_with_feed([1]).await;
    let is_first = AtomicBool::new(true);
    let (documents, ann) = (desk.client.documents(), ann());
    let patched = documents.patch(&ann, |person| {
        if is_first.swap(false, Ordering::Relaxed) {
            age_meanwhile(&desk);
        }
        person.name = "Zoe".to_owned().into();
    });
    assert!(patched.await.unwrap());
    let person = desk.person("9").unwrap();
    assert_eq!((person.name.value().unwrap().as_str(), person.age), ("Zoe", 41.into()));
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_records_another_has_changed_is_planned_again() {
    for at in [1, 2] {
        let desk = desk_with_feed([1]).await;
        let is_first = AtomicBool::new(true);
        let meanwhile = |now| {
            if now == at && is_first.swap(false, Ordering::Relaxed) {
                age_meanwhile(&desk);
            }
        };
        let changed = desk.client.change(|changes| {
            changes.patch(&ann(), |person| person.name = "Zoe".to_owned().into());
            meanwhile(1);
            changes.patch(&id(1), |article| article.title = Field::Value("Uno".into()));
            meanwhile(2);
        });
        changed.await.unwrap();
        let person = desk.person("9").unwrap();
        assert_eq!((person.name.value().unwrap().as_str(), person.age), ("Zoe", 41.into()));
        let feed = desk.client.cached(&GetFeed(1)).unwrap();
        assert!(Arc::ptr_eq(feed.get(&ann()).unwrap(), &person));
        assert_eq!(titles(&desk), ["Uno"]);
    }
}

#[tokio::test(start_paused = true)]
async fn records_that_are_deleted_and_changed_in_one_commit_are_the_right_ones() {
    let desk = desk_with_feed(1..=5).await;
    let changed = desk.client.change(|changes| {
        for deleted in [4, 1, 3] {
            changes.delete(&id(deleted));
        }
        changes.patch(&id(5), |article| article.title = Field::Value("Cinque".into()));
        changes.delete(&ann());
    });
    changed.await.unwrap();
    assert_eq!(titles(&desk), ["Title 2", "Cinque"]);
    let feed = desk.client.cached(&GetFeed(1)).unwrap();
    for number in 1..=5 {
        let shown = feed.get(&id(number));
        assert_eq!(shown.is_some(), [2, 5].contains(&number));
        assert!(shown.is_none_or(|article| article.author.data().is_null()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_documents_written_in_one_commit_say_of_a_record_is_merged() {
    let desk = blog();
    let document = |number, attributes: Value| {
        let included = json!([{"type": "people", "id": "9", "attributes": attributes}]);
        desk.document(&json!({"data": article(number), "included": included}))
    };
    let (one, two) = (document(1, json!({"name": "Ann"})), document(2, json!({"age": 40})));
    let changed = desk.client.change(|changes| {
        changes.set(GetArticle(1), one.clone());
        changes.set(GetArticle(2), two.clone());
    });
    changed.await.unwrap();
    for number in [1, 2] {
        let document = desk.cached(number);
        let person = document.get(&ann()).unwrap();
        assert_eq!((person.name.value().unwrap().as_str(), person.age), ("Ann", 40.into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_record_leaves_every_field_that_names_it() {
    let desk = blog();
    let mut body = article(1);
    body["relationships"]["editors"] =
        json!({"data": [{"type": "people", "id": "9"}, {"type": "people", "id": "8"}]});
    desk.answers("/articles/1", json!({"data": body}));
    desk.article(1).await;
    desk.client.documents().delete(&ann()).await.unwrap();
    let document = desk.cached(1);
    let shown = document.data().unwrap();
    assert!(shown.author.data().is_null());
    assert_eq!(shown.editors.keys(), [PersonId("8".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_document_whose_record_is_deleted_in_the_same_commit_is_marked() {
    let desk = blog();
    let document = desk.document(&json!({"data": article(1)}));
    let changed = desk.client.change(|changes| {
        changes.set(GetArticle(1), document.clone());
        changes.delete(&id(1));
    });
    changed.await.unwrap();
    let entry = desk.client.cache().get_entry(&GetArticle(1)).unwrap();
    assert!(entry.value().data().is_none());
    assert_eq!(entry.state().freshness, Freshness::Invalidated);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_says_what_a_deletion_has_left_keeps_the_document() {
    let desk = desk_with_feed([1, 2]).await;
    desk.client.documents().delete(&id(1)).await.unwrap();
    let left = desk.client.cached(&GetFeed(1)).unwrap();
    desk.answers("/feed/1", feed([2]));
    reload_feed(&desk).await;
    assert!(Arc::ptr_eq(&left, &desk.client.cached(&GetFeed(1)).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_was_requested_before_a_deletion_is_stored_without_the_record() {
    let desk = blog();
    desk.answers_after("/feed/1", 10, feed([1, 2]));
    let deleted = async {
        crate::blog::takes(std::time::Duration::from_secs(5)).await;
        desk.client.documents().delete(&id(1)).await.unwrap();
    };
    let (stored, ()) = tokio::join!(desk.client.query(&GetFeed(1)), deleted);
    assert_eq!(titles(&desk), ["Title 2"]);
    desk.answers("/feed/1", feed([2]));
    reload_feed(&desk).await;
    assert!(Arc::ptr_eq(&stored.unwrap(), &desk.client.cached(&GetFeed(1)).unwrap()), "it says the same");
}

async fn reload_feed(desk: &Desk) {
    let refresh = |options: cache_core::LoadingOptions| options.strategy(cache_client::Strategy::Refresh);
    desk.client.query_with(&GetFeed(1), refresh).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_response_that_differs_in_anything_is_a_new_document() {
    let desk = desk_with_feed([1, 2]).await;
    let with = |body: &Value, name: &str, value: Value| {
        let mut body = body.clone();
        body[name] = value;
        body
    };
    let person = |id| json!({"type": "people", "id": id, "attributes": {"name": "Ann", "age": 40}});
    let reversed = feed([2, 1]);
    let with_meta = with(&reversed, "meta", json!({"total": 2}));
    let unlisted = json!([person("9"), {"type": "tags", "id": "1"}]);
    let skipping = with(&with_meta, "included", unlisted);
    let more_people = with(&with_meta, "included", json!([person("9"), person("99")]));
    let no_people = with(&with_meta, "included", json!([]));
    let bodies =
        [&reversed, &with_meta, &skipping, &with_meta, &more_people, &with_meta, &no_people, &with_meta];
    for body in bodies.into_iter().chain([&feed([2, 1, 3]), &feed([3])]) {
        let before = desk.client.cached(&GetFeed(1)).unwrap();
        desk.answers("/feed/1", body);
        reload_feed(&desk).await;
        let after = desk.client.cached(&GetFeed(1)).unwrap();
        assert!(!Arc::ptr_eq(&before, &after), "{body}");
        assert_eq!(titles(&desk).len(), body["data"].as_array().unwrap().len());
        assert_eq!(after.meta().is_some(), body.get("meta").is_some());
        assert_eq!(after.skipped(), usize::from(*body == skipping));
    }
}
