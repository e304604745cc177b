//! The program as users run it.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[allow(dead_code, reason = "shared with the tests of `dashboard`")]
#[path = "../../../dashboard/tests/it/console.rs"]
mod console;
mod script;
mod view;
