//! A cache tier that several machines share, on Redis or Valkey.
//!
//! **Unfinished.** The query client cannot use it yet. What exists so far:
//! - [`Connection`] checks a server, and sends it [`Request`]s. The scripts and what lies in the server are described
//!   in `docs/shared-tier.md`.
//! - [`Machine`] is one client's knowledge of the tier, as plain data: what the feed has told, until when answers are
//!   fresh, which drops are not acknowledged. It decides; it sends nothing itself.
//! - [`SimTier`] is a server in memory, for tests.
//!
//! Missing: the task that connects the three and reconnects, and the part of the query client that uses it.
#![forbid(unsafe_code)]

mod answer;
mod check;
mod connection;
mod envelope;
mod error;
mod ids;
mod machine;
mod mark;
mod request;
mod script;
mod sim;

pub use connection::{Connection, Settings};
pub use envelope::Envelope;
pub use error::{CallError, ConnectError};
pub use ids::{ClientId, Epoch, FeedId, Moment, Shape, Token};
pub use machine::{Access, Action, DropId, Event, FEED_COUNT, Machine};
pub use mark::{Field, Key, MAX_KEY, Mark, tag_bucket};
pub use request::{Asked, Dropped, FeedAnswer, FeedItem, Filled, Found, Opened, Position, Reply, Request};
pub use sim::SimTier;
