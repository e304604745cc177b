//! Bytes that caches hold. A separate program, because counting them slows down each allocation.
//!
//! ```text
//! cargo run --release -p cache-bench --bin memory -- [--only NAME] [--json]
//! ```
//!
//! | workload | what is measured |
//! |---|---|
//! | `memory/10k`, `memory/1m` | bytes per entry, without the value's own allocation, in a cache that was filled to its bound |
//! | `memory-churn/*` | the same after inserting twice as many further keys |
//! | `memory/empty-tables` | bytes of 1,000 empty tables, ten per cache; of 1,000 empty caches of the peer |
//! | `memory/documents-20k` | bytes per record of a client that has one document of 20,000 records; bytes of its text per record |

use std::alloc::System;
use std::process::ExitCode;

use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc};

#[global_allocator]
static ALLOCATOR: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    cache_bench::memory(ALLOCATOR)
}
