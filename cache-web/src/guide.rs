//! A guide in pages. Each has an example that runs as a test.
//!
//! | page | subject |
//! |---|---|
//! | [`recipe`] | an axum service from nothing: JSON, errors, sessions, answers for each reader, a warm start |
//! | [`requests`] | the context of a request: its name, its deadline, and what ends it |
//! | [`leaving`] | which answers leave the server, and which never do |
//! | [`streaming`] | what a page sends first, what follows, and what the browser does with it |
//! | [`security`] | pages under a policy for scripts, texts of users, caches in between |
//! | [`inspector`] | a page that shows what the cache of a running program does, and who may see it |
//!
//! Most examples run on tokio's paused time, in which a `sleep` takes no time, and call their routes without a
//! connection. [The guide to the client](cache_client::guide) says what a query, a load and a context are.

pub mod inspector;
pub mod leaving;
pub mod recipe;
pub mod requests;
pub mod security;
pub mod streaming;
