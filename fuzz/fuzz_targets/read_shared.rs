//! Arbitrary bytes that a client finds in the server of its shared tier: `cargo +nightly fuzz run read_shared`, in the
//! root of the repository.
//!
//! The ordinary tests run the same entry point with mutations of right bytes (`cache-redis/tests/hostile`).
#![no_main]

#[path = "../../cache-redis/tests/hostile/program.rs"]
mod program;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| program::feed(bytes));
