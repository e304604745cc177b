use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(vlue = String, capacity = "many", lru = 0, persist = true, ttl = "soon")]
struct GetPost {
    id: u64,
}

fn main() {}
