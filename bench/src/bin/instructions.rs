//! Instructions per operation. A separate program, because it runs itself under `callgrind`, for a minute.
//!
//! ```text
//! cargo run --release -p cache-bench --bin instructions -- [--only NAME] [--json]
//! ```
//!
//! Needs `valgrind` (`apt install valgrind`). The workloads are those of the comparison by time, with 10,000 entries
//! and one thread. Instructions do not depend on what else the machine does, and differ by less than one percent
//! between runs. They say nothing about waiting for memory or for another thread. The kernel's part of a call is not
//! counted. Here, reading the clock is a call of the kernel; elsewhere a program reads it without one.
//!
//! | workload | what is done |
//! |---|---|
//! | `instructions/hits`, `.../misses` | `get` of keys that are there, and of keys that are not |
//! | `.../insert`, `.../replace` | `insert` of keys that are nearly all new, each of which evicts, and of keys that are there |
//! | `.../get-or-insert` | `get`, and `insert` on a miss, zipf 1.0 over ten times as many keys as there is room for |
//! | `.../remove-insert` | `remove` of a key that is there, and `insert` of it |
//! | `.../load-hit`, `.../load-miss` | `get_or_insert_with` of keys that are there, and of keys that are nearly all new |
//! | `.../commit-N` | transactions that write N keys that are there; for each key |
//! | `.../client-hits`, `.../client-misses` | queries of the async client, whose answers are there, and whose loads take no time |

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::instructions()
}
