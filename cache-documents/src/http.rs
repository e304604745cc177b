//! Requests over HTTP: sent by the program's [`Transport`], kept as the headers of their responses allow. Opens no
//! socket.
//!
//! | what a program wants | how |
//! |---|---|
//! | The response to a request, from the cache or the server | [`client.send(..)`](ClientRequests::send) |
//! | To send a request inside of the load of a query of its own, whose times are then those of the response | [`cx.send(..)`](LoadRequests::send) |
//! | To load again only what has changed | [`cx.send_again(..)`](LoadRequests::send_again) |
//! | To look at, observe or invalidate a stored response | [`GetResponse`], a query like any other |
//!
//! # Examples
//! ```
//! # use std::{sync::atomic::{AtomicU32, Ordering}, time::Duration};
//! use bytes::Bytes;
//! use cache_client::{App, Client};
//! use cache_core::{Cache, registry};
//! use cache_documents::http::{ClientRequests, GetResponse, Request, Transport, Why};
//!
//! registry! { struct Registry { cache_documents::http::GetResponse } }
//!
//! struct Program { sent: AtomicU32 }
//!
//! impl App for Program { type Registry = Registry; }
//!
//! impl Transport for Program {
//!     type Error = http::Error;
//!
//!     async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, http::Error> {
//!         // A program calls its HTTP client here.
//!         self.sent.fetch_add(1, Ordering::Relaxed);
//!         http::Response::builder().header("cache-control", "max-age=60").body(Bytes::from("Hello"))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder(Cache::new(), Program { sent: AtomicU32::new(0) }).build();
//! let get = || http::Request::get("https://example.com/greeting").body(Bytes::new());
//! let first = client.send(get()?).await?;
//! assert_eq!(&first.response.body()[..], b"Hello");
//!
//! let second = client.send(get()?).await?;
//! assert!(second.is_stored);
//! assert_eq!(second.verdict.map(|verdict| verdict.why), Some(Why::Headers));
//!
//! // A successful unsafe request marks its URL.
//! client.send(http::Request::put("https://example.com/greeting").body(Bytes::from("Hi"))?).await?;
//! let third = client.send(get()?).await?;
//! assert_eq!(third.verdict.map(|verdict| verdict.why), Some(Why::Mark));
//!
//! client.send(Request::from(get()?).skip_cache()).await?;
//! assert_eq!(client.app().sent.load(Ordering::Relaxed), 4);
//! # Ok(())
//! # }
//! ```
//!
//! # Windows
//! `stale-while-revalidate` and `stale-if-error` of a response count for `client.send(..)` and for the program's own
//! queries whose loads call `cx.send(..)`, with any strategy that reads the cache first:
//!
//! ```
//! # use std::{sync::Arc, time::{Duration, SystemTime}};
//! # use bytes::Bytes;
//! # use cache_client::{App, Client, Context, Fetch};
//! # use cache_core::{Cache, Clock, ManualClock, Query, registry};
//! # use cache_documents::http::{LoadRequests, Transport};
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = usize, capacity = 100, fresh = "5s")]
//! struct GetLength;
//! # registry! { struct Registry { GetLength } }
//! # struct Program { clock: Arc<ManualClock> }
//! # impl App for Program { type Registry = Registry; }
//!
//! impl Transport for Program {
//!     type Error = http::Error;
//!
//!     async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, http::Error> {
//!         let header = "max-age=60, stale-while-revalidate=30";
//!         http::Response::builder().header("cache-control", header).body(Bytes::from("Hello"))
//!     }
//! #   fn now(&self) -> Option<SystemTime> { Some(self.clock.wall()) }
//! }
//!
//! impl Fetch<Program> for GetLength {
//!     type Error = http::Error;
//!
//!     async fn fetch(&self, cx: &Context<Program>) -> Result<usize, http::Error> {
//!         let request = http::Request::get("https://example.com/greeting").body(Bytes::new())?;
//!         Ok(cx.send(request).await?.body().len())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let clock = Arc::new(ManualClock::new());
//! # let cache = Cache::builder().clock(Arc::clone(&clock)).build()?;
//! # let client = Client::builder(cache, Program { clock: Arc::clone(&clock) }).build();
//! let first = client.query(&GetLength).await?;
//! clock.advance(Duration::from_secs(89));
//! // It is stale, but served at once, and loaded again in the background.
//! assert!(Arc::ptr_eq(&client.query(&GetLength).await?, &first));
//! # Ok(())
//! # }
//! ```
//!
//! # Changes of records
//! If the client keeps [documents](crate::DocumentsBuilder), the response to a successful unsafe request changes the
//! records that it shows, in all documents. [`LoadRequests`] says what else follows from it. A response to a `GET` that is
//! kept nowhere, such as one with `no-store`, changes the records that documents show too, in the order of requests.
//!
//! ```
//! # use bytes::Bytes;
//! # use cache_client::{App, Client, Context, Fetch};
//! # use cache_core::{Cache, Query, registry};
//! # use cache_documents::{Document, DocumentError, DocumentsBuilder, Field, Id, ReadDocument, Resource, ResourceList, Resources};
//! # use cache_documents::http::{ClientRequests, Transport};
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = Article, record)]
//! # struct ArticleId(Id);
//! # #[derive(Resource, Clone, Debug, PartialEq)]
//! # #[resource(type = "articles", key = ArticleId)]
//! # struct Article { title: Field<String> }
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = Document<[Article]>, capacity = 10, fresh = "60s")]
//! # struct GetArticles;
//! # registry! { struct Registry { cache_documents::http::GetResponse, ArticleId, GetArticles } }
//! # struct Blog;
//! # impl App for Blog { type Registry = Registry; }
//! # impl Resources for Blog { fn list(list: &mut ResourceList<Self>) { list.add::<Article>(); } }
//! # const ARTICLE: &str = r#"{"type": "articles", "id": "1", "attributes": {"title": "Uno"}}"#;
//! # impl Fetch<Blog> for GetArticles {
//! #     type Error = DocumentError;
//! #     async fn fetch(&self, cx: &Context<Blog>) -> Result<Document<[Article]>, DocumentError> {
//! #         cx.document(format!(r#"{{"data": [{}]}}"#, ARTICLE.replace("Uno", "One")).as_bytes())
//! #     }
//! # }
//! # impl Transport for Blog {
//! #     type Error = http::Error;
//! #     async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, http::Error> {
//! #         let response = http::Response::builder().header("content-type", "application/vnd.api+json");
//! #         response.body(format!(r#"{{"data": {ARTICLE}}}"#).into())
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder(Cache::new(), Blog).documents().build();
//! let articles = client.query(&GetArticles).await?;
//! assert_eq!(articles.data().next().unwrap().title, Field::Value("One".to_owned()));
//!
//! let rename = http::Request::patch("https://example.com/articles/1").body(Bytes::from("..."))?;
//! let answer = client.send(rename).await?; // the response shows the article
//! assert!(answer.response.records_error().is_none());
//! let articles = client.query(&GetArticles).await?; // a hit
//! assert_eq!(articles.data().next().unwrap().title, Field::Value("Uno".to_owned()));
//! # Ok(())
//! # }
//! ```
//!
//! # The policy
//! It can also be used alone:
//!
//! | question | answer |
//! |---|---|
//! | Under which key is the answer of a request kept? | [`Key`] |
//! | May a stored response be used again, for how long, and what decided so? | [`Reuse::verdict`] |
//! | Which fields of a response head are kept? | [`stored_head`] |
//! | How is the server asked whether a stored response is still good? | [`conditional`] |
//! | What did it say? | [`revalidated`] |
//! | Which URLs did a change make stale? | [`invalidated`] |
//!
//! All of these are pure functions of request heads, response heads and times, and read no clock. They are total: any
//! header bytes give an answer. Malformed, contradicting or negative numbers make a response stale, huge ones count as 2³¹ seconds, and
//! no jump of a clock makes a response fresh for longer than its headers say.
//!
//! The rules are those of a *private* cache in [RFC 9111](https://www.rfc-editor.org/rfc/rfc9111), with
//! `stale-while-revalidate` and `stale-if-error` from [RFC 5861](https://www.rfc-editor.org/rfc/rfc5861).

mod cache_control;
mod change;
mod clock;
mod conditional;
mod date;
mod exchange;
mod headers;
mod invalidation;
mod key;
mod lease;
mod lines;
mod load;
mod policy;
mod request;
mod response;
mod send;
mod status;
mod stored;
mod transport;
mod vary;
mod verdict;

pub(crate) use change::apply_change;
pub use conditional::{Revalidation, conditional, revalidated};
pub use exchange::Exchange;
pub use invalidation::invalidated;
pub use key::Key;
pub use load::LoadRequests;
pub use policy::{Opinion, Policy, Reuse, Windows};
pub use request::{GetResponse, Request};
pub use response::{ReceivedHead, RecordsError, Response, ResponseHead};
pub use send::{Answer, ClientRequests};
pub use status::{is_cacheable_by_default, is_understood};
pub use stored::stored_head;
pub use transport::Transport;
pub use verdict::{State, Verdict, Why};
