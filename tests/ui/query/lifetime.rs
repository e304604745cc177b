use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String)]
struct GetPost<'a> {
    slug: &'a str,
}

fn main() {}
