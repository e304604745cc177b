//! The parts of the newspaper: the answers to the queries. Plain data.

mod discussion;

use std::fmt::{self, Display};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use cache_core::Shape;
use serde::{Deserialize, Serialize, Serializer};
use ts_rs::TS;

use crate::problem::cut;

pub use discussion::{Discussion, SignedComment};

/// Maximum number of comments of an article that are shown; older ones are only counted.
pub const COMMENTS_SHOWN: u32 = 100;

/// Maximum number of pages of the list of the most discussed articles.
pub const DISCUSSED_PAGES: u32 = 5;

/// An author of articles or of comments.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// Number in the database.
    pub id: u64,
    /// Unique.
    pub name: String,
    /// A line about the author.
    pub about: String,
}

/// What a list shows of an article.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Card {
    /// Number in the database.
    pub id: u64,
    /// Number of its author.
    pub author: u64,
    /// Its section.
    pub section: Section,
    /// The headline.
    pub title: String,
    /// The sentence below the headline.
    pub standfirst: String,
    /// In seconds since 1970.
    pub published: i64,
}

/// One article, whole.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Article {
    /// The part that a list shows.
    pub card: Card,
    /// Its text.
    pub paragraphs: Vec<String>,
    /// The [`checksum`] of the article and the name of its author.
    pub checksum: u32,
}

/// The parts of the newspaper.
#[derive(Shape, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are self-explanatory")]
pub enum Section {
    City,
    Science,
    Culture,
    Business,
    Sport,
    Travel,
}

/// The comments on one article.
#[derive(Shape, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comments {
    /// How many there are.
    pub total: u32,
    /// The newest of them, newest first.
    pub newest: Vec<Comment>,
}

/// One comment.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Its position among the comments on the article; the first is 1. A comment that is not written yet has 0.
    pub number: u32,
    /// Its author.
    pub by: Byline,
    /// The text.
    pub text: String,
    /// In seconds since 1970.
    pub posted: i64,
}

/// The author of a comment.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Byline {
    /// An author, by number.
    Author(u64),
    /// A person by name, whose comment is on its way to the database.
    Name(String),
}

/// One page of a list of articles, newest first.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPage {
    /// The articles of the page.
    pub cards: Vec<Card>,
    /// Where the page before it begins.
    pub previous: PreviousPage,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
}

/// Where the page before a page of a list begins.
#[derive(Shape, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PreviousPage {
    /// The page is the first one.
    None,
    /// It is the first page.
    First,
    /// Below this article.
    Below(Cursor),
}

/// One page of the list of the most discussed articles, most discussed first.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscussedPage {
    /// The articles of the page.
    pub cards: Vec<Card>,
    /// Number of the next page; `None` on the last.
    pub next: Option<u32>,
}

/// A position in a list of articles: after one of them. As text `published-id`.
#[derive(Shape, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cursor {
    /// Of the article before it.
    pub published: i64,
    /// Of the article before it.
    pub id: u64,
}

/// The result of a search.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hits {
    /// How many articles have all the words.
    pub total: u32,
    /// The best matches, best first.
    pub best: Vec<Hit>,
}

/// An article that a search has found.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// The article.
    pub card: Card,
    /// Some of its text, in pieces: every second one is a word of the search.
    pub excerpt: Vec<String>,
}

/// Numbers of articles, authors and comments.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are self-explanatory")]
pub struct Totals {
    pub articles: u64,
    pub authors: u64,
    pub comments: u64,
    /// The newest comment.
    pub latest: Option<Latest>,
}

/// The newest comment.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// Number of its article.
    pub article: u64,
    /// Headline of its article.
    pub title: String,
    /// Its author.
    pub name: String,
    /// The comment.
    pub comment: Comment,
}

