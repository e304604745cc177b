use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, persist, opaque, codec = "jsno")]
struct GetPost {
    id: u64,
}

fn main() {}
