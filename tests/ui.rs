//! The messages of the compiler for mistakes. `TRYBUILD=overwrite` rewrites the expected texts; read them as
//! a user would before you commit them.

#[test]
fn mistakes_in_a_query_are_explained() {
    trybuild::TestCases::new().compile_fail("ui/query/*.rs");
}

#[test]
fn mistakes_in_a_registry_are_explained() {
    trybuild::TestCases::new().compile_fail("ui/registry/*.rs");
}

#[test]
fn queries_that_cannot_be_loaded_are_explained() {
    trybuild::TestCases::new().compile_fail("ui/client/*.rs");
}
