//! What queries cost the build of a crate. A program of its own, because it runs cargo, for minutes.
//!
//! ```text
//! cargo run --release -p cache-bench --bin compile -- [QUERIES]
//! ```
//!
//! Writes crates of `QUERIES` queries (100 unless told otherwise) into a temporary folder, builds them with and without
//! optimisation, offline, from the lock file of this workspace, and prints the seconds that 100 queries add to the build
//! of a crate without any.
//!
//! | row | what the crate does with each query |
//! |---|---|
//! | `listed` | lists it in its registry |
//! | `used` | reads and inserts it, and writes it in a transaction |
//! | `saved` | the same, with `persist` |
//!
//! Keys are structs of a `u64`; values structs of their own, texts and lists of numbers. Dependencies are built before the
//! clock starts. Seconds are of wall clock, of one build each, on all processors.

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::compile()
}
