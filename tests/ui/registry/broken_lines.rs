cache_core::registry! {
    struct CacheRegistry {
        "GetPost",
        get_post: GetPost,
        GetPost as get_post,
        GetPost GetPost,
        GetPost,
        GetPost,
    }
}

#[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String)]
pub struct GetPost;

// No errors of its own.
fn main() {
    let cache = cache_core::Cache::<CacheRegistry>::new();
    cache.insert(GetPost, "text");
    let descriptions: Vec<cache_core::__private::TableDescription> = CacheRegistry::describe();
    println!("{descriptions:?}");
}
