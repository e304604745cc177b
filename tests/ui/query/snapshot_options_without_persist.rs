use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, codec = "json")]
struct GetPost {
    id: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, opaque, version = 2)]
struct GetUser {
    id: u64,
}

fn main() {}
