//! The output of `derive(Query)` and `registry!`, used as a program uses it. Generated code passes all lints
//! that the program denies.
#![deny(
    warnings,
    missing_docs,
    unsafe_code,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    single_use_lifetimes,
    unused_lifetimes,
    trivial_casts,
    let_underscore_drop,
    non_ascii_idents,
    unused_results,
    clippy::all,
    clippy::pedantic
)]
#![allow(unreachable_pub)]

mod borrowed;
mod constants;
mod fragments;
mod generic;
mod in_use;
mod included;
mod listing;
mod options;
mod persist;
mod plain;
