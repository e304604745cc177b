use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 100, derived, persist)]
struct GetTotal {
    cart: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 100, derived = true)]
struct GetSum {
    cart: u64,
}

fn main() {}
