//! Responses that arrive in another order than they were requested in.

use std::time::Duration;

use cache_core::LoadingOptions;
use cache_documents::{ClientDocuments, Field};
use serde_json::{Value, json};

use crate::blog::{ArticleId, Desk, GetArticle, GetFeed, PersonId, blog, takes};

/// Article 1, with this author.
fn article(author: Value) -> Value {
    json!({"type": "articles", "id": "1", "attributes": {"title": "One"}, "relationships": {"author": author}})
}

fn by(id: &str) -> Value {
    json!({"data": {"type": "people", "id": id}})
}

/// Article 1 by person 9, with this name.
fn named(id: &str, name: &str) -> Value {
    json!({
        "data": {"type": "articles", "id": id, "relationships": {"author": by("9")}},
        "included": [{"type": "people", "id": "9", "attributes": {"name": name}}]
    })
}

async fn feed(desk: &Desk, id: u32, body: Value) {
    desk.answers(&format!("/feed/{id}"), body);
    let refresh = |options: LoadingOptions| options.strategy(cache_client::Strategy::Refresh);
    desk.client.query_with(&GetFeed(id), refresh).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_data_and_the_links_of_a_relationship_are_written_apart() {
    let desk = blog();
    feed(&desk, 1, json!({"data": [article(json!({"data": by("9")["data"], "links": {"related": "/a"}}))]}))
        .await;
    feed(&desk, 2, json!({"data": [article(json!({"data": by("8")["data"], "meta": {"rank": 1}}))]})).await;
    let shown = desk.client.cache().get(&ArticleId("1".into())).unwrap();
    assert_eq!((shown.author.key(), shown.author.related()), (Some(&PersonId("8".into())), Some("/a")));
    feed(&desk, 2, json!({"data": [article(json!({"links": {"related": "/b"}}))]})).await;
    let shown = desk.client.cache().get(&ArticleId("1".into())).unwrap();
    assert_eq!((shown.author.key(), shown.author.related()), (Some(&PersonId("8".into())), Some("/b")));
    assert!(shown.author.meta().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_earlier_request_writes_the_parts_of_a_relationship_that_later_ones_have_not() {
    let desk = blog();
    let author = json!({"data": by("9")["data"], "links": {"related": "/a"}, "meta": {"rank": 1}});
    desk.answers_after("/articles/1", 10, json!({"data": article(author)}));
    let later = async {
        takes(Duration::from_secs(1)).await;
        feed(&desk, 1, json!({"data": [article(json!({"links": {"related": "/b"}}))]})).await;
        feed(&desk, 2, json!({"data": [article(by("8"))]})).await;
    };
    let (document, ()) = tokio::join!(desk.article(1), later);
    let author = &document.data().unwrap().author;
    assert_eq!((author.key(), author.related()), (Some(&PersonId("8".into())), Some("/b")));
    assert!(author.meta().is_some(), "only the earlier request has brought it");
}

#[tokio::test(start_paused = true)]
async fn each_later_response_counts_while_an_earlier_request_runs() {
    let desk = blog();
    desk.answers_after("/articles/1", 10, named("1", "Ann"));
    desk.answers("/articles/2", named("2", "Zoe"));
    let later = async {
        takes(Duration::from_secs(1)).await;
        desk.article(2).await;
        desk.answers("/articles/2", named("2", "Eve"));
        desk.reload(2).await;
        assert_eq!(desk.author(2), "Eve");
    };
    tokio::join!(desk.article(1), later);
    assert_eq!((desk.author(1), desk.author(2)), ("Eve".to_owned(), "Eve".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_document_written_by_hand_is_newer_than_the_loads_that_run() {
    let desk = blog();
    desk.answers_after("/articles/1", 10, named("1", "Ann"));
    let written = async {
        takes(Duration::from_secs(5)).await;
        let document = desk.document(&named("2", "Zoe"));
        desk.client.documents().write(&GetArticle(2), document).await.unwrap();
    };
    tokio::join!(desk.article(1), written);
    assert_eq!((desk.author(1), desk.author(2)), ("Zoe".to_owned(), "Zoe".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_for_a_load_goes_when_the_load_has_ended() {
    let desk = blog();
    desk.answers_after("/articles/1", 10, named("1", "Ann"));
    let patched = async {
        takes(Duration::from_secs(5)).await;
        let documents = desk.client.documents();
        let eve = PersonId("8".into());
        assert!(!documents.patch(&eve, |person| person.name = "Eve".to_owned().into()).await.unwrap());
        assert_eq!(desk.person("8").unwrap().name, Field::Value("Eve".to_owned()));
    };
    tokio::join!(desk.article(1), patched);
    // The task of the load ends a little later than its caller.
    takes(Duration::from_secs(1)).await;
    assert!(desk.person("8").is_none(), "the load has not brought her");
    assert_eq!(desk.author(1), "Ann");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_counts_for_every_load_that_began_before_it() {
    let desk = blog();
    desk.answers_after("/articles/1", 6, named("1", "Ann"));
    desk.answers_after("/articles/2", 2, named("2", "Ann"));
    desk.answers_after("/articles/3", 10, named("3", "Ann"));
    let deleted = async {
        takes(Duration::from_secs(4)).await;
        assert_eq!(desk.author(2), "Ann");
        assert!(desk.client.documents().delete(&PersonId("9".into())).await.unwrap());
    };
    let (.., third, ()) = tokio::join!(desk.article(1), desk.article(2), desk.article(3), deleted);
    assert!(third.data().unwrap().author.data().is_null());
    assert!(desk.person("9").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_changed_record_goes_with_the_last_document() {
    let desk = blog();
    desk.answers("/articles/1", named("1", "Ann"));
    desk.article(1).await;
    let ann = PersonId("9".into());
    desk.client.documents().patch(&ann, |person| person.name = "Zoe".to_owned().into()).await.unwrap();
    desk.client.cache().remove(&GetArticle(1));
    assert!(desk.person("9").is_none());
}
