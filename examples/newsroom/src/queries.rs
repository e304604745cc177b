//! The queries, each with the options for storing and loading its answers. `loads` has the code that loads them.
//!
//! An answer that never changes stays fresh for long. One that a comment changes is invalidated by the comment, so it
//! can stay fresh for long too. `persist` puts a table into the snapshot that makes the next start warm, and its answers
//! into the file that answers while the database is missing; `stale_if_error` says for how long. `share` gives its
//! answers to the other newsrooms if the program runs with `--shared`. Everybody may read the newspaper, so all answers
//! may be shared, except what is derived from them or concerns only this process.

use cache_core::{Query, Shape};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::model::{
    Article, Author, Comments, Cursor, DISCUSSED_PAGES, DiscussedPage, Discussion, FeedPage, Hits, Section,
    Totals,
};

/// One article. "Not found" is an answer too, which is kept for a shorter time.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(
    value = Option<Article>, capacity = 4_000, fresh = "1h", stale_if_error = "1d", absent_ttl = "10s", persist, share,
    breaker = "database"
)]
pub struct GetArticle {
    /// Its number.
    pub id: u64,
}

/// One author.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(
    value = Option<Author>, capacity = 20_000, fresh = "1h", stale_if_error = "1d", absent_ttl = "10s", persist, share,
    breaker = "database", batch = 50
)]
pub struct GetAuthor {
    /// Their number.
    pub id: u64,
}

/// The comments on an article. Invalidated by each new one. Stale ones are served while the database fails.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(
    value = Comments, capacity = 4_000, fresh = "1h", stale_if_error = "1d", persist, share, eq,
    breaker = "database"
)]
pub struct GetComments {
    /// Number of the article.
    pub article: u64,
}

/// The comments on an article with the names of their authors, as a page shows them. Built from [`GetComments`], and
/// invalidated with it; a new name of an author invalidates all.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = Discussion, capacity = 1_000, fresh = "1h", derived)]
pub struct GetDiscussion {
    /// Number of the article.
    pub article: u64,
}

/// How many comments there are on an article. Invalidated by each new one.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(
    value = u32, capacity = 20_000, fresh = "1h", stale_if_error = "1d", persist, share,
    breaker = "database", batch = 50
)]
pub struct CountComments {
    /// Number of the article.
    pub article: u64,
}

/// One page of the list of articles: a key of its own for each page. Its load brings what the pages of these articles
/// show.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(
    value = FeedPage, capacity = 1_000, persist, share, breaker = "database",
    strategy = "stale-while-revalidate", fresh = "1m", swr = "1h", stale_if_error = "1d"
)]
pub struct GetFeed {
    /// The section, or all of them.
    pub section: Option<Section>,
    /// The number of an author, or all of them.
    pub author: Option<u64>,
    /// The article before the page; `None` for the first page.
    pub before: Option<Cursor>,
}

/// One page of the list of the most discussed articles. Invalidated by each comment. Stale ones are served while the
/// database fails.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(
    value = DiscussedPage, capacity = 5, fresh = "1h", stale_if_error = "1d", persist, share, breaker = "database",
    tags("summaries")
)]
pub struct MostDiscussed {
    /// Number of the page; the first is 0.
    pub page: u32,
}

/// Totals over all articles. Invalidated by each comment.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Totals, capacity = 1, fresh = "1h", persist, share, breaker = "database", tags("summaries"))]
pub struct GetTotals;

/// The articles in which all words occur, best first. Expensive, so it has a circuit breaker of its own, and its load
/// ends when the last caller leaves; not saved, because tomorrow's searches are different. Shared, so that a deleted
/// article disappears from the results of all newsrooms.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(
    value = Hits, lru = 500, ttl = "1h", jitter = 0.1, share, breaker, retry = 1, linger = "0s",
    strategy = "stale-while-revalidate", fresh = "1m", swr = "10m"
)]
pub struct Search {
    /// In lower case, without duplicates, in order: the same words are the same query.
    pub words: Vec<String>,
}

/// The database that the answers are from. Never loaded: written before the cache is saved, and compared after it is
/// restored.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = crate::database::Edition, capacity = 1, persist)]
pub struct CurrentEdition;

impl MostDiscussed {
    /// The queries of all pages.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..DISCUSSED_PAGES).map(|page| Self { page })
    }
}

impl Search {
    /// Maximum number of characters in a search.
    pub const LONGEST: usize = 200;

    /// Maximum number of words in a search.
    pub const MOST_WORDS: usize = 8;

    /// The query for a text. `None` if it contains no word.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_word = |word: &&str| !word.is_empty();
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(is_word).take(Self::MOST_WORDS);
        let mut words: Vec<_> = words.map(str::to_lowercase).collect();
        words.sort_unstable();
        words.dedup();
        (!words.is_empty()).then_some(Self { words })
    }
}
