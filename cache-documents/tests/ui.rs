//! The messages of the compiler for mistakes. `TRYBUILD=overwrite` rewrites the expected texts; read them as a user would
//! before you commit them.

#[test]
fn mistakes_in_a_record_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/record/*.rs");
}

#[test]
fn writes_of_records_past_the_documents_are_refused() {
    trybuild::TestCases::new().compile_fail("tests/ui/write/*.rs");
}

#[test]
fn types_that_cannot_be_saved_are_named() {
    trybuild::TestCases::new().compile_fail("tests/ui/saved/*.rs");
}
