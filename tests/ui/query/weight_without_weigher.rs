use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, max_weight = 1_000)]
struct GetPost {
    id: u64,
}

fn weight(_: &GetUser, _: &String) -> u32 {
    1
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 1_000, weigh = weight)]
struct GetUser {
    id: u64,
}

fn main() {}
