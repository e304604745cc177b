//! Requests over HTTP, and when a stored response is used again. Needs the feature `http`.
//!
//! The program sends its requests, by whatever client it has: it implements [`Transport`](crate::http::Transport) for
//! its [`App`](cache_client::App). A tower service is enough, so credentials, retries, limits and traces are layers of
//! tower. This crate decides what must be sent at all.
//!
//! There are two ways to use it:
//!
//! | | a query of the program | `client.send(request)` |
//! |---|---|---|
//! | key | the struct | the URL of a `GET`, or a [name](crate::http::Request::named) |
//! | answer | a typed document | a [`Response`](crate::http::Response): head and bytes |
//! | records | shared | none of its own; responses to unsafe requests, and those that are kept nowhere, change the records of documents |
//! | times | of the headers; where they are silent, of the query's options | of the headers; where they are silent, [`Transport::windows`](crate::http::Transport::windows) |
//! | for | data that the program shows | feeds, files, proxies: responses whose types the program does not know |
//!
//! # Keys
//! URLs that differ in the order of their query parameters, in the case of the host, in `%7E` and `~`, or by a default
//! port are one key (RFC 3986, section 6.2). Parameters with the same name keep their order. Requests that are not
//! `GET` have no key, and nothing is ever served for them, unless they are given a name.
//!
//! # When a stored response is used again
//! `no-store`, and a `Vary` that another request does not meet, come before all else. Then the first of these that has
//! something to say decides, and [`Verdict::why`](crate::http::Verdict::why) names it:
//!
//! 1. the options of the call: [`skip_cache`](crate::http::Request::skip_cache), [`fresh`](crate::http::Request::fresh)
//! 2. a mark: somebody has invalidated the entry
//! 3. the program: [`Policy::judge`](crate::http::Policy::judge)
//! 4. the headers, as a private cache reads them (RFC 9111), with `stale-while-revalidate` and `stale-if-error` (RFC
//!    5861)
//! 5. the options of the query
//! 6. a guess from `Last-Modified`
//!
//! Otherwise it is stale. Headers that cannot be understood make a response stale, and never fresh for ever.
//!
//! What the headers of a response say is worked out once, and again after a 304. As long as they say that it is fresh, a
//! request without `Cache-Control`, `Pragma` and options of its own costs a hit and a look at the clock, unless the
//! program has [windows](crate::http::Transport::windows) or [opinions](crate::http::Policy::has_opinions), or the
//! response varies.
//!
//! A stale response with an `ETag` or `Last-Modified` is asked for conditionally. After a 304 the entry has a new age
//! and the same value, and nobody is woken: the head of the stored response is renewed in place. `no-store` is obeyed:
//! the answer goes to its callers, and is kept nowhere. If it is a document of JSON:API, the records that other documents
//! show take what it said, except for fields that were written after its request was sent.
//!
//! # After a change
//! A successful `POST`, `PUT`, `PATCH` or `DELETE` marks the answers of its URL, and those of `Location` and
//! `Content-Location`. Answers of a query of the program are found by the [tags](crate::http::Key::tag) of the URLs
//! that its loads have requested.
//!
//! # Example
//! A query of the program whose document is as fresh as the headers of its response say:
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! use bytes::Bytes;
//! use cache_client::{App, Client, Context, Fetch, Fetched};
//! use cache_core::{Cache, Query, registry};
//! use cache_documents::http::{LoadRequests, Transport};
//! use cache_documents::{
//!     Document, DocumentError, DocumentsBuilder, Field, Id, ReadDocument, Resource, ResourceList, Resources,
//! };
//! # use std::sync::Arc;
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = Person, record)]
//! struct PersonId(Id);
//!
//! #[derive(Resource, Clone, Debug, PartialEq)]
//! #[resource(type = "people", key = PersonId)]
//! struct Person { name: Field<String> }
//!
//! // `fresh` counts where the headers are silent.
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = Document<Person>, capacity = 500, fresh = "30s")]
//! struct GetPerson { id: u64 }
//!
//! registry! { struct BlogRegistry { PersonId, GetPerson } }
//!
//! struct Blog { requests: AtomicU32 }
//!
//! impl App for Blog { type Registry = BlogRegistry; }
//!
//! impl Resources for Blog {
//!     fn list(list: &mut ResourceList<Self>) { list.add::<Person>(); }
//! }
//!
//! impl Transport for Blog {
//!     type Error = http::Error;
//!
//!     async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, http::Error> {
//!         self.requests.fetch_add(1, Ordering::Relaxed);
//!         // A program calls its HTTP client here. This server says that nothing has changed.
//!         if request.headers().contains_key("if-none-match") {
//!             return http::Response::builder().status(304).header("etag", "\"1\"").body(Bytes::new());
//!         }
//!         let body = r#"{"data": {"type": "people", "id": "9", "attributes": {"name": "Ann"}}}"#;
//!         let response = http::Response::builder().header("cache-control", "max-age=600").header("etag", "\"1\"");
//!         response.body(Bytes::from(body))
//!     }
//! }
//!
//! #[derive(Debug, thiserror::Error)]
//! enum BlogError {
//!     #[error(transparent)]
//!     Http(#[from] http::Error),
//!     #[error(transparent)]
//!     Document(#[from] DocumentError),
//! }
//!
//! impl GetPerson {
//!     fn request(&self) -> Result<http::Request<Bytes>, http::Error> {
//!         http::Request::get(format!("https://blog.example/people/{}", self.id)).body(Bytes::new())
//!     }
//! }
//!
//! impl Fetch<Blog> for GetPerson {
//!     type Error = BlogError;
//!
//!     async fn fetch(&self, cx: &Context<Blog>) -> Result<Document<Person>, BlogError> {
//!         let response = cx.send(self.request()?).await?;
//!         Ok(cx.document(response.body())?.with_response(&response))
//!     }
//!
//!     /// Asks whether the document has changed.
//!     async fn fetch_again(
//!         &self,
//!         cx: &Context<Blog>,
//!         present: &Arc<Document<Person>>,
//!     ) -> Result<Fetched<Document<Person>>, BlogError> {
//!         let Fetched::New(response) = cx.send_again(self.request()?, present.response()).await? else {
//!             return Ok(Fetched::Unchanged);
//!         };
//!         Ok(Fetched::New(cx.document(response.body())?.with_response(&response)))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder(Cache::new(), Blog { requests: AtomicU32::new(0) }).documents().build();
//! let first = client.query(&GetPerson { id: 9 }).await?;
//! assert_eq!(first.data().unwrap().name, Field::Value("Ann".to_owned()));
//!
//! // A hit, for ten minutes.
//! client.query(&GetPerson { id: 9 }).await?;
//! assert_eq!(client.app().requests.load(Ordering::Relaxed), 1);
//!
//! // Marked as stale: asked for conditionally. The document is the same.
//! client.cache().invalidate(&GetPerson { id: 9 });
//! let again = client.query(&GetPerson { id: 9 }).await?;
//! assert_eq!(client.app().requests.load(Ordering::Relaxed), 2);
//! assert!(Arc::ptr_eq(&first, &again));
//! # Ok(())
//! # }
//! ```
