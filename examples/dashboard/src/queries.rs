//! The questions, each with the options that its answers are kept and loaded by. How they are loaded stands in `loads`.
//!
//! How often they are asked is for the command line to say: see [`session::client`](crate::session::client). All stand
//! behind one circuit breaker, since all go to the same newsroom: when it is down, they leave it alone together.

use cache_core::Query;

use crate::model::{Comments, FeedPage, Stats, Story};

/// Name of the circuit breaker of all queries here.
pub const BREAKER: &str = "newsroom";

/// How much there is, and what it has cost so far to tell.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Stats, capacity = 1, retry = 1, breaker = "newsroom")]
pub struct GetStats;

/// One page of the list of articles: a key of its own for each page.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = FeedPage, capacity = 20, retry = 1, breaker = "newsroom")]
pub struct GetFeed {
    /// Where the page begins, as the page before tells; `None` for the first page.
    pub before: Option<String>,
}

/// One article. "There is none" is an answer too, and no failure of the newsroom.
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
