//! What observers of one key are shown, under its own name.

#[path = "../../../cache-client/src/observer/notice.rs"]
pub(crate) mod notice;
#[path = "../../../cache-client/src/observer/state.rs"]
pub(crate) mod state;
