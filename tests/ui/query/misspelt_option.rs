use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capasity = 10_000)]
struct GetPost {
    id: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(vlaue = String, time_to_live = "5m")]
struct GetUser {
    id: u64,
}

fn main() {}
