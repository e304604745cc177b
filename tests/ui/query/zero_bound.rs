use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 0)]
struct GetPost {
    id: u64,
}

fn weight(_: &GetUser, _: &String) -> u32 {
    1
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, max_weight = 0, weigh = weight)]
struct GetUser {
    id: u64,
}

fn main() {}
