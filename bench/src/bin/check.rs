//! Compares the results of runs with the floors in `floors.toml`. For maintainers, after a change that may cost time or
//! memory. Not part of the tests, which never judge a time.
//!
//! ```text
//! cargo run --release -p cache-bench -- --json --traces DIR > RESULTS.json
//! cargo run --release -p cache-bench --bin memory -- --json >> RESULTS.json
//! cargo run --release -p cache-bench --bin instructions -- --json >> RESULTS.json
//! cargo run --release -p cache-bench --bin compile -- --json >> RESULTS.json
//! cargo run --release -p cache-bench --bin check -- RESULTS.json...
//! ```
//!
//! After a small change, the first of them with `--quick` and without traces is enough. Prints the floors and limits
//! whose row is missing, the rows that miss their aim, and those below their floor; exits with 1 if any row is below
//! its floor. Reads standard input if no file is given. If a row occurs several times, as after several runs, the
//! median is used.

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::check()
}
