//! The context of a request: its name, its deadline, and what ends it.
//!
//! A [`RequestLayer`](crate::RequestLayer) gives each request a [context](cache_client::guide::contexts). Handlers
//! extract it with [`Cx`](crate::Cx); code that has no argument for it calls
//! [`Context::current`](cache_client::Context::current), in handlers, in middleware inside the layer, and in response
//! bodies. A task that a handler spawns does not inherit it: move a clone of `cx.context()` into the task.
//!
//! ```
//! # mod blog { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/blog.rs")); }
//! # use blog::*;
//! async fn report(cx: Cx<Blog>, Path(year): Path<u16>) -> Result<String, Failure<NoSuchPost>> {
//!     Ok(cx.query(&GetReport { year }).await?.to_string())
//! }
//!
//! /// Code that receives no context.
//! fn name_of_request() -> Option<String> {
//!     Context::<Blog>::current().map(|cx| cx.name().to_owned())
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! # let client = blog_client();
//! let routes: Router = Router::new()
//!     .route("/reports/{year}", get(report))
//!     .route("/name/{any}", get(async || name_of_request().unwrap_or_default()))
//!     .layer(RequestLayer::new(&client).deadline(Duration::from_secs(2)));
//! assert_eq!(open(&routes, "/name/of-this").await.1, "GET /name/{any}");
//!
//! // The report takes three seconds. Its load continues, and a reader who tries again finds the answer.
//! assert_eq!(open(&routes, "/reports/2026").await.0, StatusCode::GATEWAY_TIMEOUT);
//! tokio::time::sleep(Duration::from_secs(1)).await;
//! assert_eq!(open(&routes, "/reports/2026").await.0, StatusCode::OK);
//! # }
//! ```
//!
//! # The name
//! It is the method and the route that matched, such as `GET /posts/{id}`, never the path, so that it is fit for
//! metrics and contains nothing of a user. Without a route, as for a fallback or a layer around a whole service, it is
//! the method alone. Methods that are not in the standard are `OTHER`.
//!
//! # The deadline
//! | set by | applies |
//! |---|---|
//! | [`deadline`](crate::RequestLayer::deadline) | to all requests of the layer |
//! | [`deadline_header`](crate::RequestLayer::deadline_header) | if a request has the header: the number of milliseconds that its client still waits |
//! | `cx.with_deadline(..)` | to a part of the handler |
//!
//! The shortest one applies. When it passes, queries fail with
//! [`Interrupted`](cache_client::QueryError::Interrupted), which [`Failure`](crate::Failure) answers with status 504,
//! and [pages](super::streaming) end. Loads go on for as long as the option `linger` says, by default 5 s. No timer
//! runs for a request that never waits, and work that does not query the context is not interrupted.
//!
//! Name a header only if a proxy of your own sets or removes it. Whoever can set it can shorten the time of a request,
//! and so make it fail; nobody can make it longer than the configured one.
//!
//! # What ends a request
//! | | what happens to its loads |
//! |---|---|
//! | the response body has ended | nothing: they were awaited, or somebody else waits for them |
//! | the deadline has passed | go on for as long as `linger` says |
//! | the client has gone away: the response future or its body is dropped | end at once, unless somebody else waits for them |
//! | the handler panics | as if the client had gone away |
//!
//! The body counts, not the handler: a stream of events keeps its context until it ends. A layer outside that ends
//! requests early, such as tower-http's `TimeoutLayer`, looks like a client that goes away; use `deadline`
//! for a limit that handlers can answer. Compression and tracing of tower-http work on either side of the layer. A
//! WebSocket outlives the request that began it: start a request of the client for it, by
//! [`Client::request`](cache_client::Client::request).
//!
//! # Errors
//! `?` turns the error of a query or a mutation into a [`Failure`](crate::Failure), whose table says which response
//! each error is. The program decides about its own errors, by `IntoResponse` for `&E`: callers that waited for one load
//! share its error. An error of a load inside a load is nested; the [recipe](super::recipe) looks for the innermost.
//!
//! # Costs
//! A request costs four small allocations, and less than a microsecond; a query that hits costs what it costs in any
//! [context](cache_client::guide::contexts). Nothing is shared between requests but reference counts.
