//! What observers of one key are shown, under its own name.

#[path = "../../../cache-client/src/observer/notice.rs"]
pub(crate) mod notice;
