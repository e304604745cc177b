//! What observers of one key are shown, and what they ask for, under its own name.

#[path = "../../../cache-client/src/observer/demands.rs"]
pub(crate) mod demands;
#[path = "../../../cache-client/src/observer/notice.rs"]
pub(crate) mod notice;
