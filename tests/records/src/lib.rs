//! Articles with their authors. An author is a record that all articles share: when one response shows a new name of a
//! person, the other articles that show this person follow, without a load.
//!
//! The crate exists for its tests: it uses the interface of `cache-client` for crates on top of it.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use cache_client::{AnswerStore, App, Client, ClientBuilder, Context, Fetch, QueryError};
use cache_core::{Holds, Query, Shape};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// A record. It lives while an article shows it.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Person)]
pub struct PersonId(pub u32);

/// A person, as the last response showed it.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name.
    pub name: String,
}

/// An article, which is loaded.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Article, capacity = 1_000, fresh = "60s", stale_if_error = "1h", persist)]
pub struct GetArticle(pub u32);

/// The articles of a feed. Its load loads each article.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<u32>, capacity = 10, fresh = "60s", derived)]
pub struct GetFeed;

/// An article together with the record of its author.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// The number of the article.
    pub id: u32,
    /// The title.
    pub title: Arc<str>,
    /// The number of the author.
    pub author_id: u32,
    /// The author.
    pub author: Arc<Person>,
}

/// An error of a load.
#[derive(Debug, thiserror::Error)]
pub enum ArticleError {
    /// The origin has failed.
    #[error("the origin is down")]
    Down,
    /// An article of a feed has failed.
    #[error(transparent)]
    Query(#[from] QueryError<ArticleError>),
}

/// A program that shows articles.
pub trait Articles: App<Registry: Holds<PersonId> + Holds<GetArticle> + Holds<GetFeed>> {
    /// Loads an article.
    fn article(&self, id: u32) -> impl Future<Output = Result<Article, ArticleError>> + Send;

    /// Lists the articles of the feed.
    fn feed(&self) -> Vec<u32>;
}

impl<A: Articles> Fetch<A> for GetArticle {
    type Error = ArticleError;

    async fn fetch(&self, cx: &Context<A>) -> Result<Article, ArticleError> {
        cx.app().article(self.0).await
    }

    fn is_retryable(_: &ArticleError) -> bool {
        false
    }
}

impl<A: Articles> Fetch<A> for GetFeed {
    type Error = ArticleError;

    async fn fetch(&self, cx: &Context<A>) -> Result<Vec<u32>, ArticleError> {
        let ids = cx.app().feed();
        for &id in &ids {
            cx.query(&GetArticle(id)).await?;
        }
        Ok(ids)
    }
}

/// Which articles show a person. Kept in the client.
#[derive(Debug, Default)]
pub struct ShownPeople(Mutex<BTreeMap<u32, BTreeSet<u32>>>);

/// Makes a client share the authors of articles.
pub fn share_authors<A: Articles>(builder: ClientBuilder<A>) -> ClientBuilder<A> {
    builder.store_with(|article: Arc<Article>, store| share_author(article, store))
}

/// Writes the author of an article, and shows it in all articles that show this person.
fn share_author<A: Articles>(article: Arc<Article>, store: &mut AnswerStore<'_, A>) -> Arc<Article> {
    let (client, person) = (store.client(), PersonId(article.author_id));
    let shown = client.extension::<ShownPeople>();
    let others = shown.0.lock().entry(person.0).or_default().clone();
    shown.0.lock().entry(person.0).or_default().insert(article.id);
    // The record that is there stays, if it is equal.
    let author = match store.get(&person) {
        // A copy from the provider may be older.
        Some(present) if present == article.author || store.is_copy() => present,
        _ => Arc::clone(&article.author),
    };
    store.set(person, Arc::clone(&author));
    for other in others.into_iter().filter(|other| *other != article.id) {
        follow_author(other, &author, client, store);
    }
    Arc::new(Article { author, ..(*article).clone() })
}

fn follow_author<A: Articles>(
    other: u32,
    author: &Arc<Person>,
    client: &Client<A>,
    store: &mut AnswerStore<'_, A>,
) {
    if let Some(entry) = client.cache().peek_entry(&GetArticle(other))
        && !Arc::ptr_eq(&entry.value().author, author)
    {
        let article = Article { author: Arc::clone(author), ..(**entry.value()).clone() };
        store.follow(GetArticle(other), article, entry.revision());
    }
}
