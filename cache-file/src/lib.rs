//! A second tier for the query client [`cache_client`]: it keeps answers in one file, so that a restarted program does
//! not load them again, and can answer while its origin is down. [`FileProvider`] has an example.
//!
//! It serves one process on one machine. It is not a database: any entry may be dropped at any time, and is then loaded
//! again.
//!
//! # What is kept
//! - Keys and values within `max_bytes`. When space runs out, the oldest entries are dropped first. An entry that was
//!   read since it was written is kept for one more round.
//! - A thread of its own writes all queued changes in one commit of `redb`. `set` and `remove` complete when the change
//!   is on disk. `get` reads on the calling thread.
//! - The file is larger than `max_bytes`, because its pages are not full, and never shrinks.
//!
//! # When something goes wrong
//! | | |
//! |---|---|
//! | the program is killed | the file opens, without the changes whose calls had not completed. A completed removal is permanent |
//! | the file is damaged | it is renamed (to its name with `.damaged-` and the seconds since 1970), and a new file is created |
//! | another process uses the file | nothing is found or stored, and `remove` fails. Opening is tried again |
//! | the disk is full, or the file is read-only | `set` and `remove` fail, and reads continue. Writing is tried again, with the first change after [`retry_after`](FileProvider::retry_after) |
//!
//! Each of these is reported as an event of `tracing`, with the path, when it begins and when it ends. The client
//! reports errors of `get`, `set` and `remove` as events, and continues without the provider.
//!
//! To detect damage, the whole file is read when it is opened. Nothing is found meanwhile, also when the file is opened
//! again after a write has failed.
//!
//! Up to 4,096 changes and 16 MiB of values wait to be written; further calls wait until there is room.
#![forbid(unsafe_code)]

mod entries;
mod open;
mod overlay;
mod provider;
mod shared;
mod writer;

pub use open::OpenError;
pub use provider::FileProvider;
