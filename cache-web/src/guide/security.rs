//! Pages under a policy for scripts, texts of users, and caches in between.
//!
//! # Texts stay texts
//! State is JSON, in which `<`, `>`, `&`, U+2028 and U+2029 are written as escapes. So it contains no end of a script,
//! no beginning of a comment, and no end of a line, whatever a user has written into a field, a key or an error. A
//! script gets it as a string, which the browser parses as JSON; it is never an expression of JavaScript. No text of a
//! user is outside of that string.
//!
//! State goes where [`page.place()`](crate::Page::place) is, a random word of 128 bits per response. A text that
//! imitates one moves nothing. A shell without the place, or with two, is an error.
//!
//! The shell itself is yours: use a template that escapes texts. The place may be written through it.
//!
//! # Content-Security-Policy
//! Without a policy nothing is needed. With one, there are two ways:
//!
//! | policy | the page | the browser |
//! |---|---|---|
//! | `script-src 'nonce-...'` | [`page.nonce()`](crate::Page::nonce) is the nonce of its scripts | runs one short script for each part |
//! | no inline script at all | [`page.data_blocks()`](crate::Page::data_blocks): elements of JSON, which are not scripts | `openCache` reads them when they arrive |
//!
//! ```
//! # mod blog { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/blog.rs")); }
//! # use blog::*;
//! static WEB: LazyLock<Web<Blog>> = LazyLock::new(|| Web::new().public::<GetTitle>());
//!
//! async fn with_nonce(cx: Cx<Blog>) -> impl IntoResponse {
//!     let page = cx.page(&WEB);
//!     let _title = page.query(&GetTitle { id: 7 }).await;
//!     let policy = format!("script-src 'nonce-{}'", page.nonce());
//!     ([(header::CONTENT_SECURITY_POLICY, policy)], page.html(format!("<!doctype html>{}", page.place())))
//! }
//!
//! async fn without_scripts(cx: Cx<Blog>) -> impl IntoResponse {
//!     let page = cx.page(&WEB);
//!     page.data_blocks();
//!     let _title = page.query(&GetTitle { id: 7 }).await;
//!     ([(header::CONTENT_SECURITY_POLICY, "script-src 'self'")], page.html(page.place().to_string()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! # let client = blog_client();
//! // A title with which somebody tries to end the script.
//! client.cache().insert(GetTitle { id: 7 }, "</script><script>alert(1)</script>".to_owned());
//! let routes: Router = Router::new()
//!     .route("/nonce", get(with_nonce))
//!     .route("/blocks", get(without_scripts))
//!     .layer(RequestLayer::new(&client));
//! # let response = |path: &str| {
//! #     let request = Request::get(path).body(Body::empty()).unwrap();
//! #     let routes = routes.clone();
//! #     async move { send(&routes, request).await }
//! # };
//!
//! let page = response("/nonce").await;
//! let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
//! let nonce = policy.strip_prefix("script-src 'nonce-").unwrap().trim_end_matches('\'');
//! assert_eq!(page.headers()[header::CACHE_CONTROL], "private, no-store");
//! let html = text(page).await;
//! assert!(html.contains(&format!("<script nonce=\"{nonce}\">")));
//! assert_eq!((html.matches("<script").count(), html.matches("</script").count()), (1, 1));
//!
//! let html = text(response("/blocks").await).await;
//! assert!(html.starts_with(r#"<script type="application/json" data-cache-web>"#));
//! assert_eq!(html.matches("</script").count(), 1);
//! # }
//! ```
//! A nonce is of use only if nothing stores the page: use one policy per response, and do not put a page with a nonce
//! into a cache.
//!
//! # Caches in between
//! A page with state is `Cache-Control: private, no-store`, unless the handler sets the header: set it only if the page
//! is the same for everybody. Answers of the route are `private, no-cache` with an `ETag`; a browser asks each time, and
//! the guard decides each time, before 304 too. The tag is from the entry's revision and a random word of the process,
//! so it says nothing about the value.
//!
//! # Who may read
//! Guards are [on a page of their own](super::leaving). The route answers `GET` alone, changes nothing, and is not
//! open to other origins unless you add CORS headers. It runs loads: a public query with many keys lets anybody start
//! as many loads as there are keys, so limit the rate of requests as for any other route, and
//! [loads](cache_client::LoadingOptions::concurrency) as well.
//!
//! # What errors say
//! A response says only that a load has failed, unless the list says [`with_errors`](crate::Web::with_errors) for its
//! query. Texts of [`Failure`](crate::Failure) name neither queries nor keys. A panic's message is in the log alone.
//! Requests that cannot be read are answered with the name of the field, which the exported module contains anyway.
