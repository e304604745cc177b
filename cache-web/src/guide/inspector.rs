//! A page that shows what the cache of a running program holds and does, and who may see it.
//!
//! [`inspector(&client)`](crate::inspector) is a page inside this crate: no build step, nothing loaded from elsewhere. It
//! shows tables with their hit ratios and removals by cause, entries with key, state and age, loads that run and who
//! waits for them, observers, optimistic layers, circuit breakers, commits, and the tiers below the cache. It follows
//! the program twice a second. `client.inspect()` is the same report as a value, which displays as text for a terminal.
//!
//! ```
//! # mod blog { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/blog.rs")); }
//! # use blog::*;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let client = blog_client();
//! let inspector = cache_web::inspector(&client);
//! let link = inspector.link("http://127.0.0.1:8080"); // print it at the start
//! let routes: Router = Router::new().merge(inspector.routes());
//! # let ask = |path: &str, host: &str, cookie: &str| {
//! #     let request = Request::get(path).header(header::HOST, host).header(header::COOKIE, cookie);
//! #     let (request, routes) = (request.body(Body::empty()).unwrap(), routes.clone());
//! #     async move { send(&routes, request).await }
//! # };
//!
//! // Without the token, or under the name of another host, it stays closed.
//! assert_eq!(ask("/_cache/", "127.0.0.1:8080", "").await.status(), StatusCode::UNAUTHORIZED);
//! let path = link.strip_prefix("http://127.0.0.1:8080").unwrap();
//! assert_eq!(ask(path, "evil.example", "").await.status(), StatusCode::FORBIDDEN);
//!
//! // The link sets a cookie, and removes the token from the address.
//! let opened = ask(path, "127.0.0.1:8080", "").await;
//! assert_eq!(opened.status(), StatusCode::SEE_OTHER);
//! let cookie = opened.headers()[header::SET_COOKIE].to_str()?.to_owned();
//! assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
//! let cookie = cookie.split(';').next().unwrap();
//! assert_eq!(ask("/_cache/", "127.0.0.1:8080", cookie).await.status(), StatusCode::OK);
//! # Ok(())
//! # }
//! ```
//!
//! # Who may see it
//! - **A token**, always. A check for "local" clients would be none: behind a proxy on the same machine every client is
//!   local. It is random for each start, unless the program sets one with
//!   [`token`](crate::Inspector::token), and compared in constant time.
//! - **A cookie** takes the place of the token once the link was opened. Scripts cannot read it, and other sites cannot
//!   make a browser send it. Treat the link as a password: it is in the history of the shell that shows the log.
//! - **The host** is checked, so that a page of another domain cannot reach the inspector by letting its name point to
//!   this machine. Loopback names are allowed; add yours with [`host`](crate::Inspector::host).
//! - Behind a proxy that speaks https, the cookie is `Secure` if the proxy says so in `x-forwarded-proto` or
//!   `forwarded`; [`https`](crate::Inspector::https) says it for good.
//!
//! # What it shows, and what it does not
//! It reads only: nothing can be marked, removed or loaded from it. Values are never shown. Keys are, by their `Debug`,
//! as text, whatever markup they contain; the keys of a query that is derived with `secret` are masked. If keys hold
//! names or addresses of people, derive their queries so.
//!
//! # What it costs
//! Nothing while nobody looks. While somebody does, a state twice a second, which all open pages share; a slow reader
//! gets the newest. A table of a million entries is read in pages, and a search in steps.
