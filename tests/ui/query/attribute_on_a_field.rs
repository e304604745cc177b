use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String)]
struct GetPost {
    #[query(borrowed)]
    slug: String,
}

fn main() {}
