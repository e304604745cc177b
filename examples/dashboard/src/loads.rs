//! How each query is loaded: one path of the newsroom, and which errors may be temporary.

use std::time::Duration;

use cache_client::{Context, Fetch};

use crate::model::{Comments, FeedPage, Stats, Story};
use crate::newsroom::{Newsroom, NewsroomError};
use crate::queries::{GetArticle, GetComments, GetFeed, GetStats};

/// How long to wait before a retry. Short, since users should soon see that something is wrong.
const PAUSE: Duration = Duration::from_millis(200);

impl Fetch<Newsroom> for GetStats {
    type Error = NewsroomError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Stats, NewsroomError> {
        cx.app().ask("/api/stats").await
    }

    fn is_retryable(error: &NewsroomError) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &NewsroomError) -> bool {
        error.is_failure()
    }

    fn retry_after(_: &NewsroomError) -> Option<Duration> {
        Some(PAUSE)
    }
}

impl Fetch<Newsroom> for GetFeed {
    type Error = NewsroomError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<FeedPage, NewsroomError> {
        match &self.before {
            None => cx.app().ask("/api/feed").await,
            Some(cursor) => cx.app().ask(&format!("/api/feed?before={cursor}")).await,
        }
    }

    fn is_retryable(error: &NewsroomError) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &NewsroomError) -> bool {
        error.is_failure()
    }

    fn retry_after(_: &NewsroomError) -> Option<Duration> {
        Some(PAUSE)
    }
}

impl Fetch<Newsroom> for GetArticle {
    type Error = NewsroomError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Option<Story>, NewsroomError> {
        present(cx.app().ask(&format!("/api/articles/{}", self.id)).await)
    }

    fn is_retryable(error: &NewsroomError) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &NewsroomError) -> bool {
        error.is_failure()
    }

    fn retry_after(_: &NewsroomError) -> Option<Duration> {
        Some(PAUSE)
    }
}

impl Fetch<Newsroom> for GetComments {
    type Error = NewsroomError;

    async fn fetch(&self, cx: &Context<Newsroom>) -> Result<Option<Comments>, NewsroomError> {
        present(cx.app().ask(&format!("/api/articles/{}/comments", self.article)).await)
    }

    fn is_retryable(error: &NewsroomError) -> bool {
        error.is_temporary()
    }

    fn counts_as_failure(error: &NewsroomError) -> bool {
        error.is_failure()
    }

    fn retry_after(_: &NewsroomError) -> Option<Duration> {
        Some(PAUSE)
    }
}

/// Turns "not found" into an answer.
fn present<T>(answer: Result<T, NewsroomError>) -> Result<Option<T>, NewsroomError> {
    match answer {
        Err(error) if error.is_absent() => Ok(None),
        answer => answer.map(Some),
    }
}
