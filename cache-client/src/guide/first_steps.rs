//! From a query to a loaded answer: what a program needs, and how it handles errors.
//!
//! # The parts
//! - A **query** is a struct. Its value is the key. `#[derive(Query)]` says what the answer is, and how long it stays
//!   fresh.
//! - The **registry** lists all queries, so that each has a table of its own. A build script writes it.
//! - The **app** is your own struct, with everything that loads need: a pool, an HTTP client, settings.
//! - [`Fetch`](crate::Fetch) says how one query is loaded with the app.
//! - The [`Client`](crate::Client) brings them together. It is cheap to clone, and all clones are the same client.
//!
//! # What a program needs
//! ```toml
//! # Cargo.toml
//! [dependencies]
//! cache-client = "0.1"
//! cache-core = "0.1"
//! thiserror = "2"
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//!
//! [build-dependencies]
//! cache-codegen = "0.1"
//! ```
//! ```ignore
//! // build.rs
//! fn main() {
//!     cache_codegen::generate();
//! }
//!
//! // src/main.rs
//! cache_core::include_registry!(); // CacheRegistry, with all queries of the crate
//! ```
//! The example below is one file, so it lists its queries by hand with `registry!`. The build script generates the same
//! code.
//!
//! # A whole program
//! ```
//! use std::collections::HashMap;
//! use std::error::Error;
//!
//! use cache_client::{App, Client, Context, Fetch, QueryError, TokioClock};
//! use cache_core::{Cache, Query, registry};
//!
//! #[derive(Clone, Debug)]
//! pub struct Post { pub title: String, pub author: u64 }
//!
//! /// One post. The cache keeps at most 10,000 of them, and each is fresh for 30 s.
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = Post, capacity = 10_000, fresh = "30s")]
//! pub struct GetPost { pub id: u64 }
//!
//! /// The title and the author of a post in one line.
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 10_000, fresh = "30s")]
//! pub struct GetHeadline { pub post: u64 }
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 1_000, fresh = "10m")]
//! pub struct GetName { pub user: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetPost, GetHeadline, GetName }
//! }
//!
//! /// A load fails by itself, or because a load that it depends on failed.
//! #[derive(Debug, thiserror::Error)]
//! pub enum ApiError {
//!     #[error("there is no {what} {id}")]
//!     NotFound { what: &'static str, id: u64 },
//!     #[error(transparent)]
//!     Query(#[from] QueryError<ApiError>),
//! }
//!
//! /// Represents a database.
//! struct Blog { posts: HashMap<u64, Post>, names: HashMap<u64, String> }
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Fetch<Blog> for GetPost {
//!     type Error = ApiError;
//!
//!     async fn fetch(&self, cx: &Context<Blog>) -> Result<Post, ApiError> {
//!         cx.app().posts.get(&self.id).cloned().ok_or(ApiError::NotFound { what: "post", id: self.id })
//!     }
//! }
//!
//! impl Fetch<Blog> for GetName {
//!     type Error = ApiError;
//!
//!     async fn fetch(&self, cx: &Context<Blog>) -> Result<String, ApiError> {
//!         cx.app().names.get(&self.user).cloned().ok_or(ApiError::NotFound { what: "user", id: self.user })
//!     }
//! }
//!
//! // A load can query other keys. `?` converts their errors to `ApiError`.
//! impl Fetch<Blog> for GetHeadline {
//!     type Error = ApiError;
//!
//!     async fn fetch(&self, cx: &Context<Blog>) -> Result<String, ApiError> {
//!         let post = cx.query(&GetPost { id: self.post }).await?;
//!         let author = cx.query(&GetName { user: post.author }).await?;
//!         Ok(format!("{}, by {author}", post.title))
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     let posts = [(7, "Seven", 1), (8, "Eight", 2)];
//!     let posts = posts.map(|(id, title, author)| (id, Post { title: title.to_owned(), author }));
//!     let blog = Blog { posts: posts.into(), names: [(1, "Ann".to_owned())].into() };
//!
//!     let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//!     let client = Client::builder(cache, blog).build();
//!
//!     let headline = client.query(&GetHeadline { post: 7 }).await?;
//!     assert_eq!(*headline, "Seven, by Ann");
//!     // The parts are now in the cache, each under its own key.
//!     assert_eq!(client.cached(&GetPost { id: 7 }).map(|post| post.author), Some(1));
//!
//!     // The other post has an unknown author.
//!     let error = client.query(&GetHeadline { post: 8 }).await.unwrap_err();
//!     let QueryError::Failed { query, source } = &error else { return Err(error.into()) };
//!     assert_eq!(*query, "get_headline");
//!     let ApiError::Query(QueryError::Failed { query, source }) = &**source else { panic!("{source}") };
//!     assert_eq!(*query, "get_name");
//!     assert_eq!(source.to_string(), "there is no user 2");
//!     Ok(())
//! }
//! ```
//!
//! # Errors
//! A call returns a [`QueryError`](crate::QueryError)`<E>`, where `E` is the error of the query's `Fetch`.
//!
//! | variant | meaning | what to do |
//! |---|---|---|
//! | `Failed` | `fetch` returned an error, which is its `source`, in an `Arc`, since all callers share it | look at the source |
//! | `Panicked` | `fetch` panicked | fix it; the client is not affected |
//! | `Miscounted` | `fetch_many` returned too few or too many answers | fix it |
//! | `Interrupted` | the request was cancelled, its deadline has passed, or the load cancelled its own context | report a timeout, if anybody is still connected |
//! | `Cycle` | the load of a query leads back to the query | fix it |
//! | `CircuitOpen` | too many loads have failed, so none was started | try again at its `until` |
//! | `Options` | the options of the query are invalid: a freshness time is missing, for example | fix them; the text names the option |
//!
//! The page on [errors](crate::guide::errors) shows how to take the error of `fetch` out of its `Arc`, and how to turn
//! it into a response.
//!
//! An error is not stored: the next call loads again, unless the query has an
//! [`error_ttl`](crate::guide::strategies#when-a-load-fails).
//!
//! # Good to know
//! - An answer is an `Arc` that never changes. A reload puts another one in its place; code that holds the old one
//!   keeps it.
//! - Each query needs a time for which its answers are fresh: `fresh`, or else `ttl`, set for the query or as a default
//!   of the client. Without either, each call fails, unless its strategy is `network-only` or
//!   `cache-only`.
//! - A table with neither a bound (`capacity`, `lru`, `max_weight`) nor a time to live (`ttl`, `tti`) keeps nothing on
//!   its own: an answer stays only as long as some code holds it.
//! - [`TokioClock`](crate::TokioClock) makes the cache follow tokio's time. Only tests that pause time need it.
//! - All loads run as tasks of the [runtime](crate::guide::runtimes) in which the client was built, which needs
//!   its timer (`enable_time`, or `#[tokio::main]`).