impl Comments {
    /// These comments with one more; unchanged if it is among them already.
    #[must_use]
    pub fn with(&self, comment: Comment) -> Self {
        let mut all = self.clone();
        let at = all.newest.partition_point(|other| other.number > comment.number);
        if all.newest.get(at).is_none_or(|other| other.number != comment.number) {
            all.total = all.total.max(comment.number);
            all.newest.insert(at, comment);
            all.newest.truncate(COMMENTS_SHOWN as usize);
        }
        all
    }

    /// These comments, preceded by one that is not written yet, and not counted.
    #[must_use]
    pub fn with_unwritten(&self, name: &str, text: &str, posted: i64) -> Self {
        let comment = Comment { number: 0, by: Byline::Name(name.to_owned()), text: text.to_owned(), posted };
        Self {
            total: self.total,
            newest: std::iter::once(comment).chain(self.newest.iter().cloned()).collect(),
        }
    }
}

impl Comment {
    /// Number of its author; `None` if it is not written yet.
    #[must_use]
    pub fn author(&self) -> Option<u64> {
        match self.by {
            Byline::Author(author) => Some(author),
            Byline::Name(_) => None,
        }
    }
}

impl Section {
    /// In the order of the front page.
    pub const ALL: [Self; 6] =
        [Self::City, Self::Science, Self::Culture, Self::Business, Self::Sport, Self::Travel];

    /// As in addresses and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::Science => "science",
            Self::Culture => "culture",
            Self::Business => "business",
            Self::Sport => "sport",
            Self::Travel => "travel",
        }
    }

    /// As shown on pages.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::City => "City",
            Self::Science => "Science",
            Self::Culture => "Culture",
            Self::Business => "Business",
            Self::Sport => "Sport",
            Self::Travel => "Travel",
        }
    }
}

/// A text that is not one of the expected values.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not a {what}", cut(text))]
pub struct NotA {
    what: &'static str,
    text: String,
}

impl NotA {
    pub(crate) fn new(what: &'static str, text: &str) -> Self {
        Self { what, text: text.to_owned() }
    }
}

impl FromStr for Section {
    type Err = NotA;

    fn from_str(text: &str) -> Result<Self, NotA> {
        let found = Self::ALL.into_iter().find(|section| section.name() == text);
        found.ok_or_else(|| NotA { what: "section", text: text.to_owned() })
    }
}

impl Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.published, self.id)
    }
}

impl FromStr for Cursor {
    type Err = NotA;

    fn from_str(text: &str) -> Result<Self, NotA> {
        let parts = text.rsplit_once('-');
        let cursor = parts.and_then(|(published, id)| {
            Some(Self { published: published.parse().ok()?, id: id.parse().ok()? })
        });
        // The numbers of SQLite have a sign.
        let fits = |cursor: &Self| i64::try_from(cursor.id).is_ok();
        cursor.filter(fits).ok_or_else(|| NotA { what: "place in the list", text: text.to_owned() })
    }
}

/// The answer to a query that may have found nothing.
#[derive(Debug)]
pub struct Present<T>(Arc<Option<T>>);

impl<T> Present<T> {
    /// `None` if it found nothing.
    #[must_use]
    pub fn of(answer: Arc<Option<T>>) -> Option<Self> {
        answer.is_some().then_some(Self(answer))
    }
}

impl<T> Deref for Present<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &*self.0 {
            Some(value) => value,
            // Checked when this was created, and an answer never changes.
            None => unreachable!("an absent answer is not present"),
        }
    }
}

impl<T: Serialize> Serialize for Present<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

/// The checksum of a text in several parts (32-bit FNV-1a; the end of each part counts).
#[must_use]
pub fn checksum<'a>(parts: impl IntoIterator<Item = &'a str>) -> u32 {
    let bytes = parts.into_iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

impl Article {
    /// The [`checksum`] of this article, if `author` wrote it.
    #[must_use]
    pub fn checksum_with(&self, author: &str) -> u32 {
        let head = [author, &self.card.title, &self.card.standfirst];
        checksum(head.into_iter().chain(self.paragraphs.iter().map(String::as_str)))
    }
}
