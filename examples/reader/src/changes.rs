//! What the user changes: what is sent, what is shown meanwhile, and what becomes of the records.

use cache_client::{Changes, Context, LayerEdit, Mutate};
use cache_documents::http::LoadRequests;
use cache_documents::{ChangeRecords, Document, EditRecords, Field, Id, Many, One, Resource};
use http::Method;
use serde_json::json;

use crate::loads::read;
use crate::queries::GetArticle;
use crate::records::{Article, ArticleId, Author, AuthorId, Comment, CommentId};
use crate::server::{Reader, ServerError};

/// A new name for an author.
#[derive(Clone, Debug)]
pub struct Rename {
    /// The author.
    pub author: AuthorId,
    /// The name.
    pub name: String,
}

/// A comment on an article.
#[derive(Clone, Debug)]
pub struct PostComment {
    article: ArticleId,
    /// Names the comment, and its author, until the server has given them ids.
    local: Id,
    name: String,
    text: String,
}

/// The deletion of an article.
#[derive(Clone, Debug)]
pub struct DeleteArticle {
    /// The article.
    pub article: ArticleId,
}

impl Mutate<Reader> for Rename {
    type Output = Document<Author>;
    type Error = ServerError;

    async fn run(&self, cx: &Context<Reader>) -> Result<Document<Author>, ServerError> {
        let path = format!("/api/authors/{}", self.author.0);
        let id = self.author.0.as_str();
        let body = json!({ "data": { "type": "authors", "id": id, "attributes": { "name": self.name } } });
        let response = cx.send(cx.app().request(Method::PATCH, &path, body.to_string())?).await?;
        read(cx, &path, &response)
    }

    /// One commit, which every document that shows the author follows.
    fn apply(&self, answer: &Document<Author>, changes: &mut Changes<Reader>) {
        if let Some(renamed) = answer.data() {
            changes.patch(&self.author, |author| author.name.clone_from(&renamed.name));
        }
    }

    fn optimistic(&self, layer: &mut LayerEdit<Reader>) {
        let name = Field::Value(self.name.as_str().into());
        layer.patch(&self.author, move |author: &mut Author| author.name.clone_from(&name));
    }
}

impl PostComment {
    /// A comment by somebody of this name.
    #[must_use]
    pub fn new(article: ArticleId, name: &str, text: &str) -> Self {
        let local = Id::local(&format!("{:016x}", fastrand::u64(..)));
        Self { article, local, name: name.to_owned(), text: text.to_owned() }
    }
}

impl Mutate<Reader> for PostComment {
    type Output = Document<Comment>;
    type Error = ServerError;

    async fn run(&self, cx: &Context<Reader>) -> Result<Document<Comment>, ServerError> {
        let path = format!("/api/articles/{}/comments?include=author", self.article.0);
        let attributes = json!({ "name": self.name, "text": self.text });
        let body = json!({ "data": { "type": "comments", "attributes": attributes } });
        let response = cx.send(cx.app().request(Method::POST, &path, body.to_string())?).await?;
        let document: Document<Comment> = read(cx, &path, &response)?;
        document.key().ok_or(ServerError::NoComment)?;
        Ok(document)
    }

    /// Every document that shows the article shows the server's comment in place of the local one, in one commit.
    fn apply(&self, answer: &Document<Comment>, changes: &mut Changes<Reader>) {
        let answer = changes.show(&self.article, answer.clone());
        if let Some(comment) = answer.key() {
            changes.patch(&self.article, |article| put_first(article, comment.clone()));
        }
    }

    fn optimistic(&self, layer: &mut LayerEdit<Reader>) {
        let (comment, author) = (CommentId(self.local.clone()), AuthorId(self.local.clone()));
        let made = Comment { text: Field::Value(self.text.as_str().into()), author: One::to(author.clone()) };
        let by = Author { name: Field::Value(self.name.as_str().into()), ..Author::absent() };
        layer.show(&self.article, Document::about(&comment, made).showing(&author, by));
        layer.patch(&self.article, move |article| put_first(article, comment.clone()));
    }
}

/// Puts a comment before the others of an article, unless it is among them.
fn put_first(article: &mut Article, comment: CommentId) {
    let others = article.comments.keys();
    if !others.contains(&comment) {
        article.comments = Many::to(std::iter::once(comment).chain(others.iter().cloned()));
    }
}

impl Mutate<Reader> for DeleteArticle {
    type Output = ();
    type Error = ServerError;

    async fn run(&self, cx: &Context<Reader>) -> Result<(), ServerError> {
        let path = format!("/api/articles/{}", self.article.0);
        let response = cx.send(cx.app().request(Method::DELETE, &path, "")?).await?;
        ServerError::check(&response)
    }

    /// The article leaves every list, in one commit.
    fn apply(&self, (): &(), changes: &mut Changes<Reader>) {
        changes.delete(&self.article);
        changes.remove(&GetArticle { id: self.article.0.to_string() });
    }

    fn optimistic(&self, layer: &mut LayerEdit<Reader>) {
        layer.delete(&self.article);
    }
}
