//! What tests of the shared tier need around it: a server, a bad network before it, and a judge of what came out.
//!
//! - [`TestServer`] runs `redis-server`, or the program that the variable `CACHE_TEST_SERVER` names, such as
//!   `valkey-server`.
//! - [`Proxy`] passes, delays, loses and cuts what goes between clients and a server.
//! - [`History`] is what was read and changed in a run. It finds what breaks the guarantees of the tier.
#![forbid(unsafe_code)]

mod history;
mod proxy;
mod server;

pub use history::{Answer, Change, Dropped, History, Load, Objection, Step};
pub use proxy::{Direction, Flow, Proxy};
pub use server::{StartError, TestServer};
