//! Instructions per operation. A separate program, because it runs itself under `callgrind`, for a minute.
//!
//! ```text
//! cargo run --release -p cache-bench --bin instructions -- [--only NAME] [--json]
//! ```
//!
//! Needs `valgrind` (`apt install valgrind`). The workloads are those of the comparison by time, with 10,000 entries
//! and one thread. Instructions do not depend on the load of the machine, and differ by less than one percent between
//! runs. They say nothing about waiting for memory or for another thread. Work in the kernel is not counted. On the
//! machine of the committed results, reading the clock is a system call; most machines need none.
//!
//! | workload | what is done |
//! |---|---|
//! | `instructions/hits`, `.../misses` | `get` of present keys, and of absent keys |
//! | `.../insert`, `.../replace` | `insert` of keys that are nearly all new, so that each evicts another, and of present keys |
//! | `.../get-or-insert` | `get`, and `insert` on a miss, zipf 1.0 over ten times as many keys as fit |
//! | `.../remove-insert` | `remove` of a present key, and `insert` of it |
//! | `.../load-hit`, `.../load-miss` | `get_or_insert_with` of present keys, and of keys that are nearly all new |
//! | `.../commit-N` | transactions that write N present keys; per key |
//! | `.../client-hits`, `.../client-misses` | queries of the async client whose answers are cached, and queries whose loads take no time |
//! | `.../client-bring` | loads that bring 20 entries; per load |
//! | `.../client-derived` | commits of keys beside those that derived answers were built from |
//! | `.../documents-new`, `.../documents-again` | a document of 20,000 resources is stored from bytes, in a new store, and over the same one; per resource |
//! | `.../documents-rewrite`, `.../documents-change` | a record changes that 100 documents show, without observers, and until observers have read all records; per document |
//! | `.../documents-requests-hits` | requests that stored responses answer, compared with hits of a query |
//! | `.../documents-requests-304` | loads that a response 304 confirms, compared with loads that find their value unchanged |

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::instructions()
}
