//! What the program asks, and what it knows of each thing.

use std::sync::Arc;

use cache_core::Query;
use cache_documents::{Document, Field, Id, Many, One, Resource};

/// Names an article.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

/// An article.
#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId)]
pub struct Article {
    /// The title.
    pub title: Field<Arc<str>>,
    /// The number of words.
    pub words: Field<u32>,
    /// Who wrote it.
    pub author: One<PersonId>,
    /// What readers say.
    pub comments: Many<CommentId>,
}

/// Names a person.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record)]
pub struct PersonId(pub Id);

/// A person.
#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
pub struct Person {
    /// The name.
    pub name: Field<Arc<str>>,
    /// Where the person lives.
    pub town: Field<Arc<str>>,
}

/// Names a comment.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Comment, record)]
pub struct CommentId(pub Id);

/// A comment.
#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "comments", key = CommentId)]
pub struct Comment {
    /// What it says.
    pub text: Field<Arc<str>>,
    /// Who wrote it.
    pub author: One<PersonId>,
}

/// One article, with its author and comments.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Article>, capacity = 100, fresh = "1h")]
pub struct GetArticle {
    /// The id.
    pub id: u32,
}

/// The newest articles, with their authors.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<[Article]>, capacity = 100, fresh = "1h")]
pub struct GetFeed;

/// One person.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Person>, capacity = 100, fresh = "1h")]
pub struct GetPerson {
    /// The id.
    pub id: u32,
}
