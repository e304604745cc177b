//! What documents say: data, errors, links and meta.

use cache_documents::{Field, Id};
use serde_json::json;

use crate::blog::{Article, ArticleId, PersonId};
use crate::reading::{article, articles, read, reported};

#[test]
fn null_an_empty_list_only_meta_and_only_errors_are_four_different_things() {
    let null = article(&json!({"data": null}));
    assert!(null.has_data() && null.data().is_none() && null.meta().is_none());

    let empty = articles(&json!({"data": []}));
    assert!(empty.has_data() && empty.data().len() == 0 && empty.meta().is_none());

    let meta = article(&json!({"meta": {"count": 3}}));
    assert!(!meta.has_data() && meta.data().is_none());
    assert_eq!(meta.meta().unwrap()["count"], 3);

    let errors =
        reported(&json!({"errors": [{"status": "404"}], "meta": {"count": 3}, "links": {"self": "/"}}));
    assert_eq!((errors.errors().len(), errors.status()), (1, Some(404)));
    assert_eq!(
        (&errors.meta().unwrap()["count"], errors.links().unwrap().href("self")),
        (&json!(3), Some("/"))
    );

    let none = reported(&json!({"errors": []}));
    assert!(
        none.errors().is_empty()
            && none.status().is_none()
            && none.meta().is_none()
            && none.links().is_none()
    );
}

#[test]
fn a_document_names_its_primary_records_in_order() {
    let one = article(&json!({"data": {"type": "articles", "id": "7"}}));
    assert_eq!(one.key(), Some(ArticleId("7".into())));
    assert_eq!(article(&json!({"data": null})).key(), None);
    let record = |id: &str| json!({"type": "articles", "id": id, "attributes": {"title": id}});
    let list = articles(&json!({"data": [record("9"), record("10"), record("2")]}));
    assert_eq!(list.keys().collect::<Vec<_>>(), ["9", "10", "2"].map(|id| ArticleId(id.into())));
    let titles = list.data().map(|article| article.title.value().unwrap().to_string());
    assert!(list.keys().map(|key| key.0.to_string()).eq(titles));
}

#[test]
fn an_error_has_its_parts() {
    let reported = reported(&json!({"errors": [
        {
            "id": "e1", "status": "422", "code": "too-long", "title": "Too long", "detail": "30 characters",
            "source": {"pointer": "/data/attributes/title", "parameter": "include", "header": "Prefer"},
            "links": {"about": "/errors/1", "type": {"href": "/errors", "meta": {"a": 1}}},
            "meta": {"limit": 20}, "other": 7
        },
        {"title": "no status", "detail": null, "source": null},
    ]}));
    let [error, other] = reported.errors() else { panic!("two errors") };
    assert_eq!((error.status_code(), error.pointer()), (Some(422), Some("/data/attributes/title")));
    let texts = [&error.id, &error.status, &error.code, &error.title, &error.detail];
    assert_eq!(
        texts.map(|text| text.as_deref().unwrap()),
        ["e1", "422", "too-long", "Too long", "30 characters"]
    );
    let source = error.source.as_ref().unwrap();
    assert_eq!((source.parameter.as_deref(), source.header.as_deref()), (Some("include"), Some("Prefer")));
    let links = error.links.as_ref().unwrap();
    assert_eq!((links.href("about"), links.href("type")), (Some("/errors/1"), Some("/errors")));
    assert_eq!(links.get("type").unwrap().meta().unwrap()["a"], 1);
    assert_eq!(error.meta.as_ref().unwrap()["limit"], 20);
    assert_eq!((other.status_code(), other.pointer(), &other.detail), (None, None, &None));
    assert_eq!(
        reported.to_string(),
        "the server has reported errors: 422, too-long, Too long, 30 characters, at `/data/attributes/title`, \
         parameter `include`, header `Prefer`; no status"
    );
}

#[test]
fn errors_without_texts_have_messages_too() {
    let message = |errors: serde_json::Value| reported(&json!({"errors": errors})).to_string();
    assert_eq!(message(json!([])), "the server has reported errors: an empty list");
    let both = message(json!([{"id": "e1"}, {"meta": {}}]));
    assert_eq!(both, "the server has reported errors: error e1; an error without a text");
}

