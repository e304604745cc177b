//! What the compiler tells people whose query cannot be loaded. `TRYBUILD=overwrite` rewrites the expected texts; read
//! them as a user would before they are committed.
#![allow(missing_docs, reason = "tests")]

#[test]
fn queries_that_cannot_be_loaded_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
