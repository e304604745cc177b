use cache_core::{Holds, Query};

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

fn get<R: Holds<Q>, Q: Query>(_: &Q) {}

fn main() {
    get::<CacheRegistry, _>(&GetPost);
    get::<CacheRegistry, _>(&GetUser);
}
