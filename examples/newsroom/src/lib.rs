//! A newspaper with comments: an axum service over an SQLite file, in which every answer goes through the query client.
//!
//! - [`queries`]: the queries, each a struct with `#[derive(Query)]`, and [`model`], their answers; `loads`: how each
//!   is loaded. Begin here.
//! - [`reading`]: the content of a page, combined from several queries; [`commenting`] and [`editing`]: what is written.
//! - [`routes`]: pages, JSON, documents of JSON:API, server-sent events, the inspector; `views`: the HTML; `jsonapi`: the
//!   documents. [`problem`]: errors as responses. [`web`]: what browsers receive as data, for the front of an article's
//!   page.
//! - [`app`]: the program's state, the warm start and the snapshot at the end; [`claim`]: which processes use a folder;
//!   [`sharing`]: several of them, which share answers. [`service`]: from the first connection to the last, with the
//!   limits of [`settings`]. [`arguments`]: the command line.
//! - `texts`: which part of a reader's text is accepted; `connections`, `streams`: limits for clients that misbehave.
//! - [`visitor`]: a reader, for `load` and the tests.
//! - [`database`]: the file, the reads and writes of it, and a ledger of all loads.
#![forbid(unsafe_code)]

pub mod app;
pub mod arguments;
pub mod claim;
pub mod commenting;
mod connections;
pub mod database;
pub mod editing;
mod jsonapi;
mod loads;
pub mod model;
pub mod problem;
pub mod queries;
pub mod reading;
pub mod routes;
pub mod service;
pub mod settings;
pub mod sharing;
mod streams;
mod texts;
mod views;
pub mod visitor;
pub mod web;

// The build script writes `CacheRegistry`: one typed table for each query.
cache_core::include_registry!();
