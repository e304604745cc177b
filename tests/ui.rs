//! What the compiler tells people who made a mistake. `TRYBUILD=overwrite` rewrites the expected texts; read them
//! as a user would before they are committed.

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
