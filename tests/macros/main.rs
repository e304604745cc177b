//! What `derive(Query)` and `registry!` write, used as a program uses it.
#![deny(warnings, missing_docs, unsafe_code, missing_debug_implementations)]

mod borrowed;
mod plain;
