//! What queries cost the build of a crate. A separate program, because it runs cargo, for minutes.
//!
//! ```text
//! cargo run -p cache-bench --bin compile -- [--code] [--top N] [--json] [QUERIES]
//! ```
//!
//! Writes crates of many queries into `target/compile` and builds them, offline, from the lock file of this workspace:
//! with this library, and with one cache of `quick_cache` or `moka` per query, saved with `serde` and `bincode` as one
//! would write it by hand. Values have 6 to 8 fields, with texts, lists and options; keys have one to three.
//!
//! | usage | what the crate does with each query |
//! |---|---|
//! | `listed` | lists it in its registry |
//! | `used` | reads and inserts it; with this library it also writes it in a transaction |
//! | `saved` | reads, writes, saves and restores it |
//! | `fetched` | reads and writes it, and loads it with the client; by hand, with the async caches of those libraries |
//!
//! The first part measures the code that the compiler passes to LLVM in a debug build of the crate, as
//! `cargo llvm-lines` counts it: `build-lines/*` and `build-functions/*` are, for each of these usages, the difference
//! between a crate of 3 queries and one with `QUERIES` more (default: 10). It does not depend on the machine. `--code`
//! stops there. `--top N` only lists, for our queries, the `N` paths with the most lines, and the crates and modules
//! that the lines come from.
//!
//! The second part measures, for crates of `QUERIES` saved queries (default: 20), the processor seconds that compilers
//! take for the crate alone: `build-check`, `build-dev` and `build-release` from nothing; incremental `dev` builds
//! after a change of one function body, `build-body`, and after adding or removing one field of one value,
//! `build-field`, which is also compared with `ours-body`; and `build-size`, the megabytes of the `dev` program. On a
//! busy machine a compiler also takes more processor seconds, so `check`, `body` and `field` report the fastest of
//! three builds; the others run once. Linux only.

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::compile()
}
