//! One call: the memo, the cache, a flight, and substitutes if the load fails. Keeps no state of its own.

mod answers;
pub(crate) mod caller;
mod client;
mod context;
mod fast_path;
mod join;
mod optimistic;
mod options;
mod progress;
mod reading;
mod run;
mod wait;
