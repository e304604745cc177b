use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, max_weight = 1_000, weigh = weight)]
struct GetPost {
    id: u64,
}

fn weight(_: &GetPost, value: &str) -> usize {
    value.len()
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, max_weight = 1_000, weigh = bytes)]
struct GetUser {
    id: u64,
}

fn main() {}
