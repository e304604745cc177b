//! Names of what the server has not named yet.

use cache_documents::{Id, One};
use serde_json::json;

use crate::blog::{ArticleId, PersonId};
use crate::reading::{article, articles};

#[test]
fn a_local_id_has_a_stable_text_and_an_id_of_the_server_is_none() {
    let local = Id::local("user:1");
    assert_eq!((local.lid(), local.as_str()), (Some("user:1"), "@lid:user:1"));
    assert_eq!((local.to_string(), format!("{local:?}")), ("@lid:user:1".into(), "\"@lid:user:1\"".into()));
    assert_eq!(Id::from("user:1").lid(), None);
    assert_ne!(local, Id::from("user:1"));
    assert_ne!(local, Id::local("user:2"));
    let text = serde_json::to_string(&local).unwrap();
    assert_eq!(text, "\"@lid:user:1\"");
    assert_eq!(serde_json::from_str::<Id>(&text).unwrap(), local);
}

#[test]
fn resources_and_linkage_name_what_has_no_id_yet() {
    let document = article(&json!({
        "data": {
            "type": "articles", "lid": "draft",
            "relationships": {
                "author": {"data": {"type": "people", "lid": "user:1"}},
                "editors": {"data": [{"type": "people", "id": null, "lid": "user:1"}, {"type": "people", "id": "9"}]}
            }
        },
        "included": [{"type": "people", "id": null, "lid": "user:1", "attributes": {"name": "Ann"}}]
    }));
    let shown = document.get(&ArticleId(Id::local("draft"))).unwrap();
    assert!(std::sync::Arc::ptr_eq(shown, document.data().unwrap()));
    let author = PersonId(Id::local("user:1"));
    assert_eq!(shown.author, One::to(author.clone()));
    assert_eq!(shown.editors.keys(), [author, PersonId("9".into())]);
    assert_eq!(document.one(&shown.author).unwrap().name.value().unwrap(), "Ann");
}

#[test]
fn an_id_is_stronger_than_a_local_one() {
    let resource = json!({"type": "articles", "id": "12", "lid": "draft"});
    let document = articles(&json!({"data": [resource, {"type": "articles", "lid": "draft"}]}));
    assert_eq!((document.data().len(), document.records()), (2, 2));
    assert!(document.get(&ArticleId("12".into())).is_some());
    assert!(document.get(&ArticleId(Id::local("draft"))).is_some());
}
