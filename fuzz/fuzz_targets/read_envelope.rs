//! Any bytes, found by a client in its provider: `cargo +nightly fuzz run read_envelope`, in the root of the repository.
//!
//! The same entry point is run with this corpus and changes of it by the ordinary tests (`tests/it/provider.rs`).
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| cache_tests::hostile_provider::feed(bytes));
