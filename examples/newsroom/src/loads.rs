//! How each query is loaded: one statement, or a few, and which errors may be temporary. Authors and numbers of
//! comments are loaded in batches, so that one statement loads all that are missing.

use std::sync::Arc;

use cache_client::{Context, Fetch, FetchMany};
use rusqlite::Connection;

use crate::app::Newsroom;
use crate::database::{DatabaseError, read};
use crate::model::{Article, Author, Comments, DiscussedPage, Discussion, FeedPage, Hits, Totals};
use crate::problem::Problem;
use crate::queries::{
    CountComments, GetArticle, GetAuthor, GetComments, GetDiscussion, GetFeed, GetTotals, MostDiscussed,
    Search,
};
use crate::reading;

impl Fetch<Newsroom> for GetArticle {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Option<Article>, DatabaseError> {
        let id = self.id;
        cx.app().database.load(self, move |connection| read::article(connection, id)).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &DatabaseError) -> bool {
        error.is_failure()
    }
}

impl Fetch<Newsroom> for GetComments {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Comments, DatabaseError> {
        let article = self.article;
        cx.app().database.load(self, move |connection| read::comments(connection, article)).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &DatabaseError) -> bool {
        error.is_failure()
    }
}

impl Fetch<Newsroom> for GetDiscussion {
    type Error = Problem;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Discussion, Problem> {
        let comments = cx.query(&GetComments { article: self.article }).await?;
        // In a context of its own, so that the names are no inputs: an answer with more than 64 of them would count as
        // out of date at once.
        reading::discussion(&cx.client().request("discussion"), &comments).await
    }
}

/// A reader mostly opens one of the articles of a page next, so the load of the page brings everything for that.
impl Fetch<Newsroom> for GetFeed {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<FeedPage, DatabaseError> {
        let query = self.clone();
        let read = move |connection: &Connection| {
            // All of it is of one moment.
            let tx = connection.unchecked_transaction()?;
            let page = read::feed(&tx, &query)?;
            let stories = read::stories(&tx, &page.cards)?;
            Ok((page, stories))
        };
        let (page, stories) = cx.app().database.load(self, read).await?;
        for (id, article, comments) in stories.articles {
            cx.bring(GetArticle { id }, article);
            cx.bring(CountComments { article: id }, comments.total);
            cx.bring(GetComments { article: id }, comments);
        }
        for (id, author) in stories.authors {
            cx.bring(GetAuthor { id }, Some(author));
        }
        Ok(page)
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &DatabaseError) -> bool {
        error.is_failure()
    }
}

impl Fetch<Newsroom> for MostDiscussed {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<DiscussedPage, DatabaseError> {
        let page = self.page;
        cx.app().database.load(self, move |connection| read::most_discussed(connection, page)).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &DatabaseError) -> bool {
        error.is_failure()
    }
}

impl Fetch<Newsroom> for GetTotals {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Totals, DatabaseError> {
        cx.app().database.load(self, read::totals).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &DatabaseError) -> bool {
        error.is_failure()
    }
}

impl Fetch<Newsroom> for Search {
    type Error = DatabaseError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Hits, DatabaseError> {
        let words = self.words.clone();
        cx.app().database.load(self, move |connection| read::search(connection, &words)).await
    }

    fn is_retryable(error: &DatabaseError) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &DatabaseError) -> bool {
        error.is_failure()
    }
}

impl FetchMany<Newsroom> for GetAuthor {
    type Error = Arc<DatabaseError>;

    async fn fetch_many(
        keys: &[Self],
        cx: &Context<Newsroom>,
    ) -> Vec<Result<Option<Author>, Arc<DatabaseError>>> {
        let ids: Vec<_> = keys.iter().map(|key| key.id).collect();
        let found =
            cx.app().database.load_many(keys, move |connection| read::authors(connection, &ids)).await;
        for_each(keys, found, |authors, key| authors.get(&key.id).cloned())
    }

    fn is_retryable(error: &Arc<DatabaseError>) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &Arc<DatabaseError>) -> bool {
        error.is_failure()
    }
}

impl FetchMany<Newsroom> for CountComments {
    type Error = Arc<DatabaseError>;

    async fn fetch_many(keys: &[Self], cx: &Context<Newsroom>) -> Vec<Result<u32, Arc<DatabaseError>>> {
        let articles: Vec<_> = keys.iter().map(|key| key.article).collect();
        let database = &cx.app().database;
        let found =
            database.load_many(keys, move |connection| read::comment_counts(connection, &articles)).await;
        for_each(keys, found, |counts, key| counts.get(&key.article).copied().unwrap_or_default())
    }

    fn is_retryable(error: &Arc<DatabaseError>) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &Arc<DatabaseError>) -> bool {
        error.is_failure()
    }
}

/// The answers in the order of the keys. If the database has failed, each of them is that error.
fn for_each<Q, T, V>(
    keys: &[Q],
    found: Result<T, DatabaseError>,
    answer: impl Fn(&T, &Q) -> V,
) -> Vec<Result<V, Arc<DatabaseError>>> {
    match found {
        Ok(found) => keys.iter().map(|key| Ok(answer(&found, key))).collect(),
        Err(error) => {
            let error = Arc::new(error);
            keys.iter().map(|_| Err(Arc::clone(&error))).collect()
        }
    }
}
