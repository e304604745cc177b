//! The errors of loads: how to take them out of their `Arc`, use them with `anyhow`, and turn them into responses.
//!
//! All callers that waited for one load share its error, and the client may keep it for later callers (`error_ttl`,
//! [`refresh_error`](crate::Client::refresh_error)). So [`QueryError::Failed`](crate::QueryError::Failed) holds an
//! `Arc<E>`.
//!
//! # Taking the error out of its `Arc`
//! | you need | write |
//! |---|---|
//! | to look at it | `&*source`, in a `match` |
//! | an `E` of your own, and `E` is `Clone` | `Arc::unwrap_or_clone(source)` |
//! | an `E` of your own, and `E` is not `Clone` | a variant of `E` that holds an `Arc<E>` or a `QueryError<E>` |
//! | an error type of another crate | `error.into_error()`, or `error` itself if `E` is an `Error` |
//!
//! Do not rely on `Arc::try_unwrap`: it fails while another caller holds the error.
//!
//! The usual `E` has a variant with `#[from] QueryError<E>`, so that `?` works in loads that make queries. Its errors
//! are nested: the load of a page failed because the load of its author failed, because there is no such author. The
//! example looks for the innermost error.
//!
//! # As a response
//! A service answers with the status of the innermost error. The same code works for every query whose `Fetch` has this
//! error. With axum, `Reply` would implement `IntoResponse`.
//!
//! ```
//! use std::sync::Arc;
//!
//! use cache_client::{App, Client, Context, Fetch, QueryError};
//! use cache_core::{Cache, Query, registry};
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 1_000, fresh = "30s")]
//! pub struct GetAuthor { pub id: u64 }
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 1_000, fresh = "30s")]
//! pub struct GetPage { pub author: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetAuthor, GetPage }
//! }
//!
//! #[derive(Clone, Debug, thiserror::Error)]
//! pub enum ApiError {
//!     #[error("there is no author {0}")]
//!     NotFound(u64),
//!     // The `Arc` makes `ApiError` `Clone`, although the error inside is not.
//!     #[error("the database does not answer")]
//!     Database(#[source] Arc<std::io::Error>),
//!     #[error(transparent)]
//!     Query(#[from] QueryError<ApiError>),
//! }
//!
//! impl ApiError {
//!     /// Returns the error of the load that failed first.
//!     fn innermost(self) -> Self {
//!         match self {
//!             Self::Query(QueryError::Failed { source, .. }) => Arc::unwrap_or_clone(source).innermost(),
//!             error => error,
//!         }
//!     }
//! }
//!
//! /// The reply to the client of the service.
//! #[derive(Debug, PartialEq)]
//! struct Reply { status: u16, text: String }
//!
//! impl From<QueryError<ApiError>> for Reply {
//!     fn from(error: QueryError<ApiError>) -> Self {
//!         let (status, text) = match ApiError::from(error).innermost() {
//!             error @ ApiError::NotFound(_) => (404, error.to_string()),
//!             ApiError::Query(QueryError::Interrupted { .. }) => (504, "this took too long".to_owned()),
//!             ApiError::Query(QueryError::CircuitOpen { .. }) | ApiError::Database(_) => {
//!                 (503, "please try again later".to_owned())
//!             }
//!             // A bug of the service: its text belongs in the log.
//!             ApiError::Query(_) => (500, "something went wrong".to_owned()),
//!         };
//!         Self { status, text }
//!     }
//! }
//! #
//! # struct Blog;
//! #
//! # impl App for Blog {
//! #     type Registry = CacheRegistry;
//! # }
//! #
//! # impl Fetch<Blog> for GetAuthor {
//! #     type Error = ApiError;
//! #
//! #     async fn fetch(&self, cx: &Context<Blog>) -> Result<String, ApiError> {
//! #         match self.id {
//! #             1 => Ok("Ann".to_owned()),
//! #             2 => Err(ApiError::Database(Arc::new(std::io::ErrorKind::ConnectionRefused.into()))),
//! #             3 => { cx.cancel(); std::future::pending().await }
//! #             4 => panic!("a mistake"),
//! #             id => Err(ApiError::NotFound(id)),
//! #         }
//! #     }
//! # }
//!
//! impl Fetch<Blog> for GetPage {
//!     type Error = ApiError;
//!
//!     async fn fetch(&self, cx: &Context<Blog>) -> Result<String, ApiError> {
//!         let author = cx.query(&GetAuthor { id: self.author }).await?;
//!         Ok(format!("<h1>{author}</h1>"))
//!     }
//! }
//!
//! async fn page(client: &Client<Blog>, author: u64) -> Reply {
//!     match client.query(&GetPage { author }).await {
//!         Ok(page) => Reply { status: 200, text: page.to_string() },
//!         Err(error) => error.into(),
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let client = Client::builder(Cache::<CacheRegistry>::new(), Blog).build();
//! assert_eq!(page(&client, 1).await, Reply { status: 200, text: "<h1>Ann</h1>".to_owned() });
//! assert_eq!(page(&client, 9).await, Reply { status: 404, text: "there is no author 9".to_owned() });
//! assert_eq!(page(&client, 2).await.status, 503);
//! # assert_eq!(page(&client, 3).await.status, 504);
//! # assert_eq!(page(&client, 4).await.status, 500);
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # With `anyhow` and similar crates
//! `anyhow::Error`, `eyre::Report` and `Box<dyn Error + Send + Sync>` do not implement `Error` themselves. So
//! `QueryError<E>` does not either, and `?` cannot convert it. [`into_error`](crate::QueryError::into_error) makes an
//! error that implements `Error` and has the sources of `E`:
//!
//! ```
//! # use cache_client::{App, Client, Context, Fetch};
//! # use cache_core::{Cache, Query, registry};
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = String, capacity = 1_000, fresh = "30s")]
//! # pub struct GetTitle { pub id: u64 }
//! # registry! { pub struct CacheRegistry { GetTitle } }
//! # struct Blog;
//! # impl App for Blog { type Registry = CacheRegistry; }
//! # impl Fetch<Blog> for GetTitle {
//! #     type Error = anyhow::Error;
//! #     async fn fetch(&self, _: &Context<Blog>) -> anyhow::Result<String> { Ok(format!("Post {}", self.id)) }
//! # }
//! async fn shout(client: &Client<Blog>, id: u64) -> anyhow::Result<String> {
//!     let title = client.query(&GetTitle { id }).await.map_err(|error| error.into_error())?;
//!     Ok(title.to_uppercase())
//! }
//! # fn main() -> anyhow::Result<()> {
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! # let client = Client::builder(Cache::<CacheRegistry>::new(), Blog).build();
//! # assert_eq!(shout(&client, 7).await?, "POST 7");
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! If `E` implements only `Display`, as `String` does, use
//! [`into_display_error`](crate::QueryError::into_display_error). [`MutateError`](crate::MutateError) and
//! [`SourceError`](crate::SourceError) have both methods too.
//!
//! The same call makes `?` work in loads that make queries and fail with `anyhow::Error`. Further up, the query error
//! can be downcast: `error.downcast_ref::<WithSource<QueryError<anyhow::Error>>>()` tells whether it [is an
//! interruption](crate::QueryError::is_interrupted), for example.
