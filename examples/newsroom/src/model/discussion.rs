//! The comments on an article as readers see them: with the names of their authors.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Comment;

/// The most characters, and the most lines, of a comment that a page shows in full.
const LONG_TEXT: usize = 700;
const LONG_LINES: usize = 10;

/// The comments on an article, with the names of their authors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Discussion {
    /// How many there are.
    pub total: u32,
    /// The newest of them, newest first.
    pub newest: Vec<SignedComment>,
}

/// A comment, and the name of its author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SignedComment {
    /// Its position among the comments on the article; the first is 1, and 0 if it is not written yet.
    pub number: u32,
    /// Its author.
    pub name: String,
    /// Number of its author; `None` if the comment is not written yet.
    pub author: Option<u64>,
    /// The text.
    pub text: String,
    /// Whether a page shows only its beginning, until the reader opens the rest.
    pub is_long: bool,
    /// In seconds since 1970.
    pub posted: i64,
}

impl SignedComment {
    /// A comment by an author of this name.
    #[must_use]
    pub fn new(name: String, comment: &Comment) -> Self {
        let Comment { number, text, posted, .. } = comment.clone();
        let is_long = text.chars().count() > LONG_TEXT || text.lines().count() > LONG_LINES;
        Self { number, name, author: comment.author(), is_long, text, posted }
    }
}
