//! What the newsroom returns: the answers to the queries. Plain data; a part that a newsroom leaves out is empty. All
//! texts are on one line and of bounded length, and so are lists: the newsroom may be broken, or may be something else.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::plain;

/// Totals, and the cost of all loads so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// Numbers of articles, authors and comments.
    pub totals: Totals,
    /// The loads of the newsroom's database.
    pub database: DatabaseLoads,
    /// How the newsroom's cache is doing.
    pub cache: CacheCounts,
}

/// Numbers of articles, authors and comments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are self-explanatory")]
pub struct Totals {
    pub articles: u64,
    pub authors: u64,
    pub comments: u64,
    /// The newest comment.
    pub latest: Option<Latest>,
}

/// The newest comment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Latest {
    /// Headline of its article.
    #[serde(deserialize_with = "plain::read_title")]
    pub title: String,
    /// Its author.
    #[serde(deserialize_with = "plain::read_title")]
    pub name: String,
}

/// The loads of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DatabaseLoads {
    /// Number of keys that were loaded, repetitions included.
    pub loads: u64,
    /// By name of the query.
    #[serde(deserialize_with = "loads")]
    pub queries: BTreeMap<String, QueryLoads>,
}

/// Reads the loads of the first queries.
fn loads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, QueryLoads>, D::Error> {
    let all = BTreeMap::<String, QueryLoads>::deserialize(deserializer)?;
    Ok(all.into_iter().take(plain::MOST).map(|(name, loads)| (plain::title(&name), loads)).collect())
}

/// The loads of one query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct QueryLoads {
    /// Number of keys that were loaded, repetitions included.
    pub loads: u64,
}

/// How a cache is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are self-explanatory")]
pub struct CacheCounts {
    pub hits: u64,
    pub misses: u64,
    pub entries: u64,
}

/// One page of the list of articles, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct FeedPage {
    /// The articles of the page.
    #[serde(deserialize_with = "plain::first")]
    pub articles: Vec<Teaser>,
    /// Where the next page begins; `None` on the last.
    #[serde(default)]
    pub next: Option<String>,
}

/// An article in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Teaser {
    /// Number of the article.
    pub id: u64,
    /// The headline.
    #[serde(deserialize_with = "plain::read_title")]
    pub title: String,
    /// The author.
    #[serde(default, deserialize_with = "plain::read_title")]
    pub name: String,
    /// How many comments there are on it.
    #[serde(default)]
    pub comments: u64,
}

/// An article and its author.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Story {
    /// The article.
    pub article: Article,
    /// The author, unless deleted.
    #[serde(default)]
    pub author: Option<Author>,
}

/// An article.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Article {
    /// The part that a list shows.
    pub card: Card,
    /// Its text.
    #[serde(default, deserialize_with = "plain::texts")]
    pub paragraphs: Vec<String>,
}

/// What a list shows of an article.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Card {
    /// The headline.
    #[serde(deserialize_with = "plain::read_title")]
    pub title: String,
    /// The sentence below the headline.
    #[serde(default, deserialize_with = "plain::text")]
    pub standfirst: String,
}

/// An author.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Author {
    /// The author's name.
    #[serde(deserialize_with = "plain::read_title")]
    pub name: String,
}

/// The comments on one article.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Comments {
    /// How many there are.
    pub total: u64,
    /// The newest of them, newest first.
    #[serde(default, deserialize_with = "plain::first")]
    pub newest: Vec<Comment>,
}

/// One comment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Comment {
    /// The author.
    #[serde(deserialize_with = "plain::read_title")]
    pub name: String,
    /// The text.
    #[serde(deserialize_with = "plain::text")]
    pub text: String,
}
