//! Resource objects, each with its links and relationships, and the list of those that a document includes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::model::{Article, Author, Card, Comment, Comments};

/// The comments on an article, as far as a document says which they are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CommentsOf<'a> {
    /// Only how many there are.
    Total(u32),
    /// The newest of them.
    Newest(&'a Comments),
}

/// An article in a list.
pub(crate) fn card(card: &Card, comments: CommentsOf<'_>) -> Value {
    let id = card.id;
    let related = format!("/api/articles/{id}/comments");
    let total = match comments {
        CommentsOf::Total(total) => total,
        CommentsOf::Newest(comments) => comments.total,
    };
    let mut about_comments = json!({ "links": { "related": related }, "meta": { "total": total } });
    if let CommentsOf::Newest(comments) = comments {
        let names = comments.newest.iter().map(|comment| identifier("comments", comment_id(id, comment)));
        about_comments["data"] = names.collect();
    }
    json!({
        "type": "articles",
        "id": id.to_string(),
        "attributes": {
            "title": card.title,
            "standfirst": card.standfirst,
            "section": card.section,
            "published": moment(card.published),
        },
        "relationships": {
            "author": {
                "data": identifier("authors", card.author),
                "links": { "related": format!("/api/authors/{}", card.author) },
            },
            "comments": about_comments,
        },
        "links": { "self": format!("/api/articles/{id}") },
    })
}

/// An article with its text.
pub(crate) fn article(article: &Article, comments: CommentsOf<'_>) -> Value {
    let mut resource = card(&article.card, comments);
    resource["attributes"]["paragraphs"] = json!(article.paragraphs);
    resource
}

/// An author.
pub(crate) fn author(author: &Author) -> Value {
    json!({
        "type": "authors",
        "id": author.id.to_string(),
        "attributes": { "name": author.name, "about": author.about },
        "relationships": {
            "articles": { "links": { "related": format!("/api/articles?filter[author]={}", author.id) } },
        },
        "links": { "self": format!("/api/authors/{}", author.id) },
    })
}

/// A comment on an article.
pub(crate) fn comment(article: u64, comment: &Comment) -> Value {
    let id = comment_id(article, comment);
    // A comment that is not written yet has no author; documents show only written ones.
    let author = comment.author().map(|author| identifier("authors", author));
    json!({
        "type": "comments",
        "id": id,
        "attributes": { "text": comment.text, "posted": moment(comment.posted) },
        "relationships": {
            "article": {
                "data": identifier("articles", article),
                "links": { "related": format!("/api/articles/{article}") },
            },
            "author": { "data": author },
        },
        "links": { "self": format!("/api/comments/{id}") },
    })
}

/// The id of a comment: its article, and its number there.
fn comment_id(article: u64, comment: &Comment) -> String {
    format!("{article}-{}", comment.number)
}

fn identifier(kind: &str, id: impl ToString) -> Value {
    json!({ "type": kind, "id": id.to_string() })
}

/// A time as in ISO 8601.
fn moment(seconds: i64) -> String {
    // An invalid date counts as the first.
    let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = date.to_calendar_date();
    let (hour, minute, second) = date.to_hms();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
}

/// The resources that a document includes, each once.
#[derive(Debug, Default)]
pub(crate) struct Included(BTreeMap<String, Value>);

impl Included {
    /// Adds a resource.
    pub(crate) fn add(&mut self, resource: Value) {
        self.0.insert(format!("{}/{}", resource["type"], resource["id"]), resource);
    }

    /// Adds resources.
    pub(crate) fn extend(&mut self, resources: impl IntoIterator<Item = Value>) {
        resources.into_iter().for_each(|resource| self.add(resource));
    }

    /// A document with this primary data.
    pub(crate) fn document(self, data: Value) -> Value {
        match self.0.is_empty() {
            true => json!({ "data": data }),
            false => json!({ "data": data, "included": self.0.into_values().collect::<Vec<_>>() }),
        }
    }
}
