//! The rest of the program is compiled as if the query were correct.
use std::sync::Arc;

use cache_core::{Cache, Query, __private::TableDescription};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 0)]
struct GetPost {
    id: u64,
}

cache_core::registry! {
    struct CacheRegistry {
        GetPost,
    }
}

fn main() {
    let cache = Cache::<CacheRegistry>::new();
    let post: Option<Arc<String>> = cache.get(&GetPost { id: 7 });
    let descriptions: Vec<TableDescription> = CacheRegistry::describe();
    println!("{post:?} {descriptions:?}");
}
