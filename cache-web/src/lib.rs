//! The query client [`cache_client`] in a web server on [axum]: each request gets a context that lives as long as the
//! request, and a page hands the answers that it was rendered from on to TanStack Query in the browser, which then
//! makes no request for them.
//!
//! # Example
//! ```
//! use std::sync::LazyLock;
//! use std::time::Duration;
//!
//! use axum::Router;
//! use axum::extract::Path;
//! use axum::http::StatusCode;
//! use axum::response::{IntoResponse, Response};
//! use axum::routing::get;
//! use cache_client::{App, Client, Context, Fetch};
//! use cache_core::{Cache, Query, registry};
//! use cache_web::{Cx, Failure, PageResponse, RequestLayer, Web};
//! use serde::{Deserialize, Serialize};
//! use ts_rs::TS;
//!
//! /// The title of a post.
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
//! #[query(value = String, capacity = 1_000, fresh = "30s")]
//! pub struct GetTitle { pub id: u64 }
//!
//! /// The comments on a post.
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
//! #[query(value = Vec<String>, capacity = 1_000, fresh = "30s")]
//! pub struct GetComments { pub post: u64 }
//!
//! registry! { pub struct CacheRegistry { GetTitle, GetComments } }
//!
//! struct Blog;
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! #[derive(Debug)]
//! pub struct NoSuchPost;
//! # impl std::fmt::Display for NoSuchPost {
//! #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("there is no such post") }
//! # }
//!
//! impl IntoResponse for &NoSuchPost {
//!     fn into_response(self) -> Response {
//!         StatusCode::NOT_FOUND.into_response()
//!     }
//! }
//!
//! impl Fetch<Blog> for GetTitle {
//!     type Error = NoSuchPost;
//!
//!     async fn fetch(&self, _: &Context<Blog>) -> Result<String, NoSuchPost> {
//!         if self.id < 1_000 { Ok(format!("Post {}", self.id)) } else { Err(NoSuchPost) }
//!     }
//! }
//! # impl Fetch<Blog> for GetComments {
//! #     type Error = NoSuchPost;
//! #     async fn fetch(&self, _: &Context<Blog>) -> Result<Vec<String>, NoSuchPost> { Ok(Vec::new()) }
//! # }
//!
//! /// What may leave the server. Nothing else ever does.
//! static WEB: LazyLock<Web<Blog>> = LazyLock::new(|| Web::new().public::<GetTitle>().public::<GetComments>());
//!
//! async fn post(cx: Cx<Blog>, Path(id): Path<u64>) -> Result<PageResponse, Failure<NoSuchPost>> {
//!     let page = cx.page(&WEB);
//!     let title = page.query(&GetTitle { id }).await?; // in the first part of the page
//!     page.announce(&GetComments { post: id }); // follows when it has settled
//!     // A template of a real program escapes the title.
//!     Ok(page.html(format!("<!doctype html>{}<h1>{title}</h1><div id=comments></div>", page.place())))
//! }
//!
//! # fn main() {
//! let client = Client::builder(Cache::<CacheRegistry>::new(), Blog).build();
//! let routes: Router = Router::new()
//!     .route("/posts/{id}", get(post))
//!     .merge(WEB.answers("/_q")) // what the browser loads later
//!     .layer(RequestLayer::new(&client).deadline(Duration::from_secs(2)));
//! # drop(routes);
//! # }
//! ```
//! A test with the line `WEB.typescript().check("web/cache.ts")` keeps the module for the browser current; with
//! `CACHE_WEB=write` it writes the file. In the browser:
//! ```ts
//! import { getComments, getTitle, openCache } from "./cache"
//!
//! openCache(queryClient)
//! useQuery(getTitle({ id: 7 })) // its data is a string; no request
//! ```
//!
//! The [guide] has a page on each of the following subjects, and [a service to start from](guide::recipe).
//!
//! # Requests
//! - **A request is one tree**: within a request the same query gives the same `Arc`, whoever asks.
//! - **A client that goes away cancels its request**, also in the middle of a response body. Loads that nobody else
//!   waits for end at once. At a deadline they continue for as long as the option `linger` says, since the client may
//!   try again.
//! - **No task per request.** Dropping the response, or a panic of the handler, releases everything.
//!
//! # What leaves the server
//! - Only queries in a [`Web`] leave, and only keys that the page itself has [queried](Page::query) or
//!   [announced](Page::announce), once each, with the value that the render saw. What their loads have read does not.
//! - The answers of a [guarded](Web::guarded) query leave for requests that its guard accepts, in pages and by the
//!   route.
//! - **Texts stay texts.** State is JSON in which `<`, `>`, `&`, U+2028 and U+2029 are escapes, inside a string of
//!   JavaScript or an element that no browser runs. Where it goes is a random word per response.
//! - **Numbers stay exact.** A value with an integer beyond 2^53, or with a float that JSON has no form for, is not
//!   sent: an event of `tracing` names the field. Write such a number [as a string](as_string). `serde_json::RawValue`
//!   is not sent either, since it cannot be checked.
//! - A page sends at most 1,000 entries, and state of at most 1 MiB. What does not fit, or is not there at the
//!   deadline, is skipped, and the browser loads it when it needs it.
//! - A page with state is `Cache-Control: private, no-store`, unless the handler sets the header.
//!
//! # In the browser
//! Keys are `[name, key]`, so that `["get_title"]` selects a query. Ages are durations, so the clocks may differ. An
//! answer that the browser has already, and that is newer, is kept; a request that runs goes on.
//!
//! If the page breaks off, what was announced is loaded as soon as the browser reports the end of the document.
//! Chromium reports nothing then; there it is loaded one second after the deadline of the request, or after half a
//! minute if the request has none.
//!
//! The script that calls `openCache` must run before the page has ended: use `<script type="module" async>`, since a
//! module without `async` waits for the last announced answer. A proxy that collects a response before it passes it on
//! delays announced answers in the same way. The compression of tower-http does not.
//!
//! # Seeing what the cache does
//! [`inspector`] is a page that shows tables, entries, loads, observers, layers, breakers and commits of a running
//! client, as they change. It has no build step, loads nothing from elsewhere, and is opened by a link with a token.
//!
//! # Limits
//! - Only HTTP handlers: a WebSocket outlives the request that began it, whose context ends with the response.
//! - A value that the route answers counts as new in the browser, however old it is in the cache.
#![forbid(unsafe_code)]

mod answer;
mod answers;
mod cx;
mod failure;
pub mod guide;
mod inspector;
mod json;
mod listed;
mod page;
mod random;
mod request;
mod typescript;
mod web;

pub use cx::{Cx, CxRejection};
pub use failure::Failure;
pub use inspector::{Inspector, TokenError, inspector};
pub use json::as_string;
pub use page::{Page, PageError, PageResponse, Place};
pub use request::{RequestLayer, RequestService, ResponseBody, ResponseFuture};
pub use typescript::{TypeScript, TypeScriptError};
pub use web::Web;
