use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, fallback = "nobody")]
struct GetName {
    id: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, fallback)]
struct GetUser {
    id: u64,
}

fn main() {}
