//! Arbitrary bytes that a client finds in its provider: `cargo +nightly fuzz run read_envelope`, in the root of the
//! repository.
//!
//! The ordinary tests run the same entry point with this corpus and mutations of it (`tests/it/provider.rs`).
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| cache_tests::hostile_provider::feed(bytes));
