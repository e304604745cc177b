//! What observers of one key are shown, and what they ask for, under its own name.

#[path = "../../../cache-client/src/observer/channel.rs"]
pub(crate) mod channel;
#[path = "../../../cache-client/src/observer/requests.rs"]
pub(crate) mod requests;
