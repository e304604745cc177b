//! How each query is loaded: one statement, or a few, and which errors may pass.

use cache_client::{Context, Fetch};

use crate::app::Newsroom;
use crate::database::{DatabaseError, read};
use crate::model::{Article, Author, Card, Comments, FeedPage, Hit, Totals};
use crate::queries::{
    CountComments, GetArticle, GetAuthor, GetComments, GetFeed, GetTotals, MostDiscussed, Search,
};

impl Fetch<Newsroom> for GetArticle {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Option<Article>, DatabaseError> {
        let id = self.id;
        cx.app().database.load(self, move |connection| read::article(connection, id)).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.may_pass()
    }
}

impl Fetch<Newsroom> for GetAuthor {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Option<Author>, DatabaseError> {
        let id = self.id;
        cx.app().database.load(self, move |connection| read::author(connection, id)).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.may_pass()
    }
}

impl Fetch<Newsroom> for GetComments {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Comments, DatabaseError> {
        let article = self.article;
        cx.app().database.load(self, move |connection| read::comments(connection, article)).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.may_pass()
    }
}

impl Fetch<Newsroom> for CountComments {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<u32, DatabaseError> {
        let article = self.article;
        cx.app().database.load(self, move |connection| read::comment_count(connection, article)).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.may_pass()
    }
}

impl Fetch<Newsroom> for GetFeed {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<FeedPage, DatabaseError> {
        let Self { section, before } = *self;
        cx.app().database.load(self, move |connection| read::feed(connection, section, before)).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.may_pass()
    }
}

impl Fetch<Newsroom> for MostDiscussed {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Vec<Card>, DatabaseError> {
        cx.app().database.load(self, read::most_discussed).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.may_pass()
    }
}

impl Fetch<Newsroom> for GetTotals {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Totals, DatabaseError> {
        cx.app().database.load(self, read::totals).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.may_pass()
    }
}

impl Fetch<Newsroom> for Search {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Vec<Hit>, DatabaseError> {
        let words = self.words.clone();
        cx.app().database.load(self, move |connection| read::search(connection, &words)).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.may_pass()
    }
}
