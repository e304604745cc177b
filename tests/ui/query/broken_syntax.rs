use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity 10, ttl = "5m" fresh = "1m")]
struct GetPost {
    id: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query]
struct GetUser {
    id: u64,
}

fn main() {}
