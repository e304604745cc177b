//! Documents in snapshots: what is saved, and how restored answers share their records.

use std::sync::Arc;

use cache_client::Client;
use cache_core::{Freshness, Residency};
use cache_documents::{
    AdoptReport, ClientDocuments, Document, DocumentsBuilder, Field, Id, Many, One, ReadDocument, Resource,
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::blog::{
    Article, ArticleId, Blog, Desk, GetArticle, GetFeed, GetPerson, Person, PersonId, blog, takes,
};
use crate::model::{Key, body, key, said, shown_article, shown_feed};
use crate::reading::{article, articles};

fn person(id: &str, name: &str) -> Value {
    json!({"type": "people", "id": id, "attributes": {"name": name}})
}

fn written_by(article: &str, author: Value) -> Value {
    json!({
        "data": {
            "type": "articles", "id": article, "attributes": {"title": "One"},
            "relationships": {"author": {"data": {"type": "people", "id": author["id"]}}}
        },
        "included": [author]
    })
}

/// What a document says after it was saved and read back.
fn read_back<T: Serialize + DeserializeOwned>(document: &T) -> T {
    serde_json::from_str(&serde_json::to_string(document).unwrap()).unwrap()
}

fn adopted(desk: &Desk) -> AdoptReport {
    desk.client.documents().adopted()
}

#[tokio::test(start_paused = true)]
async fn restored_answers_share_their_records_and_follow_changes() {
    let desk = blog();
    desk.answers("/articles/1", written_by("1", person("9", "Ann")));
    desk.answers("/articles/2", written_by("2", person("9", "Ann")));
    desk.answers(
        "/feed/1",
        json!({
            "data": [{"type": "articles", "id": "1"}, {"type": "articles", "id": "2"}]
        }),
    );
    desk.article(1).await;
    desk.article(2).await;
    desk.client.query(&GetFeed(1)).await.unwrap();

    let (desk, report) = desk.restarted();
    assert_eq!(report.restored(), 3);
    assert_eq!((adopted(&desk).adopted, adopted(&desk).renewed), (3, 0));
    let ann = desk.person("9").unwrap();
    for id in [1, 2] {
        let document = desk.article(id).await;
        assert!(Arc::ptr_eq(document.get(&PersonId("9".into())).unwrap(), &ann));
    }
    let feed = desk.client.query(&GetFeed(1)).await.unwrap();
    let first = feed.data().next().unwrap();
    assert!(Arc::ptr_eq(first, desk.cached(1).data().unwrap()));
    assert_eq!(first.title, Field::Value("One".into()));

    let zoe = |person: &mut Person| person.name = Field::Value("Zoe".into());
    assert!(desk.client.documents().patch(&PersonId("9".into()), zoe).await.unwrap());
    assert_eq!((desk.author(1), desk.author(2)), ("Zoe".into(), "Zoe".into()));
    assert_eq!(desk.loads(), 0);
}

#[tokio::test(start_paused = true)]
async fn adopted_answers_keep_their_age() {
    let desk = blog();
    desk.answers("/articles/1", written_by("1", person("9", "Ann")));
    desk.article(1).await;
    takes(std::time::Duration::from_secs(40)).await;
    let (desk, _) = desk.restarted();
    let entry = desk.client.cache().peek_entry(&GetArticle(1)).unwrap();
    assert_eq!((entry.age().as_secs(), entry.freshness()), (40, Freshness::Fresh));
    assert_eq!(entry.residency(), Residency::Resident);
    takes(std::time::Duration::from_secs(21)).await;
    let entry = desk.client.cache().peek_entry(&GetArticle(1)).unwrap();
    assert_eq!(entry.freshness(), Freshness::Stale);
}

/// Two answers that show one person differently, as programs save them that do not share records.
async fn saved_apart(first: (u32, Value), second: (u32, Value)) -> (Vec<u8>, Desk) {
    let desk = blog();
    let client = Client::builder(desk.empty_cache(), Blog::default()).build();
    let apart = Desk { client, clock: desk.clock };
    for (id, answer) in [first, second] {
        apart.answers(&format!("/articles/{id}"), answer);
        apart.article(id).await;
        takes(std::time::Duration::from_secs(10)).await;
    }
    (apart.saved(), desk)
}

#[tokio::test(start_paused = true)]
async fn of_two_restored_answers_the_newer_counts_by_field() {
    let mut ann = person("9", "Ann");
    ann["attributes"]["age"] = json!(30);
    let zoe = person("9", "Zoe");
    for (older, newer) in [(1, 2), (2, 1)] {
        let first = (older, written_by(&older.to_string(), ann.clone()));
        let second = (newer, written_by(&newer.to_string(), zoe.clone()));
        let (bytes, desk) = saved_apart(first, second).await;
        desk.client.cache().restore_from(&*bytes).unwrap();
        assert_eq!(desk.author(older), "Ann", "records of its own");
        assert!(desk.person("9").is_none());

        let report = desk.client.documents().adopt();
        assert_eq!((report.adopted, report.renewed, report.marked, report.overtaken), (2, 1, 0, 0));
        assert_eq!(adopted(&desk), report);
        let person = desk.person("9").unwrap();
        assert_eq!((&person.name, &person.age), (&Field::Value("Zoe".into()), &Field::Value(30)));
        for id in [1, 2] {
            assert!(Arc::ptr_eq(desk.cached(id).get(&PersonId("9".into())).unwrap(), &person));
        }
        assert_eq!(desk.client.documents().adopt(), AdoptReport::default(), "each is adopted once");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_client_has_counts_more_than_what_is_restored() {
    let desk = blog();
    let mut ann = person("9", "Ann");
    ann["attributes"]["age"] = json!(30);
    desk.answers("/articles/1", written_by("1", ann));
    desk.answers("/articles/2", written_by("2", person("8", "Bob")));
    desk.article(1).await;
    desk.article(2).await;
    let bytes = desk.saved();

    desk.client.cache().restore_from(&*bytes).unwrap();
    desk.answers("/people/9", json!({"data": person("9", "Zoe")}));
    desk.answers("/people/8", json!({"data": person("8", "Bob")}));
    desk.client.query(&GetPerson(9)).await.unwrap();
    desk.client.query(&GetPerson(8)).await.unwrap();
    let bob = desk.person("8").unwrap();
    assert_eq!(desk.author(1), "Ann", "not yet adopted");

    let report = desk.client.documents().adopt();
    assert_eq!((report.adopted, report.renewed), (2, 1));
    let person = desk.person("9").unwrap();
    assert_eq!((&person.name, &person.age), (&Field::Value("Zoe".into()), &Field::Value(30)));
    assert_eq!(desk.author(1), "Zoe");
    // An equal record keeps its allocation, and the answer about person 9 knows the age, too.
    assert!(Arc::ptr_eq(&desk.person("8").unwrap(), &bob));
    let about = desk.client.cached(&GetPerson(9)).unwrap();
    assert!(Arc::ptr_eq(about.data().unwrap(), &person));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_loaded_meanwhile_is_not_adopted() {
    let desk = blog();
    desk.answers("/articles/1", written_by("1", person("9", "Ann")));
    desk.article(1).await;
    let bytes = desk.saved();
    desk.client.cache().restore_from(&*bytes).unwrap();
    desk.answers("/articles/1", written_by("1", person("9", "Zoe")));
    let loaded = desk.reload(1).await;
    assert_eq!(desk.client.documents().adopt(), AdoptReport::default());
    assert!(Arc::ptr_eq(&desk.cached(1), &loaded));
    assert_eq!(desk.author(1), "Zoe");
}

#[tokio::test(start_paused = true)]
async fn a_marked_answer_is_left_as_it_is_until_it_is_loaded() {
    let desk = blog();
    desk.answers("/articles/1", written_by("1", person("9", "Ann")));
    desk.article(1).await;
    desk.client.documents().delete(&ArticleId("1".into())).await.unwrap();
    let (desk, report) = desk.restarted();
    assert_eq!((report.restored(), adopted(&desk).marked, adopted(&desk).adopted), (1, 1, 0));
    assert!(desk.client.cache().get(&ArticleId("1".into())).is_none(), "it was deleted");
    assert!(desk.person("9").is_none());
    desk.answers("/articles/1", written_by("1", person("9", "Zoe")));
    desk.article(1).await;
    assert_eq!((desk.author(1), desk.loads()), ("Zoe".into(), 1));
}

#[tokio::test(start_paused = true)]
async fn the_records_go_with_the_last_adopted_answer() {
    let desk = blog();
    for id in [1, 2] {
        desk.answers(&format!("/articles/{id}"), written_by(&id.to_string(), person("9", "Ann")));
        desk.article(id).await;
    }
    let (desk, report) = desk.restarted();
    drop(report);
    assert_eq!(desk.client.documents().records(), 3);
    desk.client.cache().remove(&GetArticle(1));
    assert_eq!(desk.client.documents().records(), 2);
    assert!(desk.person("9").is_some());
    desk.client.cache().remove(&GetArticle(2));
    assert_eq!(desk.client.documents().records(), 0);
    assert!(desk.person("9").is_none());
    desk.client.cache().reap();
    assert!(desk.client.cache().is_empty());
}

#[tokio::test(start_paused = true)]
async fn everything_that_a_record_says_is_saved() {
    let saved = article(&json!({
        "data": {
            "type": "articles", "id": "1", "attributes": {"title": "a \"title\"\n\u{1F980}", "body": null},
            "relationships": {
                "author": {
                    "links": {"related": "/a", "self": {"href": "/b", "meta": {"c": [1.5e300, 0.1]}}, "none": null},
                    "meta": {}
                },
                "editors": {"data": [{"type": "people", "id": "9"}, {"type": "people", "lid": "new"}]}
            }
        },
        "included": [
            {"type": "people", "id": "9", "relationships": {"friend": {"data": null}}},
            {"type": "people", "lid": "new", "attributes": {"name": "Ann", "age": 7}},
            {"type": "unlisted", "id": "9"}
        ],
        "links": {"next": "/n", "prev": null}, "meta": {"count": 18446744073709551615_u64}
    }));
    let read = read_back(&saved);
    assert_eq!(**read.data().unwrap(), **saved.data().unwrap());
    let shown = read.data().unwrap();
    assert!(shown.title.value().is_some() && shown.body.is_null() && shown.author.data().is_absent());
    assert!(shown.author.meta().unwrap().is_empty() && shown.editors.links().is_none());
    for id in [Id::from("9"), Id::local("new")] {
        let key = PersonId(id);
        assert_eq!(**read.get(&key).unwrap(), **saved.get(&key).unwrap());
    }
    let nine = read.get(&PersonId("9".into())).unwrap();
    assert!(nine.name.is_absent() && nine.friend.data().is_null());
    assert_eq!((read.links(), read.meta(), read.skipped()), (saved.links(), saved.meta(), 1));
    assert_eq!((read.records(), read.next(), read.prev()), (3, Some("/n"), None));
}

#[test]
fn null_an_empty_list_and_only_meta_stay_three_different_things() {
    let null = read_back(&article(&json!({"data": null})));
    assert!(null.has_data() && null.data().is_none() && null.meta().is_none());
    let empty = read_back(&articles(&json!({"data": []})));
    assert!(empty.has_data() && empty.data().len() == 0 && empty.meta().is_none());
    let meta = read_back(&article(&json!({"meta": {"count": 3}})));
    assert!(!meta.has_data() && meta.data().is_none() && meta.meta().unwrap()["count"] == 3);
}

#[tokio::test(start_paused = true)]
async fn a_list_keeps_its_order_and_its_repetitions() {
    let desk = blog();
    let resource = |id: &str| json!({"type": "articles", "id": id});
    desk.answers("/feed/1", json!({"data": [resource("3"), resource("1"), resource("2"), resource("1")]}));
    desk.client.query(&GetFeed(1)).await.unwrap();
    let (desk, _) = desk.restarted();
    let feed = desk.client.query(&GetFeed(1)).await.unwrap();
    let of = |id: &str| desk.client.cache().get(&ArticleId(id.into())).unwrap();
    let shown: Vec<_> = feed.data().cloned().collect();
    assert_eq!(shown.len(), 4);
    for (shown, id) in shown.iter().zip(["3", "1", "2", "1"]) {
        assert!(Arc::ptr_eq(shown, &of(id)));
    }
}

#[test]
fn bytes_of_another_document_are_an_error() {
    let one = serde_json::to_string(&article(&json!({"data": {"type": "articles", "id": "1"}}))).unwrap();
    let error = serde_json::from_str::<Document<[Article]>>(&one).unwrap_err().to_string();
    assert!(error.contains("/data") && error.contains("a list of identifiers is expected"), "{error}");
    let error = serde_json::from_str::<Document<Person>>(&one).unwrap_err().to_string();
    assert!(error.contains("records of type `articles`, which no answer of its query can show"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn damaged_snapshots_are_errors_or_lose_answers() {
    let desk = blog();
    desk.answers("/articles/1", written_by("1", person("9", "Ann")));
    desk.article(1).await;
    let bytes = desk.saved();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        let cache = desk.empty_cache();
        let restored = cache.restore_options().read_bytes(&damaged).map_or(0, |report| report.restored());
        let client = Client::builder(cache, Blog::default()).documents().build();
        let adopted = client.documents().adopted();
        assert!(adopted.adopted as u64 <= restored, "byte {at}");
        let shown = client.cached(&GetArticle(1));
        assert_eq!(shown.is_some(), restored == 1, "byte {at}");
        if let Some(shown) = shown {
            let article = shown.data().unwrap();
            let author = shown.one(&article.author).unwrap();
            assert_eq!(article.title, Field::Value("One".into()), "byte {at}");
            assert_eq!(author.name, Field::Value("Ann".into()), "byte {at}");
        }
    }
}

fn texts() -> impl Strategy<Value = (Key, String)> {
    key().prop_flat_map(|key| said(key).prop_map(move |said| (key, body(key, &said))))
}

proptest! {
    #[test]
    fn documents_read_back_as_they_were((key, text) in texts()) {
        let desk = Client::builder(cache_core::Cache::new(), Blog::default()).documents().build();
        match key {
            Key::Article(_) => {
                let saved: Document<Article> = desk.document(text.as_bytes()).unwrap();
                prop_assert_eq!(shown_article(&read_back(&saved), false), shown_article(&saved, false));
            }
            Key::Feed(_) => {
                let saved: Document<[Article]> = desk.document(text.as_bytes()).unwrap();
                prop_assert_eq!(shown_feed(&read_back(&saved), false), shown_feed(&saved, false));
            }
        }
    }

    #[test]
    fn damaged_documents_are_errors_or_documents(
        (_, text) in texts(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let client = Client::builder(cache_core::Cache::new(), Blog::default()).documents().build();
        let saved = client
            .document::<Article>(text.as_bytes())
            .map(|saved| serde_json::to_vec(&saved))
            .or_else(|_| client.document::<[Article]>(text.as_bytes()).map(|saved| serde_json::to_vec(&saved)));
        let mut bytes = saved.unwrap().unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(document) = serde_json::from_slice::<Document<Article>>(&bytes) {
            prop_assert!(document.records() <= text.len());
            drop(read_back(&document));
        }
        drop(serde_json::from_slice::<Document<[Article]>>(&bytes).map(|document| read_back(&document)));
    }
}

#[test]
fn the_saved_form_of_a_document_stays_as_it_is() {
    let saved = article(&json!({
        "data": {
            "type": "articles", "id": "1", "attributes": {"body": null, "title": "One"},
            "relationships": {"author": {"data": {"type": "people", "lid": "new"}, "links": {"self": "/a"}}}
        },
        "links": {"next": null}
    }));
    let form: Value = serde_json::to_value(&saved).unwrap();
    assert_eq!(form["shapes"][0][0], "articles");
    assert_eq!(form["shapes"].as_array().unwrap().len(), 1);
    let expected = json!({
        "data": {"type": "articles", "id": "1"},
        "resources": [{
            "type": "articles", "id": "1", "attributes": {"body": null, "title": "One"},
            "relationships": {"author": {"data": {"type": "people", "lid": "new"}, "links": {"self": "/a"}}}
        }],
        "links": {"next": null}, "skipped": 0
    });
    assert_eq!(serde_json::from_str::<Value>(form["json"].as_str().unwrap()).unwrap(), expected);
    assert_eq!(Article::absent().editors, Many::default());
    assert_eq!(saved.data().unwrap().author.data(), One::to(PersonId(Id::local("new"))).data());
}
