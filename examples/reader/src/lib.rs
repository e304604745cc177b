//! A terminal program over documents: articles, authors and comments of the newsroom's JSON:API, side by side. The panes
//! share one record of each thing, so that they never contradict each other.
//!
//! - [`records`]: what is known of each thing. [`queries`]: the documents that are asked for; `loads`: how. Begin here.
//! - [`changes`]: renaming an author, posting a comment, deleting an article.
//! - [`server`]: requests and errors. [`saved`]: what was read, for a start without the server.
//! - [`reading`]: what the panes show, without a terminal. [`session`]: the loop: answers and keys come in, pictures go out.
//! - [`picture`]: what is shown; [`view`]: how that is drawn. [`arguments`]: the command line; [`input`]: the keys.
//!
//! Terminal, signals, and texts that are safe to draw are those of the example `dashboard`.
#![forbid(unsafe_code)]

pub mod arguments;
pub mod changes;
pub mod input;
mod loads;
pub mod picture;
pub mod queries;
pub mod reading;
pub mod records;
pub mod saved;
pub mod server;
pub mod session;
pub mod view;

// The build script writes `CacheRegistry`: one typed table for each query.
cache_core::include_registry!();
