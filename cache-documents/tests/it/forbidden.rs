//! Documents that the format forbids are refused, with a pointer to the first problem.

use serde_json::{Value, json};

use crate::blog::{Article, Person};
use crate::reading::{article, read, refused};

/// Expects that a document about an article is refused.
#[track_caller]
fn refuse(body: &Value, pointer: &str, words: &str) {
    refused::<Article>(&body.to_string(), pointer, words);
}

/// Expects that an article with these members, besides type and id, is refused.
#[track_caller]
fn refuse_article(members: &Value, pointer: &str, words: &str) {
    let mut resource = json!({"type": "articles", "id": "1"});
    for (name, member) in members.as_object().unwrap() {
        resource[name] = member.clone();
    }
    refuse(&json!({"data": resource}), &format!("/data{pointer}"), words);
}

/// Expects that a relationship of an article is refused.
#[track_caller]
fn refuse_relationship(name: &str, relationship: &Value, pointer: &str, words: &str) {
    let members = json!({"relationships": {name: relationship}});
    refuse_article(&members, &format!("/relationships/{name}{pointer}"), words);
}

#[test]
fn what_is_no_object_is_no_document() {
    for (body, found) in [
        ("[]", "not a list"),
        (r#"[{"type": "articles", "id": "1"}]"#, "not a list"),
        ("null", "not null"),
        ("7", "not a number"),
        ("\"data\"", "not a string"),
        ("true", "not a boolean"),
    ] {
        refused::<Article>(body, "", found);
    }
}

#[test]
fn what_is_no_json_says_in_which_line() {
    refused::<Article>("", "", "at line 1");
    refused::<Article>("{\"data\":\n nul}", "", "at line 2");
    refused::<Article>("{\"meta\": {}} {}", "", "trailing characters at line 1");
    refused::<Article>("{\"data\": null} {}", "", "trailing characters at line 1");
    refused::<Article>("{\"meta\": {}, \"meta\": {}}", "", "duplicate field `meta`");
}

#[test]
fn top_level_members_that_exclude_each_other_or_are_missing_are_refused() {
    let data = json!({"type": "articles", "id": "1"});
    refuse(&json!({}), "", "at least one of");
    refuse(&json!({"links": {}, "jsonapi": {}}), "", "at least one of");
    refuse(&json!({"data": data, "errors": []}), "/errors", "both `data` and `errors`");
    refuse(&json!({"data": null, "errors": []}), "/errors", "both `data` and `errors`");
    refuse(&json!({"meta": {}, "included": []}), "/included", "without `data`");
}

#[test]
fn primary_data_of_the_wrong_kind_is_refused() {
    refuse(&json!({"data": []}), "/data", "a resource or null is expected, not a list");
    refuse(&json!({"data": "articles"}), "/data", "not a string");
    refused::<[Article]>(r#"{"data": null}"#, "/data", "a list of resources is expected, not null");
    refused::<[Article]>(r#"{"data": {"type": "articles", "id": "1"}}"#, "/data", "not an object");
    refused::<[Article]>(r#"{"data": [["articles", "1"]]}"#, "/data/0", "an object is expected, not a list");
    refuse(&json!({"data": {"type": "people", "id": "1"}}), "/data/type", "where `articles` is expected");
}

#[test]
fn a_type_is_a_string_with_the_characters_of_a_member_name() {
    refuse(&json!({"data": {"id": "1"}}), "/data", "a `type` is missing");
    refuse(&json!({"data": {"type": 7, "id": "1"}}), "/data/type", "expected a string");
    refuse(&json!({"data": {"type": null, "id": "1"}}), "/data/type", "expected a string");
    for name in ["", "arti+cles", "-articles", "articles_", "@articles", "a:b"] {
        refuse(&json!({"data": {"type": name, "id": "1"}}), "/data/type", "is not the name of a type");
    }
}

#[test]
fn an_id_is_a_string_that_is_not_empty() {
    refuse(&json!({"data": {"type": "articles"}}), "/data", "an `id` is missing");
    refuse(&json!({"data": {"type": "articles", "id": null}}), "/data", "an `id` is missing");
    refuse(&json!({"data": {"type": "articles", "id": ""}}), "/data/id", "not empty");
    refuse(&json!({"data": {"type": "articles", "id": 7}}), "/data/id", "expected a string");
    refuse(&json!({"data": {"type": "articles", "lid": ""}}), "/data/lid", "not empty");
    refuse(&json!({"data": {"type": "articles", "lid": 7}}), "/data/lid", "expected a string");
    refuse(&json!({"data": {"type": "articles", "id": "@lid:a"}}), "/data/id", "marks local ids");
}

#[test]
fn attributes_and_relationships_are_objects() {
    for (members, pointer) in [
        (json!({"attributes": []}), "/attributes"),
        (json!({"attributes": null}), "/attributes"),
        (json!({"relationships": []}), "/relationships"),
        (json!({"relationships": "author"}), "/relationships"),
    ] {
        refuse_article(&members, pointer, "an object is expected");
    }
}

#[test]
fn a_field_is_not_named_id_or_type() {
    for name in ["id", "type"] {
        refuse_article(
            &json!({"attributes": {name: "x"}}),
            &format!("/attributes/{name}"),
            "must not be named",
        );
        refuse_relationship(name, &json!({"data": null}), "", "must not be named");
    }
}

#[test]
fn an_attribute_and_a_relationship_do_not_share_a_name() {
    for name in ["title", "unread"] {
        let members = json!({"attributes": {name: "x"}, "relationships": {name: {"meta": {}}}});
        let (pointer, words) = match name {
            "title" => ("/relationships/title", "is an attribute"),
            _ => ("/attributes/unread", "of the same name"),
        };
        refuse_article(&members, pointer, words);
    }
}

#[test]
fn a_field_stands_where_the_program_expects_it() {
    refuse_article(&json!({"attributes": {"author": "Ann"}}), "/attributes/author", "this is a relationship");
    refuse_relationship("title", &json!({"data": null}), "", "this is an attribute");
}

#[test]
fn names_with_reserved_characters_are_refused() {
    for name in ["a+b", "a.b", "a/b", "_a", "a-", " a", "", "a:", ":a", "a:b:c", "a b:c", "a\u{7f}b", "a\nb"]
    {
        let escaped = name.replace('/', "~1");
        let words = "does not allow this member name";
        refuse_article(&json!({"attributes": {name: 1}}), &format!("/attributes/{escaped}"), words);
        let members = json!({"relationships": {name: {"meta": {}}}});
        refuse_article(&members, &format!("/relationships/{escaped}"), words);
        refuse_article(&json!({"meta": {name: 1}}), &format!("/meta/{escaped}"), words);
        refuse(&json!({"meta": {name: 1}}), &format!("/meta/{escaped}"), words);
        refuse(&json!({"meta": {}, "links": {name: "/"}}), &format!("/links/{escaped}"), words);
    }
}

#[test]
fn a_relationship_says_something() {
    let words = "at least one of `data`, `links` and `meta`";
    for name in ["author", "editors", "unread"] {
        refuse_relationship(name, &json!({}), "", words);
        refuse_relationship(name, &json!(null), "", "an object is expected");
        refuse_relationship(name, &json!([null, {}, {}]), "", "an object is expected");
        refuse_relationship(name, &json!({"meta": 1}), "/meta", "an object is expected");
        refuse_relationship(name, &json!({"links": null}), "/links", "an object is expected");
    }
}

#[test]
fn resources_relationships_and_identifiers_have_only_the_members_that_the_format_defines() {
    let words = "the format defines only the members";
    refuse_article(&json!({"title": "One"}), "/title", words);
    refuse_article(&json!({"a+b": 1}), "/a+b", "does not allow this member name");
    let included = json!({"data": null, "included": [{"type": "tags", "id": "1", "name": "rust"}]});
    refuse(&included, "/included/0/name", "`attributes`");
    for name in ["author", "unread"] {
        refuse_relationship(name, &json!({"data": null, "other": 1}), "/other", "`data`, `links`, `meta`");
        let person = json!({"type": "people", "id": "9", "attributes": {"name": "Ann"}});
        refuse_relationship(name, &json!({"data": person}), "/data/attributes", words);
    }
    let person = json!({"type": "people", "id": "9", "name": "Ann"});
    refuse_relationship("editors", &json!({"data": [person]}), "/data/0/name", words);
    let twice = r#"{"data": {"type": "articles", "id": "1", "id": "2"}}"#;
    refused::<Article>(twice, "/data/id", "two members of this name");
}

#[test]
fn linkage_of_the_wrong_kind_is_refused() {
    let person = json!({"type": "people", "id": "9"});
    refuse_relationship("author", &json!({"data": [person]}), "/data", "or null is expected, not a list");
    refuse_relationship("author", &json!({"data": "9"}), "/data", "not a string");
    refuse_relationship("editors", &json!({"data": person}), "/data", "a list of resource identifiers");
    refuse_relationship("editors", &json!({"data": null}), "/data", "a list of resource identifiers");
    refuse_relationship("editors", &json!({"data": [person, ["people", "9"]]}), "/data/1", "not a list");
    refuse_relationship("unread", &json!({"data": true}), "/data", "not a boolean");
    refuse_relationship("unread", &json!({"data": [person, 7]}), "/data/1", "not a number");
}

#[test]
fn identifiers_have_a_type_and_an_id() {
    for (name, of) in [("author", ""), ("unread", "")] {
        let refuse = |identifier: Value, pointer: &str, words: &str| {
            refuse_relationship(name, &json!({"data": identifier}), &format!("/data{of}{pointer}"), words);
        };
        refuse(json!({"id": "9"}), "", "a `type` is missing");
        refuse(json!({"type": "people"}), "", "an `id` is missing");
        refuse(json!({"type": "people", "id": ""}), "/id", "not empty");
        refuse(json!({"type": "people", "id": 9}), "/id", "expected a string");
        refuse(json!({"type": "peo+ple", "id": "9"}), "/type", "is not the name of a type");
        refuse(json!({"type": "people", "id": "9", "meta": []}), "/meta", "an object is expected");
        refuse(json!({"type": "people", "id": "9", "meta": {"a+": 1}}), "/meta/a+", "does not allow");
    }
    let article = json!({"data": {"type": "articles", "id": "9"}});
    refuse_relationship("author", &article, "/data/type", "where `people` is expected");
}

#[test]
fn links_are_strings_or_objects_with_an_address_or_null() {
    let refuse = |links: Value, pointer: &str, words: &str| {
        let pointer = format!("/links{pointer}");
        refuse(&json!({"meta": {}, "links": links}), &pointer, words);
        refuse_article(&json!({"links": links}), &pointer, words);
        refuse_relationship("author", &json!({"links": links}), &pointer, words);
        refuse_relationship("unread", &json!({"links": links}), &pointer, words);
    };
    refuse(json!("/articles"), "", "an object is expected, not a string");
    refuse(json!(["/articles"]), "", "an object is expected, not a list");
    refuse(json!({"self": 7}), "/self", "a link");
    refuse(json!({"self": ["/articles"]}), "/self", "a link");
    refuse(json!({"self": {}}), "/self", "missing field `href`");
    refuse(json!({"self": {"href": 7}}), "/self/href", "expected a string");
    refuse(json!({"self": {"href": null}}), "/self/href", "expected a string");
    refuse(json!({"self": {"href": "/", "meta": 7}}), "/self/meta", "expected a map");
    refuse(json!({"self": {"href": "/", "meta": null}}), "/self/meta", "expected a map");
    refuse(json!({"self": {"href": "/", "meta": {"a+": 1}}}), "/self/meta/a+", "does not allow");
}

#[test]
fn errors_are_a_list_of_objects_that_say_something() {
    let refuse = |errors: Value, pointer: &str, words: &str| {
        refuse(&json!({"errors": errors}), &format!("/errors{pointer}"), words);
    };
    refuse(json!({"status": "400"}), "", "a list is expected, not an object");
    refuse(json!(null), "", "a list is expected, not null");
    refuse(json!([{"status": "400"}, "wrong"]), "/1", "an object is expected, not a string");
    refuse(json!([["1", "400"]]), "/0", "an object is expected, not a list");
    refuse(json!([{}]), "/0", "at least one of the members");
    refuse(json!([{"other": 1}]), "/0", "at least one of the members");
    refuse(json!([{"status": 400}]), "/0/status", "expected a string");
    refuse(json!([{"id": 1}]), "/0/id", "expected a string");
    refuse(json!([{"code": 1}]), "/0/code", "expected a string");
    refuse(json!([{"title": {}}]), "/0/title", "expected a string");
    refuse(json!([{"source": "/data"}]), "/0/source", "expected an object");
    refuse(json!([{"source": ["/data"]}]), "/0/source", "expected an object");
    refuse(json!([{"source": {"pointer": {}}}]), "/0/source/pointer", "expected a string");
    refuse(json!([{"source": {"parameter": 1}}]), "/0/source/parameter", "expected a string");
    refuse(json!([{"links": {"about": 1}}]), "/0/links/about", "a link");
    refuse(json!([{"links": {"a+": null}}]), "/0/links/a+", "does not allow");
    refuse(json!([{"meta": "x"}]), "/0/meta", "expected a map");
    refuse(json!([{"meta": {"a+": 1}}]), "/0/meta/a+", "does not allow");
}

#[test]
fn meta_and_the_version_are_objects() {
    refuse(&json!({"meta": []}), "/meta", "an object is expected, not a list");
    refuse(&json!({"meta": null}), "/meta", "an object is expected, not null");
    refuse(&json!({"meta": {}, "jsonapi": "1.1"}), "/jsonapi", "an object is expected, not a string");
    refuse(&json!({"meta": {}, "jsonapi": ["1.1"]}), "/jsonapi", "an object is expected, not a list");
    refuse(&json!({"meta": {}, "jsonapi": {"version": 1}}), "/jsonapi/version", "expected a string");
    refuse(&json!({"meta": {}, "jsonapi": {"ext": "a"}}), "/jsonapi/ext", "expected a sequence");
    refuse(&json!({"meta": {}, "jsonapi": {"profile": [1]}}), "/jsonapi/profile/0", "expected a string");
    refuse(&json!({"meta": {}, "jsonapi": {"meta": {"a+": 1}}}), "/jsonapi/meta/a+", "does not allow");
    refuse_article(&json!({"meta": 7}), "/meta", "an object is expected, not a number");
}

#[test]
fn included_resources_are_checked_even_if_the_program_does_not_list_their_type() {
    let refuse = |included: Value, pointer: &str, words: &str| {
        let body = json!({"data": null, "included": included});
        refuse(&body, &format!("/included{pointer}"), words);
    };
    refuse(json!({"type": "people", "id": "9"}), "", "a list is expected, not an object");
    refuse(json!(null), "", "a list is expected, not null");
    refuse(json!([{"type": "people", "id": "8"}, {"type": "people", "id": 9}]), "/1/id", "expected a string");
    for kind in ["people", "tags"] {
        let included = |members: Value| {
            let mut resource = json!({"type": kind, "id": "9"});
            resource.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            json!([resource])
        };
        refuse(included(json!({"id": null})), "/0", "an `id` is missing");
        refuse(included(json!({"attributes": 7})), "/0/attributes", "an object is expected");
        refuse(included(json!({"attributes": {"type": 7}})), "/0/attributes/type", "must not be named");
        refuse(included(json!({"links": {"self": 7}})), "/0/links/self", "a link");
        refuse(included(json!({"meta": 7})), "/0/meta", "an object is expected");
        let tagged = included(json!({"relationships": {"tags": {"data": [{"type": "tags"}]}}}));
        refuse(tagged, "/0/relationships/tags/data/0", "an `id` is missing");
        let both = json!({"attributes": {"tags": 1}, "relationships": {"tags": {"meta": {}}}});
        refuse(included(both), "/0/attributes/tags", "of the same name");
    }
}

#[test]
fn a_value_of_another_type_is_refused_at_its_place() {
    let person = |age: Value| json!({"data": {"type": "people", "id": "9", "attributes": {"age": age}}});
    let pointer = "/data/attributes/age";
    refused::<Person>(
        &person(json!("old")).to_string(),
        pointer,
        "invalid type: string \"old\", expected u8",
    );
    refused::<Person>(&person(json!(256)).to_string(), pointer, "expected u8");
}

#[test]
fn deep_nesting_is_an_error_where_it_would_be_kept() {
    let nested = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    let refused = |body: &str| read::<Article>(body).unwrap_err().read().unwrap().clone();
    let error = refused(&format!(r#"{{"meta": {{"a": {nested}}}}}"#));
    assert!(error.pointer().starts_with("/meta/a/0/0/0"));
    assert!(error.problem().contains("recursion limit"));
    let resource = |attribute: &str| {
        format!(r#"{{"data": {{"type": "articles", "id": "1", "attributes": {{"{attribute}": {nested}}}}}}}"#)
    };
    let error = refused(&resource("title"));
    assert_eq!(error.pointer(), "/data/attributes/title");
    // Nothing reads this attribute, and skipping it takes no stack.
    assert!(read::<Article>(&resource("unread")).is_ok());
}

#[test]
fn members_of_extensions_are_ignored_and_elsewhere_all_that_the_format_does_not_know() {
    let document = article(&json!({
        "data": {
            "type": "articles", "id": "1", "@type": 7, "version:id": "7",
            "attributes": {"title": "One", "@id": 7, "version:title": 7, "na\u{ef}ve": 7, "a b_c-d": 7},
            "relationships": {"@context": 7, "version:history": 7, "tags": {
                "data": [{"type": "tags", "id": "1", "version:id": 7, "@id": 7}], "@id": 7, "version:id": 7
            }},
            "links": {"other": null, "@id": "/", "version:self": "/"}
        },
        "jsonapi": {"version": "7.0", "other": 7},
        "meta": {"@context": 7, "version:id": 7, "a b_c-d": {"a+": 7}},
        "atomic:results": 7,
        "other": 7
    }));
    let article = document.data().unwrap();
    assert_eq!(article.title.value().map(|title| &**title), Some("One"));
    assert_eq!(document.meta().unwrap().len(), 3);
}
