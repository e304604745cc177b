//! One record of each person, which all articles share.

use std::sync::Arc;

use cache_documents::{ClientDocuments, Document, Field};
use serde_json::{Value, json};

use crate::blog::{Article, ArticleId, GetArticle, GetFeed, Person, PersonId, blog};

fn ann() -> PersonId {
    PersonId("9".into())
}

fn person(id: &str, name: &str) -> Value {
    json!({"type": "people", "id": id, "attributes": {"name": name}})
}

fn article(id: u32, title: &str, author: &str, included: Value) -> Value {
    json!({
        "data": {
            "type": "articles", "id": id.to_string(), "attributes": {"title": title},
            "relationships": {"author": {"data": {"type": "people", "id": author}}}
        },
        "included": included
    })
}

#[tokio::test(start_paused = true)]
async fn a_document_shows_its_records_and_the_cache_has_each_by_its_key() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", json!([person("9", "Ann")])));
    let document = desk.article(1).await;
    let shown = document.data().unwrap();
    assert_eq!(shown.title.value().map(|title| &**title), Some("One"));
    assert_eq!(document.one(&shown.author).unwrap().name, Field::Value("Ann".to_owned()));
    let author = desk.person("9").unwrap();
    assert!(Arc::ptr_eq(&author, document.get(&PersonId("9".into())).unwrap()));
    assert!(Arc::ptr_eq(&desk.client.cache().get(&ArticleId("1".into())).unwrap(), shown));
}

#[tokio::test(start_paused = true)]
async fn a_person_renamed_by_one_document_is_renamed_in_all_without_a_load() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", json!([person("9", "Ann")])));
    desk.answers("/articles/2", article(2, "Two", "9", json!([person("9", "Zoe")])));
    let before = desk.article(1).await;
    let revision = desk.client.cache().get_entry(&GetArticle(1)).unwrap().revision();
    desk.article(2).await;
    let after = desk.cached(1);
    assert_eq!(desk.author(1), "Zoe");
    assert_eq!(desk.loads(), 2);
    assert!(Arc::ptr_eq(before.data().unwrap(), after.data().unwrap()));
    assert_eq!(before.get(&PersonId("9".into())).unwrap().name, Field::Value("Ann".to_owned()));
    let entry = desk.client.cache().get_entry(&GetArticle(2)).unwrap();
    assert!(entry.revision() > revision);
    // Both documents changed in one commit.
    assert_eq!(desk.client.cache().get_entry(&GetArticle(1)).unwrap().revision(), entry.revision());
}

