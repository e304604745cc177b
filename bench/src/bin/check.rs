//! Holds the results of runs against the floors in `floors.toml`. For maintainers, after a change that may cost time or
//! memory; no part of the tests, which never judge a time.
//!
//! ```text
//! cargo run --release -p cache-bench -- --json --traces DIR > RESULTS.json
//! cargo run --release -p cache-bench --bin memory -- --json >> RESULTS.json
//! cargo run --release -p cache-bench --bin check -- RESULTS.json...
//! ```
//!
//! Prints the rows that are below their floor, and the floors whose row is missing, and exits with 1 if there are any.
//! Reads standard input if no file is named. Of a row that is there several times, as after several runs, the median
//! counts.

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::check()
}
