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
//! | `hot-key/*` | the same with so few keys that two threads meet at them |
//! | `get-or-insert/*` | `get`, and on a miss `insert` of a new value, zipf 1.0 over 1,000,000 keys |
//! | `hit-ratio/*` | share of hits in the same runs, once the caches are full |
//! | `plain-insert/*` | `insert` of uniform keys, nine in ten of them new |
//! | `replace/*` | `insert` of keys that are all there |
//! | `lru-hits/*`, `lru-insert/*` | the same with tables in exact least-recently-used order |
//! | `generator/*` | a crate of 1,000 queries is scanned and its registry written; time for each query, beside reading and lexing the same files |
//! | `trace/*` | share of hits when a recorded trace is replayed by one thread |
//!
//! | peer | what it is |
//! |---|---|
//! | `quick_cache`, `moka`, `foyer` | caches that evict, as they come; `foyer` in memory only, with S3-FIFO |
//! | `mutex-lru` | `lru` behind one lock |
//! | `papaya`, `dashmap` | maps for threads, which evict nothing |
//! | `floor` | a `HashMap` without lock: what is left of a hit when nothing is asked of the cache |
//!
//! Keys are `u64`, values `Arc<[u64; 8]>`, hashing is foldhash for all, capacities are the same.
//!
//! The traces are `OLTP` and `P3` of N. Megiddo and D. Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache",
//! FAST 2003. `DIR` holds them as `OLTP.lis.zst` and `P3.lis.zst`; they are not part of this repository.

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::compare()
}
