//! The messages of `derive(Shape)`, on the pinned toolchain.

#[test]
fn each_mistake_gives_one_message_at_its_token() {
    trybuild::TestCases::new().compile_fail("ui_shape/*.rs");
}