#[tokio::test(start_paused = true)]
async fn two_people_renamed_by_one_document_are_renamed_in_each_of_many() {
    let desk = blog();
    let people = |one, other| json!([person("9", one), person("7", other)]);
    for id in 1..=8 {
        desk.answers(&format!("/articles/{id}"), article(id, "One", "9", people("Ann", "Bob")));
        desk.article(id).await;
    }
    desk.answers("/articles/8", article(8, "One", "9", people("Zoe", "Yan")));
    desk.reload(8).await;
    for id in 1..=8 {
        let document = desk.cached(id);
        let [one, other] = ["9", "7"].map(|id| document.get(&PersonId(id.into())).unwrap().name.value());
        assert_eq!((one.map(|name| &**name), other.map(|name| &**name)), (Some("Zoe"), Some("Yan")), "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_response_does_not_mention_stays_and_null_is_a_value() {
    let desk = blog();
    let aged = json!({"type": "people", "id": "9", "attributes": {"name": "Ann", "age": 41}});
    desk.answers("/articles/1", article(1, "One", "9", json!([aged])));
    desk.article(1).await;
    desk.answers("/articles/2", article(2, "Two", "9", json!([person("9", "Ann")])));
    desk.article(2).await;
    assert_eq!(desk.person("9").unwrap().age, Field::Value(41));
    let ageless = json!({"type": "people", "id": "9", "attributes": {"age": null}});
    desk.answers("/articles/3", article(3, "Three", "9", json!([ageless])));
    desk.article(3).await;
    let person = desk.person("9").unwrap();
    assert_eq!((person.age, person.name.value().unwrap().as_str()), (Field::Null, "Ann"));
}

#[tokio::test(start_paused = true)]
async fn a_record_lives_while_a_document_shows_it() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", json!([person("9", "Ann")])));
    desk.answers("/articles/2", article(2, "Two", "9", json!([person("9", "Ann")])));
    desk.article(1).await;
    let held = desk.article(2).await;
    desk.client.cache().remove(&GetArticle(1));
    assert!(desk.person("9").is_some());
    desk.client.cache().remove(&GetArticle(2));
    assert!(desk.person("9").is_some(), "the program holds a document");
    drop(held);
    assert!(desk.person("9").is_none());
    assert_eq!(desk.client.cache().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn people_who_name_each_other_go_with_the_last_document() {
    let desk = blog();
    let friends = |id: &str, friend: &str| {
        json!({
            "type": "people", "id": id,
            "relationships": {"friend": {"data": {"type": "people", "id": friend}}}
        })
    };
    let both = json!([friends("8", "9"), friends("9", "8")]);
    desk.answers("/articles/1", article(1, "One", "9", both));
    let document = desk.article(1).await;
    let friend = document.get(&PersonId("8".into())).unwrap();
    assert!(Arc::ptr_eq(document.one(&friend.friend).unwrap(), &desk.person("9").unwrap()));
    drop(document);
    desk.client.cache().remove(&GetArticle(1));
    assert!(desk.person("8").is_none() && desk.person("9").is_none());
}

#[tokio::test(start_paused = true)]
async fn an_equal_response_keeps_the_document_and_dates_it_anew() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", json!([person("9", "Ann")])));
    let first = desk.article(1).await;
    let revision = desk.client.cache().get_entry(&GetArticle(1)).unwrap().revision();
    tokio::time::advance(std::time::Duration::from_secs(50)).await;
    let again = desk.reload(1).await;
    assert!(Arc::ptr_eq(&first, &again));
    let entry = desk.client.cache().get_entry(&GetArticle(1)).unwrap();
    assert_eq!(entry.revision(), revision);
    assert_eq!(entry.state().age, std::time::Duration::ZERO);
}

/// An article and its author, with twenty others in this order.
fn crowded(ids: impl Iterator<Item = u32>, name: &str) -> Value {
    let people = ids.map(|id| if id == 9 { person("9", name) } else { person(&id.to_string(), "Bob") });
    article(1, "One", "9", people.collect())
}

#[tokio::test(start_paused = true)]
async fn an_equal_response_in_another_order_keeps_the_document() {
    let desk = blog();
    desk.answers("/articles/1", crowded(0..20, "Ann"));
    let first = desk.article(1).await;
    desk.answers("/articles/1", crowded((0..20).rev(), "Ann"));
    assert!(Arc::ptr_eq(&first, &desk.reload(1).await));
}

#[tokio::test(start_paused = true)]
async fn a_response_in_another_order_shows_the_same_records_which_follow_and_go() {
    let desk = blog();
    desk.answers("/articles/1", crowded(0..20, "Ann"));
    desk.article(1).await;
    desk.answers("/articles/1", crowded((0..20).rev(), "Zoe"));
    let second = desk.reload(1).await;
    for id in 0..20 {
        let key = PersonId(id.to_string().into());
        assert!(Arc::ptr_eq(second.get(&key).unwrap(), &desk.person(&id.to_string()).unwrap()));
    }
    let documents = desk.client.documents();
    let is_renamed = documents.patch(&ann(), |person| person.name = "Eve".to_owned().into()).await;
    assert!(is_renamed.unwrap());
    assert_eq!((desk.author(1), desk.client.documents().records()), ("Eve".to_owned(), 21));
    drop(second);
    desk.client.cache().remove(&GetArticle(1));
    assert_eq!(desk.client.documents().records(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_response_does_not_overwrite_what_was_requested_later() {
    let desk = blog();
    // The load of article 1 is issued first, and answers last.
    let slow = json!([{"type": "people", "id": "9", "attributes": {"name": "Ann", "age": 41}}]);
    desk.answers_after("/articles/1", 10, article(1, "One", "9", slow));
    desk.answers_after("/articles/2", 5, article(2, "Two", "9", json!([person("9", "Zoe")])));
    let (one, two) = tokio::join!(desk.article(1), desk.article(2));
    let key = PersonId("9".into());
    assert_eq!(two.get(&key).unwrap().name, Field::Value("Zoe".to_owned()));
    // The later name, and the age, which only the earlier request has brought.
    let person = one.get(&key).unwrap();
    assert_eq!((person.name.value().unwrap().as_str(), person.age), ("Zoe", Field::Value(41)));
    assert_eq!((desk.author(1), desk.author(2)), ("Zoe".to_owned(), "Zoe".to_owned()));
    assert!(Arc::ptr_eq(desk.cached(2).get(&key).unwrap(), person));
}

#[tokio::test(start_paused = true)]
async fn a_report_lists_records_with_the_documents_that_show_them() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", json!([person("9", "Ann")])));
    desk.answers("/articles/2", article(2, "Two", "9", json!([])));
    desk.article(1).await;
    let held = desk.article(2).await;
    desk.client.cache().remove(&GetArticle(2));
    let report = desk.client.documents().inspect();
    assert_eq!(
        report.to_string(),
        "articles\n  1: title, author; shown by GetArticle(1)\n  2: title, author; shown by GetArticle(2)\n\
         people\n  9: name; shown by GetArticle(1)\n"
    );
    drop(held);
    assert_eq!(desk.client.documents().inspect().types[0].records.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_report_of_the_client_has_a_section_of_records() {
    let desk = blog();
    for id in 1..=5 {
        desk.answers(&format!("/articles/{id}"), article(id, "Title", "9", json!([person("9", "Ann")])));
        desk.article(id).await;
    }
    let section = desk.client.activity(100).sections.remove(0);
    assert_eq!((section.name, section.rows.total, section.rows.rows.len()), ("records", 6, 6));
    assert_eq!(section.rows.rows[0], ["articles", "1", "title, author", "GetArticle(1)"]);
    let person = &section.rows.rows[5];
    assert_eq!(person[..3], ["people", "9", "name"]);
    assert!(person[3].ends_with(", 2 more"), "{}", person[3]);
    let some = desk.client.activity(2).sections.remove(0);
    assert_eq!((some.rows.total, some.rows.rows.len()), (6, 2));
}

#[tokio::test(start_paused = true)]
async fn a_report_names_the_documents_in_order_and_each_once() {
    let desk = blog();
    for id in [3, 1, 2] {
        desk.answers(&format!("/articles/{id}"), article(id, "Title", "9", json!([person("9", "Ann")])));
        desk.article(id).await;
    }
    // The old and the new document of one key.
    let held = desk.cached(1);
    desk.answers("/articles/1", article(1, "Other", "9", json!([person("9", "Ann")])));
    desk.reload(1).await;
    let report = desk.client.documents().inspect();
    assert_eq!(report.types[1].records[0].shown_by, ["GetArticle(1)", "GetArticle(2)", "GetArticle(3)"]);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_document_of_many_records_follows_one_and_keeps_the_others() {
    let desk = blog();
    let keys: Vec<_> = (0..25).map(|number| PersonId(format!("{number:02}").as_str().into())).collect();
    let people: Vec<_> = keys.iter().map(|key| person(key.0.as_str(), "Ann")).collect();
    desk.answers("/articles/1", article(1, "One", "00", json!(people)));
    let mut before = desk.article(1).await;
    for changed in [0, 9, 10, 19, 20, 24] {
        let rename = desk.client.documents();
        rename.patch(&keys[changed], |person| person.name = Field::Value("Zoe".to_owned())).await.unwrap();
        let after = desk.cached(1);
        for (number, key) in keys.iter().enumerate() {
            let [old, new] = [&before, &after].map(|document| document.get(key).unwrap());
            assert_eq!(Arc::ptr_eq(old, new), number != changed, "{number} after {changed}");
        }
        assert_eq!(after.get(&keys[changed]).unwrap().name, Field::Value("Zoe".to_owned()));
        before = after;
    }
    for deleted in [10, 24] {
        assert!(desk.client.documents().delete(&keys[deleted]).await.unwrap());
    }
    let after = desk.cached(1);
    assert_eq!(after.records(), 24);
    for (number, key) in keys.iter().enumerate() {
        let is_same = after.get(key).map(|person| Arc::ptr_eq(person, before.get(key).unwrap()));
        assert_eq!(is_same, (number != 10 && number != 24).then_some(true), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_replaced_by_one_with_the_same_people_follows_them_and_lets_them_go() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", json!([person("9", "Ann")])));
    desk.article(1).await;
    desk.answers("/articles/1", article(1, "Two", "9", json!([person("9", "Ann")])));
    desk.reload(1).await;
    let ann = PersonId("9".into());
    desk.client.documents().patch(&ann, |person| person.name = Field::Value("Zoe".to_owned())).await.unwrap();
    assert_eq!(desk.cached(1).data().unwrap().title.value().map(|title| &**title), Some("Two"));
    assert_eq!(desk.author(1), "Zoe");
    desk.client.cache().remove(&GetArticle(1));
    assert!(desk.person("9").is_none());
    assert_eq!(desk.client.documents().records(), 0);
}

fn article_by(editors: impl Iterator<Item = u32>, included: Value) -> Value {
    let editors: Vec<_> = editors.map(|id| json!({"type": "people", "id": id.to_string()})).collect();
    json!({
        "data": {"type": "articles", "id": "1", "relationships": {"editors": {"data": editors}}},
        "included": included
    })
}

fn editors(document: &Document<Article>) -> Vec<&str> {
    let editors = document.many(&document.data().unwrap().editors);
    editors.map(|person| person.name.value().unwrap().as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_the_records_that_it_names_in_its_order_however_often_it_is_read() {
    let desk = blog();
    let people: Vec<_> = (1..=30).map(|id| person(&id.to_string(), &format!("person {id}"))).collect();
    let named = |ids: &[u32]| ids.iter().map(|id| format!("person {id}")).collect::<Vec<_>>();
    // They follow each other among the records, from the midst of them on.
    let mut ids: Vec<_> = (5..=27).collect();
    desk.answers("/articles/1", article_by(ids.iter().copied(), json!(people)));
    let before = desk.article(1).await;
    assert_eq!(editors(&before), named(&ids));
    assert_eq!(editors(&before), named(&ids), "read again");

    let rename = |person: &mut Person| person.name = Field::Value("Ann".to_owned());
    desk.client.documents().patch(&ann(), rename).await.unwrap();
    let mut renamed = named(&ids);
    renamed[4] = "Ann".to_owned();
    assert_eq!(editors(&desk.cached(1)), renamed);
    assert_eq!(editors(&before), named(&ids), "the moment before");

    // Another list of the same records.
    ids = vec![27, 5, 6, 7];
    desk.answers("/feed/1", json!({"data": [article_by(ids.iter().copied(), json!([]))["data"]]}));
    desk.client.query(&GetFeed(1)).await.unwrap();
    assert_eq!(editors(&desk.cached(1)), named(&ids));
}

#[tokio::test(start_paused = true)]
async fn a_collection_shows_its_records_in_its_order_however_often_it_is_read() {
    let desk = blog();
    let resources: Vec<_> = (1..=20).map(|id| json!({"type": "articles", "id": id.to_string()})).collect();
    desk.answers("/feed/1", json!({"data": resources}));
    let feed = desk.client.query(&GetFeed(1)).await.unwrap();
    for _ in 0..2 {
        let shown: Vec<_> = feed.data().cloned().collect();
        assert_eq!(shown.len(), 20);
        let of_keys = feed.keys().map(|key| Arc::clone(feed.get(&key).unwrap()));
        assert!(shown.iter().zip(of_keys).all(|(shown, of_key)| Arc::ptr_eq(shown, &of_key)));
    }
    desk.client.documents().delete(&ArticleId("9".into())).await.unwrap();
    let left = desk.client.cached(&GetFeed(1)).unwrap();
    assert_eq!(left.data().len(), 19);
    let of_keys = left.keys().map(|key| Arc::clone(left.get(&key).unwrap()));
    assert!(left.data().zip(of_keys).all(|(shown, of_key)| Arc::ptr_eq(shown, &of_key)));
}
