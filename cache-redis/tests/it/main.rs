//! The tier on a real server.

mod check;
mod feed;
mod full;
mod rules;
mod simulated;
mod support;
