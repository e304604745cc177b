//! A cache tier that several machines share.
//!
//! The tier stores the answers of queries derived with `share` on a server, and tells all machines what was dropped, so
//! that a change on one machine is soon seen on the others. Only one machine loads a key at a time. A
//! [client](crate::ClientBuilder::shared) takes a [`SharedTier`]; the crate `cache-redis` connects to Redis and Valkey,
//! and [`SimTier`] is a server in memory for tests.
//!
//! The tier is never needed: while the server is slow, full or away, each machine loads for itself, and no call waits for
//! the server longer than the [limit](SharedTierBuilder::limit) of the tier.
//!
//! # Modules
//! [`protocol`] is what clients and servers say to each other, and [`machine`] what a client concludes from it. Only
//! crates that connect to a server need them.

mod backoff;
mod bound;
mod client;
mod drops;
mod envelope;
mod error;
mod ids;
mod inner;
mod lease;
mod leases;
mod lookup;
pub mod machine;
mod mark;
pub mod protocol;
mod random;
mod request;
mod server;
mod session;
mod settings;
mod shutdown;
mod sim;
mod state;

pub(crate) use self::client::Shared;
pub(crate) use self::drops::PendingDrop;
pub use self::error::{CallError, ConnectError};
pub(crate) use self::inner::{ClientClock, Dropped};
pub(crate) use self::lease::Lease;
pub(crate) use self::lookup::{Lookup, SharedValue, Wanted};
pub use self::server::{TierConnection, TierServer};
pub use self::settings::{SharedTier, SharedTierBuilder};
pub use self::shutdown::ShutdownReport;
pub use self::sim::server::SimServer;
pub use self::sim::{SimConnection, SimTier};
pub use self::state::{SharedCounts, SharedState};

#[cfg(test)]
mod tests;
