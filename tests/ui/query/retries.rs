use std::time::Duration;

use cache_core::Query;

const MINUTE: Duration = Duration::from_mins(1);
const SHRINKING: f64 = 0.5;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, retry_first = "0s", retry_longest = "1x", retry_factor = 0.5)]
struct GetPost {
    id: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, retry_first = "2s", retry_longest = "1s")]
struct GetUser {
    id: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, retry_first = MINUTE, retry_longest = "1s")]
struct GetComments {
    id: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, retry_first = "2m", retry_longest = MINUTE)]
struct GetTags {
    id: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, retry_factor = SHRINKING)]
struct GetHits {
    id: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, retry_longest = Duration::ZERO)]
struct GetMoreHits {
    id: u64,
}

fn main() {}
