//! The states and requests of one key's observers, under their own name.

#[path = "../../../cache-client/src/observer/channel.rs"]
pub(crate) mod channel;
#[path = "../../../cache-client/src/observer/requests.rs"]
pub(crate) mod requests;
