//! Which answers leave the server, and which never do.
//!
//! Nothing leaves that is not in a list, [`Web`](crate::Web). Of the queries in it, a page sends what *it* has asked for
//! by [`query`](crate::Page::query), [`announce`](crate::Page::announce) or [`defer`](crate::Page::defer), and the
//! [route](crate::Web::answers) answers what browsers ask for.
//!
//! | | in the page | by the route |
//! |---|---|---|
//! | a listed query that the page asks for | its key and its answer | yes |
//! | a listed query that nobody asks for | no | yes |
//! | a guarded query, where the guard says no | no, as if it were not listed | 403, before anything is read |
//! | a query that is not listed | no; `page.query` answers the handler | 404 |
//! | what the load of a listed query reads | no | no |
//! | what the handler asks by `cx.query` | no | - |
//! | an answer that was [set](cache_client::Context::set) for this request | yes, in this page alone | no |
//! | the text of an error | only `with_errors`; or else that the load has failed | the same |
//!
//! ```
//! # mod blog { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/blog.rs")); }
//! # use blog::*;
//! /// Reads the session; here it is just a header.
//! fn may_read(request: &Parts, drafts: &GetDrafts) -> bool {
//!     request.headers.get("reader").is_some_and(|reader| reader == drafts.reader.as_str())
//! }
//!
//! static WEB: LazyLock<Web<Blog>> = LazyLock::new(|| Web::new().public::<GetTitle>().guarded(may_read));
//!
//! async fn page(cx: Cx<Blog>) -> PageResponse {
//!     let page = cx.page(&WEB);
//!     let title = page.query(&GetTitle { id: 7 }).await; // listed
//!     let report = page.query(&GetReport { year: 2026 }).await; // not listed: for the server alone
//!     let drafts = page.query(&GetDrafts { reader: "ann".to_owned() }).await; // guarded
//!     assert!(title.is_ok() && report.is_ok() && drafts.is_ok());
//!     page.html(format!("<!doctype html>{}<p>A page</p>", page.place()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! # let client = blog_client();
//! let routes: Router =
//!     Router::new().route("/", get(page)).merge(WEB.answers("/_q")).layer(RequestLayer::new(&client));
//! # let as_reader = |path: &str, reader: &str| {
//! #     Request::get(path).header("reader", reader).body(Body::empty()).unwrap()
//! # };
//! for reader in ["ann", "bob"] {
//!     let page = text(send(&routes, as_reader("/", reader)).await).await;
//!     assert!(page.contains("Post 7") && !page.contains("secrets"));
//!     assert_eq!(page.contains("A draft of ann"), reader == "ann");
//!
//!     let drafts = "/_q/get_drafts?key=%7B%22reader%22%3A%22ann%22%7D"; // {"reader":"ann"}
//!     let status = send(&routes, as_reader(drafts, reader)).await.status();
//!     assert_eq!(status, if reader == "ann" { StatusCode::OK } else { StatusCode::FORBIDDEN });
//! }
//! # }
//! ```
//!
//! # Guards
//! A guard decides from the head of the request and the key. It runs before the cache is read and before an `ETag` is
//! compared, for each request anew, so that a cached answer stays closed to those who may not have it. It cannot wait:
//! look up the session in middleware, put it into the extensions of the request, and read it there. Middleware that the
//! guard relies on must be outside of the routes, also of [`answers`](crate::Web::answers), and must have run when the
//! handler extracts `Cx`, which takes a copy of the head.
//!
//! Put what an answer depends on into its key, such as the reader. Loads are shared by all requests: an answer for one
//! reader under a key without the reader is an answer for all.
//!
//! # Values in JavaScript
//! A browser gets the very value that the page was rendered from, or none:
//!
//! - An integer beyond 2^53, an infinity or a NaN has no exact form in JSON. That one answer is not sent, and an event
//!   of `tracing` names the field, without its value. Write numbers that may be large [as strings](crate::as_string).
//! - `serde_json::RawValue` cannot be checked, and is not sent.
//! - `None` is `null`, a unit variant its name, bytes are a list of numbers, and keys of maps are strings, all as
//!   `serde_json` writes them.
//!
//! # Limits
//! A page sends at most 1,000 entries and 1 MiB of state. What does not fit is left out, and the browser asks the route
//! for it when it needs it.
