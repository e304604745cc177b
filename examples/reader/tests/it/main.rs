//! The program as users run it: in terminals of two sizes, against a newsroom that comes and goes.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod changing;
#[allow(dead_code, reason = "shared with the tests of `dashboard`")]
#[path = "../../../dashboard/tests/it/console.rs"]
mod console;
mod offline;
mod program;
mod reading;
mod server;
