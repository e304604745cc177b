//! Draws the results of runs, one SVG file per subject.
//!
//! ```text
//! cargo run --release -p cache-bench --bin charts -- RESULTS.json... FOLDER
//! ```
//!
//! `RESULTS.json` is the output of `cache-bench --json` and `memory --json`. A subject without rows is left out. If a
//! row occurs several times, the first is drawn.

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::charts()
}
