use cache_core::{Cache, Query};

cache_core::registry! {
    struct CacheRegistry {
        GetPost,
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String)]
pub struct GetPost;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String)]
pub struct GetUser;

fn main() {
    let cache = Cache::<CacheRegistry>::new();
    cache.insert(GetPost, "text".to_owned());
    let user = cache.get(&GetUser);
    println!("{user:?}");
}
