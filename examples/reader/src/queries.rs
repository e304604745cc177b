//! The documents that the program asks for, each with the options for storing its answers. `loads` has the code that
//! loads them.
//!
//! The headers of a response say how long its document is fresh. While the server does not answer, older ones are shown,
//! also those of an earlier run: `persist` puts them into the file that [`saved`](crate::saved) writes.

use cache_core::{Query, Shape};
use cache_documents::Document;
use serde::{Deserialize, Serialize};

use crate::records::{Article, Author};

/// One page of a list of articles: a key of its own for each page.
#[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<[Article]>, capacity = 20, fresh = "30s", stale_if_error = "7d", persist)]
pub struct GetPage {
    /// The path of the page, as links of other documents give it.
    pub path: String,
}

/// One article, with its author, the comments on it, and their authors.
#[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Article>, capacity = 50, fresh = "30s", stale_if_error = "7d", persist)]
pub struct GetArticle {
    /// Its id.
    pub id: String,
}

/// One author.
#[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Author>, capacity = 50, fresh = "30s", stale_if_error = "7d", persist)]
pub struct GetAuthor {
    /// Their id.
    pub id: String,
}

impl GetPage {
    /// The first page of all articles.
    #[must_use]
    pub fn first() -> Self {
        Self { path: "/api/articles?include=author".to_owned() }
    }
}
