//! How each document is loaded: one request, and a conditional one if there is a document already.

use std::sync::Arc;

use cache_client::{Context, Fetch, Fetched};
use cache_documents::http::{LoadRequests, Response};
use cache_documents::{Content, Document, ReadDocument};

use crate::queries::{GetArticle, GetAuthor, GetPage};
use crate::records::{Article, Author};
use crate::server::{Reader, ServerError};

impl Fetch<Reader> for GetPage {
    type Error = ServerError;

    async fn fetch(&self, cx: &Context<Reader>) -> Result<Document<[Article]>, ServerError> {
        load(cx, &self.path).await
    }

    async fn fetch_again(
        &self,
        cx: &Context<Reader>,
        present: &Arc<Document<[Article]>>,
    ) -> Result<Fetched<Document<[Article]>>, ServerError> {
        load_again(cx, &self.path, present).await
    }
}

impl GetArticle {
    fn path(&self) -> String {
        format!("/api/articles/{}?include=author,comments.author", self.id)
    }
}

impl Fetch<Reader> for GetArticle {
    type Error = ServerError;

    async fn fetch(&self, cx: &Context<Reader>) -> Result<Document<Article>, ServerError> {
        load(cx, &self.path()).await
    }

    async fn fetch_again(
        &self,
        cx: &Context<Reader>,
        present: &Arc<Document<Article>>,
    ) -> Result<Fetched<Document<Article>>, ServerError> {
        load_again(cx, &self.path(), present).await
    }
}

impl GetAuthor {
    fn path(&self) -> String {
        format!("/api/authors/{}", self.id)
    }
}

impl Fetch<Reader> for GetAuthor {
    type Error = ServerError;

    async fn fetch(&self, cx: &Context<Reader>) -> Result<Document<Author>, ServerError> {
        load(cx, &self.path()).await
    }

    async fn fetch_again(
        &self,
        cx: &Context<Reader>,
        present: &Arc<Document<Author>>,
    ) -> Result<Fetched<Document<Author>>, ServerError> {
        load_again(cx, &self.path(), present).await
    }
}

async fn load<T: Content + ?Sized>(cx: &Context<Reader>, path: &str) -> Result<Document<T>, ServerError> {
    let response = cx.send(cx.app().get(path)?).await?;
    read(cx, path, &response)
}

async fn load_again<T: Content + ?Sized>(
    cx: &Context<Reader>,
    path: &str,
    present: &Document<T>,
) -> Result<Fetched<Document<T>>, ServerError> {
    match cx.send_again(cx.app().get(path)?, present.response()).await? {
        Fetched::New(response) => Ok(Fetched::New(read(cx, path, &response)?)),
        Fetched::Unchanged => Ok(Fetched::Unchanged),
    }
}

/// The document of a response.
pub(crate) fn read<T: Content + ?Sized>(
    cx: &Context<Reader>,
    path: &str,
    response: &Response,
) -> Result<Document<T>, ServerError> {
    ServerError::check(response)?;
    let document = cx.document(response.body());
    let document = document.map_err(|source| ServerError::NotUnderstood { path: path.to_owned(), source })?;
    Ok(document.with_response(response))
}
