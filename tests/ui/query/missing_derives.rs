use cache_core::Query;

#[derive(Query, Clone, Debug)]
#[query(value = String)]
struct GetPost {
    id: u64,
}

fn main() {}
