//! The comparison with peers: the same keys, the same values, in turn, in one process.
//!
//! ```text
//! cargo run --release -p cache-bench -- [--quick] [--only NAME] [--json] [--traces DIR]
//! ```
//!
//! `--quick` takes less than a minute, traces aside; saves, restores and what is done during a save have a tenth of the
//! entries, and other names. `--only` runs the workloads whose name contains `NAME`. `--json`
//! prints one object a line instead of the table. `--traces` also replays recorded accesses; without it they are left
//! out.
//!
//! Bytes are measured by `src/bin/memory.rs`. `src/bin/charts.rs` draws what both print, and `src/bin/check.rs` holds it
//! against the floors in `floors.toml`. Instructions of each operation are counted by `src/bin/instructions.rs`, and what queries
//! cost the build of a crate is measured by `src/bin/compile.rs`.
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
//! | `full-hits/*` | the same in caches that are 95 % full |
//! | `misses/*` | `get` of keys that are not there |
//! | `text-hits/*` | hits by keys that are texts, each looked up by a `&str` |
//! | `hot-key/*` | hits with so few keys that two threads meet at them |
//! | `get-or-insert/*` | `get`, and on a miss `insert` of a new value, zipf 1.0 over 1,000,000 keys |
//! | `hit-ratio/*` | share of hits in the same runs, once the caches are full |
//! | `plain-insert/*` | `insert` of uniform keys, nine in ten of them new |
//! | `replace/*` | `insert` of keys that are all there |
//! | `weight-insert/*` | the inserts of `plain-insert/*` with weights from 1 to 15 and a bound of weight |
//! | `large-insert/*`, `large-get-or-insert/*` | the same with values of 1 to 16 KiB, which are made for each insert |
//! | `remove-insert/*` | `remove` of a key that is there, and `insert` of it; time of both |
//! | `mix/95-5`, `mix/80-20` | `get` of 95 or 80 of 100 keys; `insert`, or each fifth time `remove`, of the others |
//! | `lru-hits/*`, `lru-insert/*` | hits and inserts with tables in exact least-recently-used order |
//! | `ttl-hits/*`, `ttl-insert/*` | hits and inserts with entries that live for an hour |
//! | `weak-hits/*` | hits of values that the program holds and the table does not |
//! | `load-hit/*`, `load-miss/*` | `get_or_insert_with` of keys that are all there, and of keys that nearly never are |
//! | `get-all/N` | `get_all` of N keys; time of each key |
//! | `commit/N` | transactions that write N keys that are there; time of each key |
//! | `commit-threads/N` | two threads whose transactions of N keys never meet; the ratio is what they get done more than one |
//! | `client-hits/*` | queries of the async client whose answers are in the cache, fresh; beside reads of the store alone |
//! | `client-herd/10k` | 10,000 tasks at a time ask for one key that is not there; time of each task |
//! | `client-misses` | queries whose load takes no time, nearly all of them missing; one task for each load |
//! | `client-waiting-misses/1k` | 1,000 tasks at a time each ask for a key that is not there, whose load waits once; time of each task |
//! | `client-requests/N` | the same hits in requests of N queries, each with a memo of its own; the making of it included |
//! | `client-layers` | hits while a key that nobody asks for has an optimistic layer |
//! | `client-observers/10k-others` | commits of one key while 10,000 other keys are observed |
//! | `client-observers/1k-same` | a commit to a key that 1,000 tasks observe, until all have seen it; time of each task |
//! | `reaping/sweep` | `reap` of a table all of whose keys are dead; time of each |
//! | `reaping/insert` | `insert` where each makes a survivor, and lets one die |
//! | `readers-during-save/*` | time of a read while 1,000,000 entries are saved, the reading of the clock included |
//! | `writers-during-save/*` | the longest time of an insert while they are saved, without that for which the system let others run |
//! | `save-aged/*` | a cache is saved whose keys have all come and gone twice |
//! | `save/*`, `restore/*` | a cache is saved into memory, and restored from there; time for each entry, beside encoding a `Vec` of the same entries with `bincode`, and decoding it into a `HashMap`. `bincode-arcs` has each value in an allocation of its own, as a cache has; `bincode-shuffled` has the very allocations of the cache, in no order |
//! | `first-hit/*` | from a file of 1,000,000 entries to the first hit, on all processors |
//! | `generator/*` | a crate of 1,000 queries is scanned and its registry written; time for each query, beside reading and lexing the same files |
//! | `trace/*` | share of hits when a recorded trace is replayed by one thread; `lru-trace/*` the same in exact order |
//!
//! | peer | what it is |
//! |---|---|
//! | `quick_cache`, `moka`, `foyer` | caches that evict, as they come; `foyer` in memory only, with S3-FIFO |
//! | `mutex-lru` | `lru` behind one lock |
//! | `papaya`, `dashmap` | maps for threads, which evict nothing |
//! | `concread` | a map with transactions, one writer at a time |
//! | `floor`, `weak-floor` | a `HashMap` without lock, of values or of weak handles: what is left of a hit when nothing is asked of the cache |
//! | `ours-plain` | the same table without what the workload is about |
//! | `ours-capacity`, `ours-inserts`, `ours-gets` | a table with a bound; inserts and reads one by one |
//! | `ours-store`, `ours-get-fresh`, `ours-settings` | `get` of the store without the client; `get_fresh` of it; a client with options of its own |
//! | `ours-client`, `ours-unobserved` | the client without requests; with nothing observed |
//! | `cached` | a function with its macro on it, `sync_writes = "by_key"`; with a hasher of its own |
//! | `watch-by-hand` | `quick_cache`, and a channel `tokio::sync::watch` for each key that somebody looks at |
//! | `one-thread`, `idle`, `read-and-lex` | the same with one thread, while nothing is saved, without making anything of it |
//! | `sim-lru`, `sim-s3fifo`, `sim-s3fifo-20` | policies by the letter; the last with a small queue of 20 % |
//!
//! In rows of the client, `moka` and `quick_cache` are those for futures: one load serves all who ask for a key, and is
//! made by the task of one of them. Ours is a task of its own, which goes on when that one leaves.
//!
//! Keys are `u64`, values `Arc<[u64; 8]>`, hashing is foldhash for all but `cached`, capacities are the same.
//!
//! The traces are `OLTP` and `P3` of N. Megiddo and D. Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache",
//! FAST 2003. `DIR` holds them as `OLTP.lis.zst` and `P3.lis.zst`; they are not part of this repository.

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::compare()
}
