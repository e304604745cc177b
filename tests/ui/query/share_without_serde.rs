use cache_core::Query;

struct Post;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Post, share, opaque)]
struct GetPost {
    id: u64,
}

fn main() {}
