//! The `build.rs` side of the typed query cache: finds the structs that derive `Query` and writes one registry of them.
//!
//! ```no_run
//! // build.rs
//! fn main() {
//!     cache_codegen::generate();
//! }
//! ```
//!
//! The scan proposes, the compiler disposes: what is written is nothing but one call of the public macro `registry!`
//! with one line per query, so that `rustc` checks every guess. Options of queries are never read here.
//!
//! # Tour
//! Four steps, each usable alone:
//! - [`scan`]: from a crate root, along `mod`, to modules and what they declare;
//! - [`model`]: which of that derives the cache's `Query`, by which path and under which `cfg`s;
//! - [`check`]: which queries become lines of the registry, and what is to be said about the others;
//! - [`emit`]: the generated file and the manifest beside it, as text.
//!
//! [`Builder`] runs them in a build script, [`Explanation`] on any crate.
//!
//! # What is found
//! Every module that `rustc` would find by `mod`: files, folders, inline modules, `#[path]`. Folders are never listed.
//! The derive is recognised through `use`, renames, globs, full paths, `cfg_attr` and a renamed dependency; every `cfg`
//! on the way is copied to the line. `#[cfg(test)]` is left out.
//!
//! A query without a path that the crate root can write (in a function, in a macro call, in a private module), and a
//! generic one, is reported as a warning that says what to do. So is one in a module that is declared inside a macro call
//! such as `cfg_if!`, or in a file that `include!` takes in: what a macro makes of its tokens cannot be seen.
//!
//! # When it runs again
//! When one of the files that it read changes, or one that a `mod` asked for appears. The generated file is written only if
//! its text changes. While a source file is not Rust, the last good registry stays, so that `rustc` reports the error.
//!
//! Conditions are weighed by the features and the target of the build (`CARGO_CFG_*`): a module that this build does not
//! compile may be missing or broken. The generator cannot know a `cfg` that the build script itself sets, or that
//! `cargo rustc -- --cfg` adds, nor what a macro makes of its tokens. Where the file of a module under such a condition, or
//! in a macro call, is missing, the nearest existing folder is watched instead. Cargo watches all that is below a folder, so
//! a folder with the package or with cargo's output in it cannot be watched: no build would come to rest. There, for
//! instance for a `lib.rs` beside `Cargo.toml`, a file that appears goes unnoticed; the next build that compiles it fails
//! with a message that says how to run the generator again.
//!
//! In a package of one program, a `src/lib.rs` that appears while no file of the program changes is noticed at the next
//! run.
#![forbid(unsafe_code)]
#![allow(clippy::needless_doctest_main, reason = "the examples are build scripts, whose `main` is the point")]

mod builder;
pub mod cfg;
pub mod check;
pub mod emit;
mod explain;
mod identifier;
#[cfg(test)]
mod memory;
pub mod model;
pub mod package;
pub mod report;
pub mod scan;
pub mod source;
mod tokens;

pub use builder::{Builder, Change, Generated, generate};
pub use explain::Explanation;
pub use report::{Diagnostic, Report};
