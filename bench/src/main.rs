//! The comparison with peers: the same keys, the same values, in turn, in one process.
//!
//! ```text
//! cargo run --release -p cache-bench -- [--quick] [--only NAME] [--json] [--traces DIR]
//! ```
//!
//! `--quick` takes less than a minute. `--only` runs the workloads whose name contains `NAME`. `--json` prints one
//! object a line instead of the table. `--traces` also replays recorded accesses; without it they are left out.
//!
//! # How to read it
//! Each line compares us with one peer. **The ratio is above 1 where we are better**, whatever the unit. Times are
//! nanoseconds per operation: of processor time with one thread; with more, of wall clock for all of them together,
//! so that two threads that each take 40 ns show as 20. They are medians over rounds in which each contestant had
//! its turn; `±` is half the distance between the quartiles. They say little about another machine, and nothing
//! about another number of processors; ratios travel better. On a busy machine only the rows of one thread count.
//!
//! The spread is that within one process. Hash seeds and addresses are drawn once for each process, and some rows
//! depend on them: a difference is to be trusted once several processes show it.
//!
//! | workload | what is done |
//! |---|---|
//! | `hits/*` | `get` of keys that are all there, in a cache with room for twice as many |
//! | `get-or-insert/*` | `get`, and on a miss `insert` of a new value, zipf 1.0 over 1,000,000 keys |
//! | `hit-ratio/*` | share of hits in the same runs, once the caches are full |
//! | `plain-insert/*` | `insert` of uniform keys, nine in ten of them new |
//! | `lru-hits/*`, `lru-insert/*` | the same with tables in exact least-recently-used order |
//! | `save/*`, `restore/*` | a cache is saved into memory, and restored from there; time for each entry, beside encoding a `Vec` of the same entries with `bincode`, and decoding it into a `HashMap`. `bincode-arcs` has each value in an allocation of its own, as a cache has |
//! | `save/readers-*` | single reads, the clock included, while another thread saves, beside those in an idle cache |
//! | `restore/first-hit` | from a file of 1,000,000 entries to the first hit, on all processors |
//! | `generator/*` | a crate of 1,000 queries is scanned and its registry written; time for each query, beside reading and lexing the same files |
//! | `trace/*` | share of hits when a recorded trace is replayed by one thread |
//!
//! Keys are `u64`, values `Arc<[u64; 8]>`, hashing is foldhash for all. `floor` is a `HashMap` without lock or
//! eviction: what is left of a hit when nothing is asked of the cache.
//!
//! The traces are `OLTP` and `P3` of N. Megiddo and D. Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache",
//! FAST 2003. `DIR` holds them as `OLTP.lis.zst` and `P3.lis.zst`; they are not part of this repository.

mod keys;
mod measure;
mod options;
mod peers;
mod report;
mod traces;
mod workloads;

use std::process::ExitCode;

use options::Options;
use report::Report;

fn main() -> ExitCode {
    let options = match Options::from_command_line() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("cache-bench: {error}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let mut report = Report::new(options.format);
    match workloads::run(&options, &mut report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cache-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
