use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, ttl = "5m")]
#[query(ttl = "10m")]
struct GetPost {
    id: u64,
}

fn main() {}
