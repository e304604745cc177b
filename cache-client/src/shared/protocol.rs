//! What clients and servers of a shared tier say to each other, for the crates that connect to a server.
//!
//! A *drop* says that values are no longer current. The server counts the drops of an *epoch*, and tells them in its
//! *feed*. A value is stored in an [`Envelope`], with the number of the last drop before its load began: it may be used
//! as long as nothing was dropped after that number that it depends on. Only the owner of a *lease* may store a value.

pub use super::envelope::Envelope;
pub use super::ids::{ClientId, Epoch, FeedId, Shape, Token};
pub use super::mark::{Field, Key, MAX_KEY, Mark, tag_bucket};
pub use super::request::{
    Asked, Dropped, FeedAnswer, FeedItem, Filled, Found, Opened, Position, Reply, Request,
};