#[test]
fn a_status_that_is_no_http_status_has_no_number() {
    for (status, code) in
        [("100", Some(100)), ("999", Some(999)), ("99", None), ("1000", None), ("4xx", None)]
    {
        let reported = reported(&json!({"errors": [{"status": status}]}));
        let error = &reported.errors()[0];
        assert_eq!((error.status.as_deref(), error.status_code()), (Some(status), code));
        assert_eq!(reported.status(), code);
    }
}

#[test]
fn several_errors_have_the_status_that_covers_all_of_them() {
    for (statuses, general) in [
        (&["404", "404"][..], Some(404)),
        (&["404", "422"], Some(400)),
        (&["500", "503"], Some(500)),
        (&["404", "503", "404"], Some(500)),
        (&["x", "409"], Some(409)),
        (&["x"], None),
    ] {
        let errors: Vec<_> = statuses.iter().map(|status| json!({"status": status})).collect();
        assert_eq!(reported(&json!({"errors": errors})).status(), general, "{statuses:?}");
    }
}

#[test]
fn a_relationship_has_data_links_and_meta_each_for_itself() {
    let person = |id: &str| json!({"type": "people", "id": id, "meta": {"since": 7}});
    let document = article(&json!({"data": {
        "type": "articles", "id": "1",
        "relationships": {
            "author": {"data": person("9"), "meta": {"role": "editor"}},
            "editors": {"links": {"related": {"href": "/articles/1/editors"}, "self": null}},
        }
    }}));
    let shown = document.data().unwrap();
    assert_eq!(shown.author.key(), Some(&PersonId("9".into())));
    assert_eq!(shown.author.meta().unwrap()["role"], "editor");
    assert!(shown.author.links().is_none() && document.one(&shown.author).is_none());
    assert!(shown.editors.data().is_absent() && shown.editors.meta().is_none());
    assert_eq!(shown.editors.links().unwrap().iter().count(), 1);

    let emptied = article(&json!({"data": {
        "type": "articles", "id": "1", "relationships": {"author": {"data": null}, "editors": {"data": []}}
    }}));
    let shown = emptied.data().unwrap();
    assert_eq!(shown.author.data(), &Field::Null);
    assert_eq!(shown.editors.data().value().map(|keys| keys.len()), Some(0));

    let twice = article(&json!({"data": {
        "type": "articles", "id": "1", "relationships": {"editors": {"data": [person("9"), person("8"), person("9")]}}
    }}));
    let ids: Vec<_> = twice.data().unwrap().editors.keys().iter().map(|PersonId(id)| id.as_str()).collect();
    assert_eq!(ids, ["9", "8", "9"]);
}

#[test]
fn what_a_document_says_twice_is_merged_in_order() {
    let person = |attributes| json!({"type": "people", "id": "9", "attributes": attributes});
    let document = article(&json!({
        "data": null,
        "included": [person(json!({"name": "Ann", "age": 41})), person(json!({"name": "Zoe"}))]
    }));
    let shown = document.get(&PersonId("9".into())).unwrap();
    assert_eq!((shown.name.value().unwrap().as_str(), &shown.age), ("Zoe", &Field::Value(41)));
    assert_eq!(document.records(), 1);

    let article = json!({"type": "articles", "id": "1"});
    assert_eq!(articles(&json!({"data": [article, article]})).data().len(), 2);
}

#[test]
fn resources_of_types_that_the_program_does_not_list_are_counted() {
    let document = article(&json!({
        "data": null,
        "included": [
            {"type": "tags", "id": "1", "attributes": {"name": "rust"}, "links": {"self": "/tags/1"}, "meta": {}},
            {"type": "people", "id": "9"},
            {"type": "tags", "lid": "2", "relationships": {
                "parent": {"data": null}, "twins": {"data": []}, "child": {"data": {"type": "tags", "id": "1"}},
                "others": {"data": [{"type": "tags", "lid": "2"}], "links": {"self": null}, "meta": {}}
            }}
        ]
    }));
    assert_eq!((document.records(), document.skipped()), (1, 2));
}

#[test]
fn escaped_names_and_values_are_read() {
    let body = r#"{"d\u0061ta": {"t\u0079pe": "article\u0073", "id": "\u0031\n", "attributes": {"t\u0069tle": "\u00e9"}}}"#;
    let document = read::<Article>(body).unwrap();
    assert_eq!(document.data().unwrap().title.value().map(|title| &**title), Some("\u{e9}"));
    assert!(document.get(&crate::blog::ArticleId(Id::from("1\n"))).is_some());
}
