//! The rest of the program is compiled as if the query were right.
use std::sync::Arc;

use cache_core::{Lookup, Query, Registry, TableDescription};

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

fn value<L: Lookup>(_: &L) -> Arc<<L::Query as Query>::Value> {
    unimplemented!()
}

fn main() {
    let post: Arc<String> = value(&GetPost { id: 7 });
    let descriptions: Vec<TableDescription> = <CacheRegistry as Registry>::describe();
    println!("{post} {descriptions:?}");
}
