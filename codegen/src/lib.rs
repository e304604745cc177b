//! The `build.rs` side of the typed query cache: finds the structs that derive `Query` and writes one registry for
//! them.
//!
//! ```no_run
//! // build.rs
//! fn main() {
//!     cache_codegen::generate();
//! }
//! ```
//!
//! The generator guesses and the compiler decides: the output is one call of the public macro `registry!` with one line
//! per query, so `rustc` checks every guess. The generator never reads the options of queries.
//!
//! # Tour
//! Four steps, each usable by itself:
//! - [`scan`]: from a crate root, along `mod`, to modules and what they declare;
//! - [`model`]: which of these derive the cache's `Query`, by which path and under which `cfg`s;
//! - [`check`]: which queries become lines of the registry, and the messages about the others;
//! - [`emit`]: the generated file and its manifest, as text.
//!
//! [`Builder`] runs them in a build script, [`Explanation`] runs them on any crate.
//!
//! # What is found
//! Every module that `rustc` finds by `mod`: files, folders, inline modules, `#[path]`. The generator never lists a
//! folder. It recognises the derive through `use`, renames, globs, full paths, `cfg_attr` and a renamed dependency, and
//! copies every `cfg` on the way to the line. It leaves out `#[cfg(test)]`.
//!
//! A query that the crate root cannot name (in a function, in a macro call, in a private module), or a generic one,
//! gives a warning that says what to do. So does a query in a module that is declared inside a macro call such as
//! `cfg_if!`, or in a file that `include!` includes: the generator cannot see what a macro makes of its tokens.
//!
//! # When it runs again
//! When one of the files that it read changes, or when the missing file of a `mod` appears. It writes the generated
//! file only if the text changes. While a source file is not valid Rust, the last good registry stays, so that `rustc`
//! reports the error.
//!
//! The generator evaluates conditions with the features and the target of the build (`CARGO_CFG_*`), so a module that
//! this build does not compile may be missing or broken. It cannot know a `cfg` that the build script itself sets or
//! that `cargo rustc -- --cfg` adds, nor what a macro makes of its tokens. If the file of a module under such a
//! condition, or in a macro call, is missing, it watches the nearest existing folder instead. Cargo watches everything
//! below a folder, so a folder that contains the package or cargo's output cannot be watched: each build would start
//! another run. A file that appears in such a folder, for instance for a `lib.rs` next to `Cargo.toml`, goes unnoticed;
//! the next build that compiles it fails with a message that says how to run the generator again.
//!
//! In a package with one program, a new `src/lib.rs` goes unnoticed until something else starts a run, such as a change
//! of the program.
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
