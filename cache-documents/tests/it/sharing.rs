//! Documents on several machines with one shared tier.

use std::time::Duration;

use cache_client::shared::{SharedTier, SimTier};
use cache_core::Cache;
use cache_documents::{ClientDocuments, Field};
use serde_json::{Value, json};

use crate::blog::{Desk, GetArticle, Person, PersonId, blog_where, takes};

fn article(id: u32, author: &str) -> Value {
    json!({
        "data": {
            "type": "articles", "id": id.to_string(), "attributes": {"title": "One"},
            "relationships": {"author": {"data": {"type": "people", "id": author}}}
        },
        "included": [{"type": "people", "id": author, "attributes": {"name": "Ann"}}]
    })
}

/// The third article has another author.
async fn machine(server: &SimTier) -> Desk {
    let tier = SharedTier::builder(server.clone()).optional();
    let desk = blog_where(Cache::builder(), |client| client.shared(tier));
    for (id, author) in [(1, "9"), (2, "9"), (3, "8")] {
        desk.answers(&format!("/articles/{id}"), article(id, author));
    }
    takes(Duration::from_secs(1)).await;
    desk
}

#[tokio::test(start_paused = true)]
async fn a_changed_record_is_told_for_every_document_that_shows_it() {
    let server = SimTier::new();
    let (first, second) = (machine(&server).await, machine(&server).await);
    first.article(1).await;
    // One that no load of this machine has stored.
    let two = first.document(&article(2, "9"));
    first.client.change(|changes| drop(changes.set(GetArticle(2), two.clone()))).await.unwrap();
    for id in [1, 2, 3] {
        second.article(id).await;
    }
    takes(Duration::from_secs(1)).await;
    let is_stale = |id| second.client.query_state(&GetArticle(id)).unwrap().is_stale;
    assert_eq!([1, 2, 3].map(is_stale), [false; 3]);

    let zoe = |person: &mut Person| person.name = Field::Value("Zoe".into());
    assert!(first.client.documents().patch(&PersonId("9".into()), zoe).await.unwrap());
    assert_eq!([first.author(1), first.author(2)], ["Zoe", "Zoe"]);
    takes(Duration::from_secs(1)).await;
    assert_eq!([1, 2, 3].map(is_stale), [true, true, false]);
}
