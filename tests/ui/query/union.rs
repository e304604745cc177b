use cache_core::Query;

#[derive(Query, Clone, Copy)]
#[query(value = String)]
union GetPost {
    id: u64,
    other: i64,
}

fn main() {}
