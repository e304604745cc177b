//! What queries cost the build of a crate. A program of its own, because it runs cargo, for minutes.
//!
//! ```text
//! cargo run -p cache-bench --bin compile -- [--code] [--top N] [--json] [QUERIES]
//! ```
//!
//! Writes crates of many queries into `target/compile` and builds them, offline, from the lock file of this workspace: with
//! this library, and with one cache of `quick_cache` or `moka` for each query, saved by `serde` and `bincode` as one would
//! by hand. Values have 6 to 8 fields, with texts, lists and options; keys one to three.
//!
//! | usage | what the crate does with each query |
//! |---|---|
//! | `listed` | lists it in its registry |
//! | `used` | reads and inserts it; with this library it also writes it in a transaction |
//! | `saved` | reads, writes, saves and restores it |
//! | `fetched` | reads and writes it, and loads it with the client; by hand, with the caches of those libraries for futures |
//!
//! First the code that the compiler hands to LLVM in a debug build of the crate, counted as `cargo llvm-lines` does:
//! `build-lines/*` and `build-functions/*`, by how much crates of 3 queries and of `QUERIES` more (10 unless told otherwise)
//! differ, for each of these. It does not depend on the machine. `--code` ends there. `--top N` lists only, for our queries,
//! the `N` paths with most lines, and the crates and modules that these are from.
//!
//! Then, for crates of `QUERIES` saved queries (20 unless told otherwise), processor seconds of the compilers for the crate
//! alone: `build-check`, `build-dev` and `build-release` from nothing; incremental `dev` builds after one changed function body,
//! `build-body`, and after one field more or less in one value, `build-field`, which also stands beside `ours-body`; and
//! `build-size`, megabytes of the `dev` program. On a busy machine a compiler also takes more processor seconds: of `check`,
//! `body` and `field` the least of three builds counts, and the others are one. Linux only.

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::compile()
}
