use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, ttl = "5min", tti = 30, fresh = 5m)]
struct GetPost {
    id: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, ttl = "1.5h", tti = "30", fresh = "99999999999999999d")]
struct GetUser {
    id: u64,
}

fn main() {}
