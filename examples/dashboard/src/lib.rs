//! A terminal program over the query client: it shows what the newsroom says, and how each of its queries is doing.
//!
//! - [`queries`]: the queries, each a struct with `#[derive(Query)]`, and [`model`], their answers; `loads`: how each
//!   is loaded over HTTP by [`newsroom`]. Begin here. [`plain`] makes foreign texts safe for a terminal.
//! - [`session`]: the loop: states of observers, keys and ticks come in, pictures go out.
//! - [`dashboard`]: what the program knows and needs, without a terminal, a clock or a connection; [`observed`]: the
//!   same for one query. [`picture`]: what is shown of it; [`view`]: how that is drawn.
//! - [`arguments`]: the command line; [`input`]: the keys; [`terminal`]: the terminal, which is restored at the end;
//!   [`stop`]: signals.
#![forbid(unsafe_code)]

pub mod arguments;
pub mod dashboard;
pub mod input;
mod loads;
pub mod model;
pub mod newsroom;
pub mod observed;
pub mod picture;
pub mod plain;
pub mod queries;
pub mod session;
pub mod stop;
pub mod terminal;
pub mod view;

// The build script writes `CacheRegistry`: one typed table for each query.
cache_core::include_registry!();
