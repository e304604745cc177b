//! A second tier for the query client [`cache_client`]: it keeps answers in one file, so that a restarted program does not
//! load them again, and can answer while its origin is down. [`FileProvider`] has an example.
//!
//! It is for one process on one machine. It is no database: what it holds may be dropped at any time, and is loaded again.
//!
//! # What is kept
//! - Keys and values within `max_bytes`. When there is no more room, the oldest entries go first. An entry that was read
//!   since it was written stays for one more round.
//! - All changes that wait are one commit of `redb`, made by a thread of its own. `set` and `remove`
//!   end when the change is on disk. `get` reads on the calling thread.
//! - The file is larger than `max_bytes`, by what its pages leave unused, and never shrinks.
//!
//! # When something goes wrong
//! | | |
//! |---|---|
//! | the program is killed | the file opens, without the changes whose calls had not ended. A removal that has ended stays |
//! | the file is damaged | it gets another name beside the old one (`.damaged-`, the seconds since 1970), and a new file begins |
//! | another process uses the file | nothing is found or kept, and a `remove` fails. It is tried again |
//! | the disk is full, or the file must not be written | `set` and `remove` fail, and reads go on. Writing is tried again |
//!
//! Each of these is an event of `tracing`, with the path, when it begins and when it ends. Errors of `get`, `set` and
//! `remove` are events of the client, which does without the provider then.
//!
//! To notice damage, the whole file is read when it is opened.
#![forbid(unsafe_code)]

mod entries;
mod open;
mod overlay;
mod provider;
mod shared;
mod writer;

pub use open::OpenError;
pub use provider::FileProvider;
