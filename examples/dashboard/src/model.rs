//! What the newsroom tells: the answers to the queries. Plain data; what a newsroom leaves out is empty. All texts are on
//! one line and of bounded length, and lists too: a newsroom may be broken, or none.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::plain;

/// How much there is, and what it has cost so far to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// How much there is.
    pub totals: Totals,
    /// What the newsroom's database was asked.
    pub database: DatabaseLoads,
    /// How the newsroom's cache is doing.
    pub cache: CacheCounts,
}

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Totals {
    pub articles: u64,
    pub authors: u64,
    pub comments: u64,
    /// The comment that was posted last.
    pub latest: Option<Latest>,
}

/// The comment that was posted last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Latest {
    /// Headline of its article.
    #[serde(deserialize_with = "plain::read_title")]
    pub title: String,
    /// Who wrote it.
    #[serde(deserialize_with = "plain::read_title")]
    pub name: String,
}

/// What a database was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DatabaseLoads {
    /// Keys that were loaded, each time.
    pub loads: u64,
    /// By name of the query.
    #[serde(deserialize_with = "loads")]
    pub queries: BTreeMap<String, QueryLoads>,
}

/// Reads what was loaded, of the first queries.
fn loads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, QueryLoads>, D::Error> {
    let all = BTreeMap::<String, QueryLoads>::deserialize(deserializer)?;
    Ok(all.into_iter().take(plain::MOST).map(|(name, loads)| (plain::title(&name), loads)).collect())
}

/// What was loaded of one query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct QueryLoads {
    /// Keys that were loaded, each time.
    pub loads: u64,
}

/// How a cache is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names say it")]
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
    /// Who wrote it.
    #[serde(default, deserialize_with = "plain::read_title")]
    pub name: String,
    /// How many comments there are on it.
    #[serde(default)]
    pub comments: u64,
}

/// An article, and who wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Story {
    /// The article.
    pub article: Article,
    /// Who wrote it, unless they are gone.
    #[serde(default)]
    pub author: Option<Author>,
}

/// An article.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Article {
    /// What a list shows of it.
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

/// One who writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Author {
    /// Their name.
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
    /// Who wrote it.
    #[serde(deserialize_with = "plain::read_title")]
    pub name: String,
    /// What it says.
    #[serde(deserialize_with = "plain::text")]
    pub text: String,
}
