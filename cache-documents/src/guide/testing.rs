//! Testing code that reads documents.
//!
//! All of [the client's page on tests](cache_client::guide::testing) applies: a program that answers from a list of
//! bodies, paused time with a [`TokioClock`](cache_client::TokioClock), counted loads, replaced answers. For documents
//! there is more to say:
//!
//! - **Start from bodies**, the recorded ones of your server if possible: the reader of JSON:API is then part of the
//!   test. [`documents().write(&query, document)`](crate::DocumentsOf::write) fills a cache before the code under test
//!   runs; [`client.document(body)`](crate::ReadDocument::document) only reads it.
//! - **Test what is shown**, not what is stored. A component that is given an `Arc<Document<T>>` needs no client.
//! - **Look at the records** with [`documents().inspect()`](crate::DocumentsOf::inspect): its text says which records
//!   there are, with which fields, and which queries show them. A test of a program that must let go compares
//!   [`documents().records()`](crate::DocumentsOf::records) with what its open documents show.
//! - **Count wakes by revisions.** An equal response wakes nobody; compare the `Arc`s with `ptr_eq`.
//! - **A preset answer stays apart.** Answers of [`Context::set`](cache_client::Context::set) and
//!   [`with_override`](cache_client::Context::with_override) do not write records: the tree that they belong to shows
//!   them, and nobody else does.
#![cfg_attr(
    feature = "http",
    doc = "\
- **Requests**: a router of axum is a transport that needs no socket, as in the example of
  [`Transport`](crate::http::Transport). [`Transport::now`](crate::http::Transport::now) is the time of day, with which
  dates in headers and the times of responses are compared; let it follow the clock of the test."
)]
//!
//! # Example
//! ```
//! # mod blog { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/blog.rs")); }
//! # use blog::*;
//! /// The code under test: the line that a page shows about an article.
//! fn byline(article: &Document<Article>) -> String {
//!     let author = article.data().and_then(|data| article.one(&data.author));
//!     let name = author.and_then(|author| author.name.value());
//!     format!("by {}", name.map_or("somebody", |name| name))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! let client = Client::builder(Cache::new(), Blog::default()).documents().build();
//! let body = r#"{
//!     "data": {"type": "articles", "id": "1", "relationships": {"author": {"data": {"type": "people", "id": "9"}}}},
//!     "included": [{"type": "people", "id": "9", "attributes": {"name": "Ann"}}]
//! }"#;
//! client.documents().write(&GetArticle { id: 1 }, client.document(body.as_bytes())?).await?;
//!
//! let article = client.query(&GetArticle { id: 1 }).await?;
//! assert_eq!(byline(&article), "by Ann");
//! assert_eq!(client.app().requests.load(Ordering::Relaxed), 0);
//!
//! // What is left when nobody shows the article any more.
//! assert_eq!(client.documents().records(), 2);
//! drop(article);
//! client.cache().remove(&GetArticle { id: 1 });
//! assert_eq!(client.documents().records(), 0);
//! # Ok(())
//! # }
//! ```
