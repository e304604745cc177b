//! What a query lacks is reported at the query, and nowhere else.
use cache_core::{Cache, Query, Shape, Tag};
use serde::{Deserialize, Serialize};

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[query(value = String, capacity = 10 * 10, ttl = "5m", breaker, persist, tags("posts"), tags_of = own, fallback = nobody)]
struct GetPost {
    id: u64,
}

#[derive(Query, Clone, Debug, Hash)]
#[query(value = String, borrowed, max_weight = 10, weigh = weight)]
struct GetUser {
    name: String,
}

#[derive(Query, Debug, PartialEq, Eq, Hash)]
#[query(value = Option<u8>, batch, absent_ttl = "1s")]
struct GetAge(u8);

#[derive(Query, Clone, PartialEq, Eq, Hash)]
#[query(value = Vec<u8>, eq)]
struct Bytes(u8);

fn nobody(_: &GetPost) -> String {
    String::new()
}

fn own(_: &GetPost) -> [Tag; 1] {
    [Tag::from("post")]
}

fn weight(_: &GetUser, _: &str) -> u32 {
    1
}

cache_core::registry! {
    struct CacheRegistry {
        GetPost,
        GetUser,
        GetAge,
        Bytes,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cache = Cache::<CacheRegistry>::new();
    let post = cache.insert(GetPost { id: 7 }, "Seven".to_owned());
    let pinned = cache.pin(&GetPost { id: 7 });
    let mut tx = cache.begin();
    tx.set(GetUser { name: "Ada".to_owned() }, "Ada".to_owned());
    tx.remove(&GetUserRef { name: "Ada" });
    tx.commit()?;
    println!("{post:?} {pinned:?} {:?}", cache.get(&GetUserRef { name: "Ada" }));
    println!("{:?} {:?}", cache.get(&GetAge(1)), cache.get(&Bytes(1)));
    println!("{:?}", cache.get_or_insert_with(&GetPost { id: 1 }, || "One".to_owned()));
    cache.invalidate(&GetPost { id: 1 });
    cache.save("posts.snapshot")?;
    Ok(())
}
