//! Holds the results of runs against the floors in `floors.toml`. For maintainers, after a change that may cost time or
//! memory; no part of the tests, which never judge a time.
//!
//! ```text
//! cargo run --release -p cache-bench -- --json --traces DIR > RESULTS.json
//! cargo run --release -p cache-bench --bin memory -- --json >> RESULTS.json
//! cargo run --release -p cache-bench --bin instructions -- --json >> RESULTS.json
//! cargo run --release -p cache-bench --bin compile -- --json >> RESULTS.json
//! cargo run --release -p cache-bench --bin check -- RESULTS.json...
//! ```
//!
//! After a small change the first of them with `--quick` and without traces will do. Names the floors and limits whose row is
//! not there, the rows that are short of their aim, and those below their floor; exits with 1 if there are any of the last.
//! Reads standard input if no file is named. Of a row that is there several times, as after several runs, the median
//! counts.

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::check()
}
