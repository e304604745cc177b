//! Records that are shown changed before the server has answered.

use cache_documents::{ChangeRecords, ClientDocuments, EditRecords, Field};
use serde_json::{Value, json};

use crate::blog::{Desk, GetArticle, GetFeed, Person, PersonId, blog};

fn article(id: u32, name: &str) -> Value {
    json!({
        "data": {
            "type": "articles", "id": id.to_string(), "attributes": {"title": "Title"},
            "relationships": {"author": {"data": {"type": "people", "id": "9"}}}
        },
        "included": [{"type": "people", "id": "9", "attributes": {"name": name}}]
    })
}

fn ann() -> PersonId {
    PersonId("9".into())
}

async fn two_articles() -> Desk {
    let desk = blog();
    for id in [1, 2] {
        desk.answers(&format!("/articles/{id}"), article(id, "Ann"));
        desk.article(id).await;
    }
    desk
}

async fn shown(desk: &Desk, id: u32) -> String {
    let document = desk.article(id).await;
    document.get(&ann()).unwrap().name.value().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_layer_renames_a_person_in_all_documents_and_its_end_takes_it_back() {
    let desk = two_articles().await;
    let layer =
        desk.client.optimistic(|layer| layer.patch(&ann(), |person| person.name = "Zoe".to_owned().into()));
    assert_eq!((shown(&desk, 1).await, shown(&desk, 2).await), ("Zoe".into(), "Zoe".into()));
    assert_eq!(
        desk.person("9").unwrap().name,
        Field::Value("Ann".into()),
        "the cache has what was committed"
    );
    layer.rollback();
    assert_eq!((shown(&desk, 1).await, shown(&desk, 2).await), ("Ann".into(), "Ann".into()));
}

#[tokio::test(start_paused = true)]
async fn a_layer_is_folded_over_later_changes_of_the_record_and_confirmed_in_one_commit() {
    let desk = two_articles().await;
    let layer =
        desk.client.optimistic(|layer| layer.patch(&ann(), |person| person.name = "Zoe".to_owned().into()));
    desk.client.documents().patch(&ann(), |person| person.age = 41.into()).await.unwrap();
    let document = desk.article(1).await;
    let person = document.get(&ann()).unwrap();
    assert_eq!((person.name.value().unwrap().as_str(), person.age), ("Zoe", 41.into()));
    let confirmed = layer.confirm(|changes| {
        changes.patch(&ann(), |person| person.name = "Zoë".to_owned().into());
    });
    confirmed.await.unwrap();
    assert_eq!((shown(&desk, 1).await, shown(&desk, 2).await), ("Zoë".into(), "Zoë".into()));
    assert_eq!(desk.client.pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_layer_takes_a_record_out_of_lists_and_links() {
    let desk = blog();
    let body = json!({"data": [article(1, "Ann")["data"]], "included": article(1, "Ann")["included"]});
    desk.answers("/feed/1", body);
    desk.client.query(&GetFeed(1)).await.unwrap();
    let layer = desk.client.optimistic(|layer| layer.delete(&ann()));
    let feed = desk.client.query(&GetFeed(1)).await.unwrap();
    let shown = feed.data().next().unwrap();
    assert!(shown.author.data().is_null() && feed.get(&ann()).is_none());
    drop(layer);
    let feed = desk.client.query(&GetFeed(1)).await.unwrap();
    assert!(feed.get(&ann()).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_layer_changes_a_document_once_though_an_older_one_of_its_key_is_held() {
    let desk = two_articles().await;
    let held = desk.cached(1);
    let mut body = article(1, "Ann");
    body["data"]["attributes"]["title"] = json!("Other");
    body["included"][0]["attributes"]["age"] = json!(40);
    body["included"] = json!([body["included"][0], {"type": "people", "id": "8"}]);
    desk.answers("/articles/1", body);
    desk.reload(1).await;
    let older = |person: &mut Person| person.age = Field::Value(person.age.value().unwrap() + 1);
    let layer = desk.client.optimistic(|layer| layer.patch(&ann(), older));
    assert_eq!(desk.article(1).await.get(&ann()).unwrap().age, 41.into());
    drop((layer, held));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_was_written_by_hand_has_layers_too() {
    let desk = blog();
    let document = desk.document(&article(1, "Ann"));
    desk.client.documents().write(&GetArticle(1), document).await.unwrap();
    let layer =
        desk.client.optimistic(|layer| layer.patch(&ann(), |person| person.name = "Zoe".to_owned().into()));
    assert_eq!(shown(&desk, 1).await, "Zoe");
    drop(layer);
}

#[tokio::test(start_paused = true)]
async fn a_restored_document_has_layers_too() {
    let (desk, _) = two_articles().await.restarted();
    let layer =
        desk.client.optimistic(|layer| layer.patch(&ann(), |person| person.name = "Zoe".to_owned().into()));
    assert_eq!((shown(&desk, 1).await, shown(&desk, 2).await), ("Zoe".into(), "Zoe".into()));
    layer.rollback();
    assert_eq!(shown(&desk, 1).await, "Ann");
}
