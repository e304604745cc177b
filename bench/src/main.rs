//! The comparison with peers: the same keys and values for each, in turns, in one process.
//!
//! ```text
//! cargo run --release -p cache-bench -- [--quick] [--only NAME] [--json] [--traces DIR] [--documents DIR]
//! ```
//!
//! `--quick` takes less than a minute without traces; saves, restores and the workloads during a save then have a tenth
//! of the entries, and different names. `--only` runs the workloads whose name contains `NAME`. `--json` prints one
//! object per line instead of the table. `--traces` also replays recorded traces, `--documents` also stores recorded
//! documents. A full run starts the peer in Node.js, whose packages it installs once with `npm ci`; where this is not
//! possible, one line says so, and its rows are left out. A quick run does not start it.
//!
//! `src/bin/memory.rs` measures bytes. `src/bin/charts.rs` draws the output of both, and `src/bin/check.rs` compares it
//! with the floors in `floors.toml`. `src/bin/instructions.rs` counts the instructions of each operation, and
//! `src/bin/compile.rs` measures what queries cost to build.
//!
//! # How to read it
//! Each line compares us with one peer. **The ratio is above 1 where we are better**, whatever the unit. Times are
//! nanoseconds per operation. With one thread they are processor time. With more they are wall-clock time divided by
//! the operations of all threads, so that two threads that each take 40 ns show as 20. They are medians over rounds in
//! which each contestant has its turn; `±` is half the distance between the quartiles. They say little about other
//! machines, and nothing about other numbers of processors; ratios carry over better. On a busy machine only the rows
//! of one thread are reliable.
//!
//! The spread is within one process. Hash seeds and addresses are drawn once per process, and some rows depend on them:
//! trust a difference only when several processes show it.
//!
//! | workload | what is done |
//! |---|---|
//! | `hits/*` | `get` of present keys, in a cache with room for twice as many |
//! | `full-hits/*` | the same in caches that are 95 % full |
//! | `misses/*` | `get` of absent keys |
//! | `text-hits/*` | hits of `String` keys, each looked up by a `&str` |
//! | `hot-key/*` | hits of so few keys that two threads compete for them |
//! | `get-or-insert/*` | `get`, and `insert` of a new value on a miss, zipf 1.0 over 1,000,000 keys |
//! | `hit-ratio/*` | hit ratio in the same runs, once the caches are full |
//! | `plain-insert/*` | `insert` of uniform keys, nine in ten of them new |
//! | `replace/*` | `insert` of present keys |
//! | `weight-insert/*` | the inserts of `plain-insert/*` with weights from 1 to 15 and a bound on the weight |
//! | `large-insert/*`, `large-get-or-insert/*` | the same with values of 1 to 16 KiB, made for each insert |
//! | `remove-insert/*` | `remove` of a present key, and `insert` of it; time of both |
//! | `mix/95-5`, `mix/80-20` | `get` of 95 or 80 of 100 keys; `insert` of the others, every fifth time `remove` instead |
//! | `lru-hits/*`, `lru-insert/*` | hits and inserts with tables in exact least-recently-used order |
//! | `ttl-hits/*`, `ttl-insert/*` | hits and inserts with entries that live for an hour |
//! | `weak-hits/*` | hits of values that the program holds and the table does not |
//! | `load-hit/*`, `load-miss/*` | `get_or_insert_with` of present keys, and of keys that are nearly all absent |
//! | `get-all/N` | `get_all` of N keys; time per key |
//! | `commit/N` | transactions that write N present keys; time per key |
//! | `commit-threads/N` | two threads whose transactions of N keys never conflict; the ratio is their throughput compared with one thread |
//! | `client-hits/*` | queries of the async client whose answers are in the cache and fresh; compared with reads of the store alone |
//! | `client-herd/10k` | 10,000 concurrent tasks query one absent key; time per task |
//! | `client-misses` | queries whose load takes no time, nearly all of them misses; one task per load |
//! | `client-waiting-misses/1k` | 1,000 concurrent tasks each query an absent key, whose load waits once; time per task |
//! | `client-requests/N` | hits in requests of N queries; each request creates a context with a memo, which is included |
//! | `client-layers` | hits while a key that is never queried has an optimistic layer |
//! | `client-observers/10k-others` | commits of one key while 10,000 other keys are observed |
//! | `client-observers/1k-same` | a commit to a key that 1,000 tasks observe, until all have seen it; time per task |
//! | `client-pages/100` | a commit to one of 100 observed pages, until the list of all pages is shown with it; compared with an observer of each page |
//! | `client-bring/20` | loads that bring 20 absent entries; time per load, compared with 20 inserts, and with a load followed by 20 inserts |
//! | `client-bring-kept/20` | the same with present entries, which are kept for 5 s as by default; compared with loads that keep nothing |
//! | `inspector/hits`, `.../search` | queries that are hits of 1,000,000 entries while another thread gets what an open page of the inspector asks for, once in each turn; or searches the keys without a pause |
//! | `client-derived/N` | a commit of a key that N derived answers were built from, which it marks, and a `touch` of each; compared with answers that were built from nothing |
//! | `client-derived/others` | commits of keys beside 1,000 others that derived answers were built from |
//! | `shared-hits/*` | hits in memory of a shared query, compared with the same query in a client without the tier, and with the cache of the Redis driver, which does not decode |
//! | `shared-tier-hits/N` | N concurrent callers query answers that the tier has and memory has not, compared with a bare `GET` of the same bytes on a connection of the driver; client and connections share one thread |
//! | `shared-cold/*` | 1,000 tasks in each of four processes query one absent key, whose load takes this long, until the last has its answer; `shared-cold-loads/*` is how often it was loaded, at most. Compared with the same processes without the tier |
//! | `shared-drops/p50`, `.../p99` | from an invalidation on one machine until a read on another does not find the copy fresh any more; the reads have pauses of some 60 µs, the machines are threads |
//! | `documents/final`, `.../removal`, `.../again` | a document of 20,000 resources is stored from bytes over one of 19,600; then one of 600; the first again |
//! | `documents/many-to-many`, `.../many-to-many-removal` | a document of 100 cars with 1,000 colors each, which name all cars; then one with half of the links |
//! | `documents-parsed/*` | the same without the time of parsing; `documents-recorded/*` the same with the documents in `DIR`, where `final` has the children of another parent; `unload` is a new document of 25,500 resources with friends. In quick runs, `documents-tenth/*` have a tenth of the resources |
//! | `documents-change/N` | one field of a record changes, which N observed documents show, each with 109 others; from bytes until all records of all documents are read; `documents-change-field/N` until this field is read |
//! | `documents-response/100` | a parsed response is stored that changes 100 records |
//! | `documents-rewrite/250` | a record is changed that 250 documents show; time per document |
//! | `documents-rename/10k` | the same with 10,000 documents of 10 records, most of which are marked; time of all |
//! | `documents-hits/1k` | queries whose answers are documents |
//! | `documents-requests/hits` | requests that are answered by a stored response, compared with queries |
//! | `documents-requests/hits-built` | the same, with a request that is made for each call |
//! | `documents-requests/304` | loads of invalidated answers that the server confirms, compared with loads that find their value unchanged without a request (`ours-unchanged`), or send the same request without the policy (`ours-exchange`) |
//! | `documents-growth/*` | time per resource of 1,000 and 10,000 new resources, compared with 100, and per link of 100 cars, compared with 10 |
//! | `documents-release/1k` | the longest operation while half of 1,000 documents of 110 records are removed, others read, and records changed; compared with the median |
//! | `web-layer/in-process` | requests to a trivial handler of axum with a context and a deadline, called without a connection; compared with the handler alone, and beneath a layer that does nothing |
//! | `web-layer/loopback` | the same by 8 connections that are kept alive; processor time of the server's thread |
//! | `web-page/20-in-process`, `.../20-loopback` | a page that shows 20 cached answers and hands them on to the browser, compared with the same page without state |
//! | `web-first-byte/announced` | wall-clock time from a request to the first byte of a page with an announced query; client and server in one thread |
//! | `file-get/*`, `file-set/*` | reads and writes of the file provider, wall-clock time per entry; the writes of both contestants are committed in groups of 1,000 |
//! | `reaping/sweep` | `reap` of a table whose keys are all dead; time per key |
//! | `reaping/insert` | `insert`s, each of which makes one survivor and drops another |
//! | `readers-during-save/*` | time of a read while 1,000,000 entries are saved, including the reading of the clock |
//! | `writers-during-save/*` | the longest time of an insert while they are saved, excluding the time in which the system ran other threads |
//! | `save-aged/*` | a save of a cache whose keys have all been replaced by others twice, so that entries are scattered in memory |
//! | `save/*`, `restore/*` | a save into memory, and a restore from there; time per entry, compared with encoding a `Vec` of the same entries with `bincode`, and decoding it into a `HashMap`. `bincode-arcs` has each value in an allocation of its own, as a cache has; `bincode-shuffled` uses the allocations of the cache itself, in random order |
//! | `first-hit/*` | from a file of 1,000,000 entries to the first hit, on all processors |
//! | `generator/*` | a crate of 1,000 queries is scanned and its registry written; time per query, compared with reading and lexing the same files |
//! | `trace/*` | hit ratio when one thread replays a recorded trace; `lru-trace/*` the same in exact order |
//!
//! | peer | what it is |
//! |---|---|
//! | `quick_cache`, `moka`, `foyer` | caches that evict, with default settings; `foyer` in memory only, with S3-FIFO |
//! | `mutex-lru` | `lru` behind one lock |
//! | `papaya`, `dashmap` | concurrent maps, which evict nothing |
//! | `concread` | a map with transactions, one writer at a time |
//! | `floor`, `weak-floor` | a `HashMap` without a lock, of values or of weak handles: the lower bound for a hit |
//! | `ours-plain` | the same table without the feature that the workload measures |
//! | `ours-capacity`, `ours-inserts`, `ours-gets` | a table with a bound; inserts and reads one by one |
//! | `ours-store`, `ours-get-fresh`, `ours-settings` | `get` of the store without the client; `get_fresh` of it; a client with options set |
//! | `ours-alone` | the same while nobody looks |
//! | `ours-client`, `ours-unobserved` | the client without requests; with nothing observed |
//! | `ours-observers`, `ours-load-inserts` | an observer of each page; a load that brings nothing, and inserts |
//! | `ours-unkept` | loads that keep nothing of what they have brought |
//! | `axum`, `axum-layer` | the same handler without our layer; beneath a layer that passes responses on |
//! | `ours-stateless`, `ours-loading` | the page without state; the page whose handler starts the load in a task, without state |
//! | `ours-untiered` | the same client without the shared tier |
//! | `redis-get`, `redis-cache` | the driver `redis` alone; with its client-side caching, in rows of drops until its copy is gone after a `SET` |
//! | `moka-pub-sub` | `moka`, and a Redis message for each drop |
//! | `redb` | the database of the file provider, without the provider |
//! | `cached` | a function with its macro on it, `sync_writes = "by_key"`; with a hasher of its own. In rows of the tier, its Redis store |
//! | `watch-by-hand` | `quick_cache`, and a `tokio::sync::watch` channel for each observed key |
//! | `warp-drive` | the production build of `@warp-drive/json-api` in Node.js, one process for all rounds; in rows of changes, records are read as programs read them |
//! | `warp-drive-cache` | the same, read from its cache, without the objects of programs |
//! | `json-value` | the text is parsed into a `serde_json::Value`, and nothing is stored |
//! | `ours-1`, `ours-100`, `ours-10-cars` | one document that shows the record; the smaller documents |
//! | `ours-bytes`, `ours-read` | with parsing; parsing alone |
//! | `ours-unchanged`, `ours-send` | a load that finds its value unchanged; a request, rather than a query, that the server confirms |
//! | `ours-median` | the median of the same operations |
//! | `one-thread`, `idle`, `read-and-lex` | the same with one thread; while nothing is saved; reading and lexing alone |
//! | `sim-lru`, `sim-s3fifo`, `sim-s3fifo-20` | exact policies; the last with a small queue of 20 % |
//!
//! In rows of the client, `moka` and `quick_cache` are the async variants: one load serves all concurrent callers, and
//! runs in the task of one of them. Our load is a task of its own, which continues when that caller leaves.
//!
//! Keys are `u64`, values `Arc<[u64; 8]>`, all but `cached` hash with foldhash, and all have the same capacity.
//!
//! `DIR` of documents holds those of the performance tests of WarpDrive (github.com/warp-drive-data/warp-drive,
//! `tests/performance/fixtures/generated`, MIT), such as `add-children-final.json.br`. Without it, documents of the same
//! shape are generated, the same in each run. The times of these rows are wall-clock times.
//!
//! The traces are `OLTP` and `P3` of N. Megiddo and D. Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache",
//! FAST 2003. `DIR` holds them as `OLTP.lis.zst` and `P3.lis.zst`; they are not part of this repository.

use std::process::ExitCode;

fn main() -> ExitCode {
    cache_bench::compare()
}
