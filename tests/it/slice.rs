use std::sync::Arc;

use cache_core::{Cache, Query, Shape, registry};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
pub struct Post {
    title: String,
}

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Post, capacity = 10_000, ttl = "5m", fresh = "30s", persist)]
pub struct GetPost {
    pub id: u64,
}

registry! {
    pub struct Registry {
        GetPost,
    }
}

#[test]
fn an_answer_survives_a_restart() {
    let cache = Cache::<Registry>::new();
    let mut tx = cache.begin();
    tx.set(GetPost { id: 7 }, Post { title: "seven".into() });
    tx.merge_with(GetPost { id: 8 }, |old: Option<&Post>| Post {
        title: old.map_or("none".into(), |old| old.title.clone()),
    });
    tx.commit().unwrap();
    let post: Option<Arc<Post>> = cache.get(&GetPost { id: 7 });
    assert_eq!(post.unwrap().title, "seven");

    let mut bytes = Vec::new();
    cache.save_to(&mut bytes).unwrap();
    let later = Cache::<Registry>::new();
    let report = later.restore_from(&bytes[..]).unwrap();
    assert_eq!(report.restored(), 2);
    assert_eq!(later.get(&GetPost { id: 7 }).unwrap().title, "seven");
    println!("{}", later.inspect());
}
