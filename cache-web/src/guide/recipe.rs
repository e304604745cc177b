//! An axum service from nothing.
//!
//! The program below is whole: `cargo run -p cache-web --example service` starts it. In a crate of your own it needs
//! these dependencies. The macro `registry!` lists the queries here; larger programs let a build script find them, as
//! [`cache_core`] describes.
//!
//! ```toml
//! [dependencies]
//! axum = "0.8"
//! cache-client = "0.1"
//! cache-core = "0.1"
//! cache-web = "0.1"
//! getrandom = "0.4"
//! serde = { version = "1", features = ["derive"] }
//! serde_json = "1"
//! thiserror = "2"
//! tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "signal"] }
//! ```
//!
//! What to look for in it:
//!
//! - **JSON from an `Arc`.** A query returns `Arc<Post>`, which all requests share. `Shared` serialises it by reference,
//!   so that no request copies the post.
//! - **Errors of several callers.** A load has one error, however many requests wait for it. So `IntoResponse` is
//!   implemented for `&ServiceError`, and handlers return [`Failure<ServiceError>`](crate::Failure) with `?`. A feed
//!   whose post cannot be loaded has a nested error; the response is that of the innermost one.
//! - **Answers for each reader.** `GetFeed` has the reader in its key. Its tag finds all answers for that reader, of any
//!   query, in an index: `invalidate_tag(reader_tag(..))` when the reader follows somebody. It is `derived` from the posts
//!   that its load has read, so that a renamed post is in all feeds, with nothing to remember in `rename`.
//! - **Sessions** are the program's own, in its state. The extractor `Reader` answers 401. With middleware that puts
//!   the reader into the extensions of the request, [guards](super::leaving) can read it too.
//! - **A change** is a `Mutate`: it changes the database, and then writes what the database returned, in one commit.
//!   The database is right even if the process is killed in between; the cache is then loaded anew.
//! - **A graceful stop.** axum stops accepting, and waits for running requests, each of which ends by its deadline.
//!   Then the cache is saved, for a warm start. A file that cannot be used is reported, and the cache starts empty; what
//!   has changed in the database meanwhile is noticed as `fresh` says, or mark it after the start.
//! - **Behind a proxy.** The header `x-time-left-ms` says how long the proxy still waits, so that no work is done for
//!   nobody; let the proxy set it, or remove it. The deadline is shorter than the time limit of the proxy, so that the
//!   service answers first. Personal answers are `private`. Give the cookie `Secure`, and turn
//!   [buffering](super::streaming) off for streamed pages. Compression is best left to the proxy.
//!
//! ```no_run
#![doc = include_str!("../../examples/service.rs")]
//! ```
