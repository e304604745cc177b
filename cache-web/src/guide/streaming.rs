//! What a page sends first, what follows, and what the browser does with it.
//!
//! | the handler calls | the shell waits | the browser gets the answer |
//! |---|---|---|
//! | [`page.query(..).await`](crate::Page::query) | yes: it shows the answer | with the shell |
//! | [`page.announce(..)`](crate::Page::announce) | no | with the shell if it is there by then, or else when it has settled |
//! | [`page.defer(..)`](crate::Page::defer) | up to 500 ms for all deferred queries together | with the shell, or when it has settled |
//! | nothing | no | never: it asks the route when it needs the answer |
//!
//! What is announced and not there yet is *named* with the shell. A component that needs it in the browser waits for
//! it, and makes no request of its own. Answers follow in the order in which they settle. The last message says that
//! nothing follows.
//!
//! ```
//! # mod blog { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/blog.rs")); }
//! # use blog::*;
//! static WEB: LazyLock<Web<Blog>> =
//!     LazyLock::new(|| Web::new().public::<GetTitle>().public::<GetComments>().public::<GetReport>());
//!
//! async fn post(cx: Cx<Blog>, Path(id): Path<u64>) -> Result<PageResponse, Failure<NoSuchPost>> {
//!     let page = cx.page(&WEB);
//!     page.announce(&GetComments { post: id }); // starts now, while the title is being loaded
//!     page.announce(&GetReport { year: 2026 });
//!     let title = page.query(&GetTitle { id }).await?;
//!     Ok(page.html(format!("<!doctype html>{}<h1>{title}</h1>", page.place())))
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! # let client = blog_client();
//! let routes: Router = Router::new()
//!     .route("/posts/{id}", get(post))
//!     .layer(RequestLayer::new(&client).deadline(Duration::from_secs(2)));
//! # let request = Request::get("/posts/7").body(Body::empty()).unwrap();
//! let mut body = send(&routes, request).await.into_body();
//! let (begun, mut parts) = (Instant::now(), Vec::new());
//! while let Some(frame) = body.frame().await {
//!     let part = String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap();
//!     parts.push((begun.elapsed().as_millis(), part));
//! }
//! let [(0, shell), (300, comments), (2_000, end)] = &parts[..] else { panic!("{parts:?}") };
//! assert!(shell.contains("<h1>Post 7</h1>") && shell.contains("get_comments") && !shell.contains("Well said."));
//! assert!(comments.contains("Well said."));
//! assert!(end.contains(r#""x":1"#) && end.contains(r#""end":1"#)); // the report is skipped at the deadline
//! # }
//! ```
//! A request for a page that does not exist is an error before anything is sent, since the handler awaits the title: an
//! error of an announced query comes too late for the status.
//!
//! # In the browser
//! `openCache` of the exported module hands everything to TanStack Query's own `hydrate`:
//!
//! - An answer becomes a query in the state `success`, as old as it is in the server, by its age and not by a date,
//!   since clocks differ. With the option `fresh` of the query as `staleTime`, a component that mounts later makes no
//!   request until then. What was marked as stale in the server is stale in the browser.
//! - An announced query becomes one that is being fetched. Its promise is resolved when the answer arrives.
//! - What is in the browser's cache already, and newer, is kept. A fetch that runs goes on.
//! - A failed load leaves nothing: a component that needs it asks the route.
//!
//! # When the page breaks off
//! The waiting queries ask the route at once, when the browser reports the end of the document. Chromium reports
//! nothing for a connection that breaks; there they do so one second after the deadline of the request, which the page
//! tells, or after half a minute without one. Give requests a deadline.
//!
//! # At the deadline
//! The page is ended in order: what has not settled is skipped, so that the browser asks for it, and perhaps joins a
//! load that still runs.
//!
//! # On the way
//! - **Proxies** that collect a response before they pass it on delay everything but the shell's first byte. In nginx,
//!   `proxy_buffering off`, or the header `X-Accel-Buffering: no` in the response.
//! - **Compression** by tower-http passes each part on as it comes.
//! - **Scripts**: the one that calls `openCache` must run before the page has ended, so use `<script type="module"
//!   async>`. A module without `async` waits for the whole document.
//! - A page without announced queries has a `Content-Length` and is sent as a whole.
