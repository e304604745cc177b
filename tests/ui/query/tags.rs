use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, tags = "posts")]
struct Assigned;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, tags)]
struct Alone;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, tags())]
struct Empty;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, tags(posts))]
struct Unquoted;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, tags("posts", "posts"))]
struct Twice;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, tags("posts", " "))]
struct Blank;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity(5), eq(yes))]
struct OtherLists;

fn main() {}
