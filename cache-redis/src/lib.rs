//! A cache tier that several machines share, on Redis or Valkey, for the query client `cache-client`.
//!
//! [`RedisTier`] says where the server is. The client does the rest: it reads answers of queries derived with `share`
//! from the tier, lets one machine load a key at a time, and hears what others have changed.
//!
//! # Guarantees
//! One primary keeps what it has acknowledged, and reads of the origin see its finished writes. Then:
//! - *Bounded.* A drop is acknowledged at t. A fresh answer on any machine to a read that began after t + `max_lag`
//!   comes from a load that began after the drop. Usually one round trip is enough.
//! - *Monotonic.* On one machine, after a fresh answer from a load begun after a drop there is none from one begun
//!   before it.
//! - *Own writes.* After a change returns on a machine no read there sees less than its answer.
//! - *One load* per key, drop and lease time over all machines while the tier is up.
//! - A mutation returns when its drop is acknowledged, or says that the drop is queued
//!   (`Client::mutate_and_report`).
//!
//! The first four are checked by a judge: in a model, with every order of messages, losses and restarts, and with real
//! processes, servers and networks that fail (the example `coherence`).
//!
//! Not guaranteed: a failover to a replica that lacks acknowledged writes; answers that a strategy takes although they
//! are stale; that the keys of one commit become visible together on *other* machines; values that are deleted by hand;
//! a process that is killed before its drop is acknowledged; reads past the client.
//!
//! # The server
//! One primary of Redis 5 or later, or of Valkey: no cluster, and no failover to a replica that lacks what the primary
//! has acknowledged. [`RedisTier::connect`] checks kind, version and rights, and names what lacks. What lies in the
//! server is described byte by byte in `docs/shared-tier.md`, with the rights that a user needs.
//!
//! # TLS
//! Urls that begin with `rediss://` need the feature `tls`, which is off by default. It uses rustls, with its provider
//! `ring` unless the program has installed another before. The certificate of the server is verified, by the authorities
//! that the system trusts or by those of `RedisTier::root_certificates`.
//!
//! Passwords are read from the url. They are in no error, no event and no `Debug`.
//!
//! # When something fails
//! Requests that a server refuses, also because rights were withdrawn while it is used, are misses and events of
//! `tracing`. `Client::shared_state` has the last error.
#![forbid(unsafe_code)]

mod answer;
mod check;
mod connection;
mod error;
mod names;
mod script;
mod server;
mod tier;

pub use connection::RedisConnection;
pub use error::ServerError;
pub use server::RedisServer;
pub use tier::RedisTier;
