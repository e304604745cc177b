//! One call: the memo, the cache, a flight, and substitutes if the load fails. Keeps no state of its own.

mod answers;
mod bring;
pub(crate) mod caller;
pub(crate) mod client;
mod context;
mod fast_path;
mod join;
mod optimistic;
mod options;
mod progress;
mod reading;
mod run;
pub(crate) mod set;
mod wait;
