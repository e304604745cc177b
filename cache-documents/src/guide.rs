//! A guide in pages. Each has an example that runs as a test.
//!
//! | page | subject |
//! |---|---|
//! | [`keys`] | which records there are, what names them, and how long they live |
//! | [`changes`] | changing records by hand, before or after the server has answered |
#![cfg_attr(
    feature = "http",
    doc = "| [`requests`] | requests over HTTP, and when a stored response is used again |"
)]
//! | [`testing`] | testing code that reads documents |
//!
//! The examples use the program at the head of the [crate's documentation](crate), with a list of articles, and with
//! the relationship `readers` and the attribute `nickname`. [The guide to the client](cache_client::guide) says what a
//! query, a load, and an observer are.

pub mod changes;
pub mod keys;
#[cfg(feature = "http")]
pub mod requests;
pub mod testing;
