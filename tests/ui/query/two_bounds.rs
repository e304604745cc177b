use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 10, lru = 10)]
struct GetPost {
    id: u64,
}

fn main() {}
