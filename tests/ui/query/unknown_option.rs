use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, flavour = "sweet")]
struct GetPost {
    id: u64,
}

fn main() {}
