//! The questions, each with the options that its answers are kept and loaded by. How they are loaded stands in `loads`.
//!
//! What never changes is fresh for long; what a comment changes is invalidated by it, so that it need not be short-lived
//! either. `persist` puts a table into the snapshot with which the next
//! start is warm.

use cache_core::{Query, Shape};
use serde::{Deserialize, Serialize};

use crate::model::{Article, Author, Card, Comments, Cursor, FeedPage, Hits, Section, Totals};

/// One article. "There is none" is an answer too, of a shorter life.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Option<Article>, capacity = 4_000, fresh = "1h", absent_ttl = "10s", persist, breaker = "database")]
pub struct GetArticle {
    /// Its number.
    pub id: u64,
}

/// One author.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(
    value = Option<Author>, capacity = 20_000, fresh = "1h", absent_ttl = "10s", persist, breaker = "database", batch = 50
)]
pub struct GetAuthor {
    /// Their number.
    pub id: u64,
}

/// The comments on an article. Invalidated by each new one. When the database fails, old ones are better than none.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Comments, capacity = 4_000, fresh = "1h", stale_if_error = "1d", persist, eq, breaker = "database")]
pub struct GetComments {
    /// Number of the article.
    pub article: u64,
}

/// How many comments there are on an article. Invalidated by each new one.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u32, capacity = 20_000, fresh = "1h", persist, breaker = "database", batch = 50)]
pub struct CountComments {
    /// Number of the article.
    pub article: u64,
}

/// One page of the list of articles: a key of its own for each page.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(
    value = FeedPage, capacity = 1_000, persist, breaker = "database",
    strategy = "stale-while-revalidate", fresh = "1m", swr = "1h", stale_if_error = "1d"
)]
pub struct GetFeed {
    /// Of one section, or of all.
    pub section: Option<Section>,
    /// Behind which article the page begins; `None` for the first page.
    pub before: Option<Cursor>,
}

/// The articles that were discussed most. A comment invalidates it by its tag. When the database fails, old ones are better
/// than none.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(
    value = Vec<Card>, capacity = 1, fresh = "1h", stale_if_error = "1d", persist, breaker = "database",
    tags("summaries")
)]
pub struct MostDiscussed;

/// How much there is. A comment invalidates it by its tag.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Totals, capacity = 1, fresh = "1h", persist, breaker = "database", tags("summaries"))]
pub struct GetTotals;

/// The articles in which all words occur, best first. Dear to find, so that it has a circuit breaker of its own, and is not
/// looked for when nobody waits any more; not saved, because what people look for tomorrow is something else.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(
    value = Hits, lru = 500, ttl = "1h", jitter = 0.1, breaker, retry = 1, linger = "0s",
    strategy = "stale-while-revalidate", fresh = "1m", swr = "10m"
)]
pub struct Search {
    /// In lower case, without double ones, in order: the same words are the same question.
    pub words: Vec<String>,
}

/// What database the answers are from. Never loaded: written before the cache is saved, and compared after it was
/// restored.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = crate::database::Edition, capacity = 1, persist)]
pub struct CurrentEdition;

impl Search {
    /// Characters that the text of one search may have.
    pub const LONGEST: usize = 200;

    /// Words that one search may have.
    pub const MOST_WORDS: usize = 8;

    /// The question that a text asks. `None` if there is no word in it.
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
