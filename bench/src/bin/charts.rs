//! Draws the results of runs, one SVG file for each subject.
//!
//! ```text
//! cargo run --release -p cache-bench --bin charts -- RESULTS.json... FOLDER
//! ```
//!
//! `RESULTS.json` is what `cache-bench --json` and `memory --json` print. A subject of which there is no row is left
//! out. Of a row that is there several times the first is drawn.

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::charts()
}
