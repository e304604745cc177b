//! The records: what the program knows of each article, author and comment, whichever document said it. They are saved with the
//! documents that show them.

use std::sync::Arc;

use cache_core::Query;
use cache_documents::{Field, Id, Many, One, Resource};

/// Names an article.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

/// An article.
#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId, persist)]
pub struct Article {
    /// The headline.
    pub title: Field<Arc<str>>,
    /// The sentence below the headline.
    pub standfirst: Field<Arc<str>>,
    /// The part of the newspaper.
    pub section: Field<Arc<str>>,
    /// The text, which lists leave out.
    pub paragraphs: Field<Vec<String>>,
    /// Who wrote it.
    pub author: One<AuthorId>,
    /// The newest comments on it, newest first.
    pub comments: Many<CommentId>,
}

/// Names an author.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Author, record)]
pub struct AuthorId(pub Id);

/// An author of articles or of comments.
#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "authors", key = AuthorId, persist)]
pub struct Author {
    /// The name.
    pub name: Field<Arc<str>>,
    /// A line about the author.
    pub about: Field<Arc<str>>,
    /// The author's articles: only a link to them.
    pub articles: Many<ArticleId>,
}

/// Names a comment.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Comment, record)]
pub struct CommentId(pub Id);

/// A comment.
#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "comments", key = CommentId, persist)]
pub struct Comment {
    /// The text.
    pub text: Field<Arc<str>>,
    /// Who wrote it.
    pub author: One<AuthorId>,
}
