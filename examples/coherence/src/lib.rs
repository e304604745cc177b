//! A terminal program over the shared tier: four machines, a server, and what can go wrong between them.
//!
//! - [`node`]: a machine, with a client of the shared tier. Begin here. [`builds`]: its queries, in two builds.
//!   [`origin`]: what it loads from.
//! - [`lab`]: starts everything, does what an [`act`] says, and fills a [`record`]. [`message`]: what the processes
//!   tell each other, by one [`clock`].
//! - [`script`]: a fixed sequence of acts, printed as a timeline, and judged. [`explain`](mod@explain): what is broken.
//! - [`session`]: the same by hand: keys and reports come in, pictures go out. [`picture`]: what is shown; [`view`]: how
//!   that is drawn; [`input`]: the keys. [`arguments`]: the command line.
#![forbid(unsafe_code)]

pub mod act;
pub mod arguments;
pub mod builds;
pub mod clock;
pub mod explain;
pub mod input;
pub mod lab;
pub mod message;
pub mod node;
pub mod origin;
pub mod picture;
mod process;
pub mod record;
pub mod script;
pub mod session;
mod timeline;
pub mod view;

/// How many machines there are.
pub const NODES: usize = 4;

/// How many keys the origin has.
pub const KEYS: usize = 6;
