//! The tier on a real server.

mod builds;
mod check;
mod feed;
mod full;
mod readme;
mod rules;
mod simulated;
mod support;
