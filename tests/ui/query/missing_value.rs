use std::sync::Arc;

use cache_core::{Cache, Query};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
struct GetPost {
    id: u64,
}

cache_core::registry! {
    struct CacheRegistry {
        GetPost,
    }
}

// Not an error of its own: the type of the answer is unknown.
fn main() {
    let cache = Cache::<CacheRegistry>::new();
    let post: Option<Arc<String>> = cache.get(&GetPost { id: 7 });
    cache.insert(GetPost { id: 7 }, "text");
    println!("{post:?}");
}
