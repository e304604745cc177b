//! The members of objects come in any order, and the records of a document share their ids.

use cache_documents::{Document, Field, Id, Many};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::blog::{Article, ArticleId, Person, PersonId};
use crate::reading::{articles, read};

fn feed() -> Value {
    let article = |id: &str, author: Value| {
        json!({
            "type": "articles", "id": id,
            "attributes": {"title": format!("\"{id}\" \\ é"), "body": null, "unread": [{"a": 1}], "@x": 1},
            "relationships": {
                "author": {"data": author, "links": {"related": "/author"}},
                "editors": {"data": [{"type": "people", "id": "9", "meta": {"since": 1}}, {"type": "people", "id": "x"}]},
                "tags": {"data": [{"type": "tags", "id": "1"}]},
            },
            "links": {"self": "/articles"}, "meta": {"seen": true},
        })
    };
    let person =
        |id: &str, age: u8| json!({"type": "people", "id": id, "attributes": {"name": id, "age": age}});
    json!({
        "jsonapi": {"version": "1.1"}, "links": {"next": "/2"}, "meta": {"total": 3},
        "data": [article("1", json!({"type": "people", "id": "9"})), article("2", Value::Null)],
        "included": [
            person("9", 40),
            {"type": "tags", "id": "1"},
            person("x", 7),
            {"type": "people", "id": "9", "attributes": {"age": 41}},
            {"type": "articles", "id": "2", "attributes": {"body": "Two"}},
        ],
    })
}

/// Writes JSON with the members of each object in another order, and with spaces.
fn shuffled(json: &Value, random: &mut impl FnMut() -> u64) -> String {
    match json {
        Value::Array(list) => {
            let elements: Vec<_> = list.iter().map(|element| shuffled(element, random)).collect();
            format!("[ {}\t]", elements.join(" ,"))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .map(|(name, value)| {
                    (random(), format!("{} :\n{}", Value::from(name.as_str()), shuffled(value, random)))
                })
                .collect();
            members.sort();
            let members: Vec<_> = members.into_iter().map(|(_, member)| member).collect();
            format!("{{\r\n{} }}", members.join(", "))
        }
        json => json.to_string(),
    }
}

fn person<'d>(document: &'d Document<[Article]>, id: &str) -> Option<&'d Person> {
    document.get(&PersonId(id.into())).map(|person| &**person)
}

#[test]
fn what_each_member_says_is_read() {
    let document = articles(&feed());
    assert_eq!(document.next(), Some("/2"));
    assert_eq!((document.meta().unwrap()["total"].as_u64(), document.skipped()), (Some(3), 1));
    let shown: Vec<_> = document.data().collect();
    assert_eq!(shown[0].title, Field::Value("\"1\" \\ é".into()));
    assert_eq!(shown[0].author.data(), &Field::Value(PersonId("9".into())));
    assert_eq!(shown[0].author.related(), Some("/author"));
    assert_eq!((shown[1].author.data(), shown[0].body.is_null()), (&Field::Null, true));
    assert_eq!(shown[1].body, Field::Value("Two".into()), "included resources come after the primary data");
    assert_eq!(shown[1].editors.keys(), [PersonId("9".into()), PersonId("x".into())]);
    assert_eq!(person(&document, "9").unwrap().name, Field::Value("9".into()));
    assert_eq!(person(&document, "9").unwrap().age, Field::Value(41));
}

proptest! {
    #[test]
    fn the_order_of_members_does_not_matter(seed in any::<u64>()) {
        let mut state = seed;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 32
        };
        let document = read::<[Article]>(&shuffled(&feed(), &mut random)).unwrap();
        let expected = articles(&feed());
        prop_assert!(document.data().eq(expected.data()));
        prop_assert_eq!((document.links(), document.meta()), (expected.links(), expected.meta()));
        prop_assert_eq!(document.skipped(), expected.skipped());
        for id in ["9", "x"] {
            prop_assert_eq!(person(&document, id), person(&expected, id));
        }
    }

    #[test]
    fn a_relationship_leads_to_the_records_that_it_names_in_its_order(
        shown in prop::collection::btree_set(0..400_u32, 0..300),
        named in prop::collection::vec(0..400_u32, 0..100),
        ascends in any::<bool>(),
    ) {
        let mut named = named;
        if ascends {
            named.sort_unstable();
        }
        let people = shown.iter().map(|id| {
            json!({"type": "people", "id": id.to_string(), "attributes": {"name": id.to_string()}})
        });
        let body = json!({"data": [], "included": people.collect::<Vec<_>>()});
        let document = read::<[Article]>(&body.to_string()).unwrap();
        let editors = Many::to(named.iter().map(|id| PersonId(id.to_string().into())));
        let found: Vec<_> = document.many(&editors).map(|person| person.name.value().unwrap().clone()).collect();
        let expected = named.iter().filter(|id| shown.contains(id)).map(u32::to_string);
        prop_assert_eq!(found, expected.collect::<Vec<_>>());
    }
}

#[test]
fn links_share_the_ids_of_the_records_that_they_name() {
    let body = r#"{"data": [{"type": "articles", "id": "1", "relationships": {"author": {"data": {"type": "people", "id": "9"}}}}],
        "included": [{"type": "people", "id": "9", "relationships": {"friend": {"data": {"type": "people", "id": "1"}}}}]}"#;
    let document = read::<[Article]>(body).unwrap();
    let ArticleId(article) = document.keys().next().unwrap();
    let person = document.get(&PersonId("9".into())).unwrap();
    let address = |id: &Id| id.as_str().as_ptr();
    assert_eq!(address(&person.friend.key().unwrap().0), address(&article));
}
