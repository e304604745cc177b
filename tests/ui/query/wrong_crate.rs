use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, crate = "chache_core")]
struct GetPost {
    id: u64,
}

fn main() {}
