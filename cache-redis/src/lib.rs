//! A cache tier that several machines share, on Redis or Valkey.
//!
//! **Unfinished.** The query client cannot use it yet. What exists so far:
//! - [`Connection`] checks a server, and sends it [`Request`]s. `docs/shared-tier.md` describes the scripts, and what
//!   lies in the server byte by byte.
//! - [`Machine`] is one client's knowledge of the tier, as plain data: what the feed has told, until when answers are
//!   fresh, which drops are not acknowledged. It decides, and sends nothing itself.
//! - [`SimServer`] is a server in memory, for tests. It is compared with a real one on random requests.
//!
//! # What it will guarantee
//! One primary keeps what it has acknowledged, and reads of the origin see its finished writes. Then:
//! - *Bounded.* A drop is acknowledged at t. A fresh answer on any machine to a read that began after t + `max_lag`
//!   comes from a load that began after the drop.
//! - *Monotonic.* On one machine, after a fresh answer from a load begun after a drop there is none from one begun
//!   before it.
//! - *Own writes.* After a change returns on a machine no read there sees less than its answer.
//! - *One load* per key, drop and lease time over all machines while the tier is up.
//!
//! So far this is tested for [`Machine`] with a model of the client and the simulated server: `tests/model` runs
//! random orders of messages, losses, late messages, cuts, evictions and restarts, and judges the answers.
#![forbid(unsafe_code)]

mod answer;
mod check;
mod connection;
mod error;
mod names;
mod script;

pub use cache_client::shared::machine::{Access, Action, DropId, Event, FEED_COUNT, Machine};
pub use cache_client::shared::protocol::{
    Asked, ClientId, Dropped, Envelope, Epoch, FeedAnswer, FeedId, FeedItem, Field, Filled, Found, Key,
    MAX_KEY, Mark, Opened, Position, Reply, Request, Shape, Token, tag_bucket,
};
pub use cache_client::shared::{CallError, SimServer, SimTier};
pub use connection::{Connection, Settings};
pub use error::ConnectError;
