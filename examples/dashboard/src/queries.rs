//! The queries, each with the options for storing and loading its answers. `loads` has the code that loads them.
//!
//! The command line sets how often they are loaded: see [`session::client`](crate::session::client). All share one
//! circuit breaker, since all go to the same newsroom: when it is down, none of them reaches it.

use cache_core::Query;

use crate::model::{Comments, FeedPage, Stats, Story};

/// Name of the circuit breaker of all queries here.
pub const BREAKER: &str = "newsroom";

/// Totals, and the cost of all loads so far.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Stats, capacity = 1, retry = 1, breaker = "newsroom")]
pub struct GetStats;

/// One page of the list of articles: a key of its own for each page.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = FeedPage, capacity = 20, retry = 1, breaker = "newsroom")]
pub struct GetFeed {
    /// Where the page begins, which the page before says; `None` for the first page.
    pub before: Option<String>,
}

/// One article. "Not found" is an answer too, and not a failure of the newsroom.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Option<Story>, capacity = 200, retry = 1, breaker = "newsroom")]
pub struct GetArticle {
    /// Its number.
    pub id: u64,
}

/// The comments on an article. `None` if there is no such article.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Option<Comments>, capacity = 200, retry = 1, breaker = "newsroom")]
pub struct GetComments {
    /// Number of the article.
    pub article: u64,
}
