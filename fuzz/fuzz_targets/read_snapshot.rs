//! Arbitrary bytes, restored into a cache: `cargo +nightly fuzz run read_snapshot`, in the root of the repository.
//!
//! The ordinary tests run the same entry point with this corpus and bounded mutations of it
//! (`tests/it/snapshot/fuzzed.rs`).
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| cache_tests::hostile::feed(bytes));
