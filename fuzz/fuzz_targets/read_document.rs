//! Arbitrary bytes, read as documents: `cargo +nightly fuzz run read_document fuzz/corpus/read_document
//! cache-documents/tests/mutated/seeds`, in the root of the repository.
//!
//! The ordinary tests run the same entry point with mutations of the same seeds (`cache-documents/tests/mutated`).
#![no_main]

#[path = "../../cache-documents/tests/mutated/program.rs"]
mod program;

use std::sync::LazyLock;

use cache_client::Client;
use libfuzzer_sys::fuzz_target;

static READER: LazyLock<Client<program::Reader>> = LazyLock::new(program::reader);

fuzz_target!(|bytes: &[u8]| drop(program::feed(&READER, bytes)));
