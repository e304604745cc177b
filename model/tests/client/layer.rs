//! The layers of the client, under their own name.

#[path = "../../../cache-client/src/layer/stack.rs"]
pub(crate) mod stack;
