//! What can be done to the machines, the network and the server.

use std::fmt;

use crate::builds;

/// The name of a machine.
#[must_use]
pub fn name(node: usize) -> char {
    char::from(b'A' + u8::try_from(node).unwrap_or(25).min(25))
}

/// Something that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A machine changes a key.
    Write {
        /// The machine.
        node: usize,
        /// The key.
        key: usize,
    },
    /// All connections of a machine to the server end, and new ones too.
    Cut(usize),
    /// All connections of a machine end at the server. The machine is not told.
    HalfOpen(usize),
    /// What a machine sends to the server comes late.
    Delay(usize),
    /// What a machine sends to the server is lost.
    SwallowRequests(usize),
    /// What the server sends to a machine is lost.
    SwallowAnswers(usize),
    /// The network of a machine is as usual again.
    Mend(usize),
    /// A machine's process is stopped.
    Stop(usize),
    /// A stopped machine goes on.
    Continue(usize),
    /// A machine's process is killed.
    Kill(usize),
    /// A machine is started, with nothing in its memory.
    Start(usize),
    /// A machine is killed, and started with a build, with nothing in its memory.
    Replace {
        /// The machine.
        node: usize,
        /// The build.
        build: builds::Name,
    },
    /// The origin's process is killed.
    KillOrigin,
    /// The killed origin is started. It has all changes.
    StartOrigin,
    /// The server's process is stopped.
    StopServer,
    /// The stopped server goes on.
    ContinueServer,
    /// The server's process is killed.
    KillServer,
    /// The killed server is started, with nothing in its memory.
    StartServer,
    /// The server forgets everything.
    Flush,
    /// The server ends all connections.
    KillClients,
    /// The server forgets the state of the tier, but not its values.
    LoseState,
    /// The server forgets the feed but its last entry.
    Trim,
    /// The server has no memory left.
    Fill,
    /// The server has little memory, and evicts values.
    Evict,
    /// The server has as much memory as it needs.
    Free,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Write { node, key } => write!(f, "{} changes key {key}", name(node)),
            Self::Cut(node) => write!(f, "{} is cut off", name(node)),
            Self::HalfOpen(node) => write!(f, "the connections of {} end without its notice", name(node)),
            Self::Delay(node) => write!(f, "what {} sends comes late", name(node)),
            Self::SwallowRequests(node) => write!(f, "what {} sends is lost", name(node)),
            Self::SwallowAnswers(node) => write!(f, "what {} should get is lost", name(node)),
            Self::Mend(node) => write!(f, "the network of {} is well again", name(node)),
            Self::Stop(node) => write!(f, "{} is stopped", name(node)),
            Self::Continue(node) => write!(f, "{} goes on", name(node)),
            Self::Kill(node) => write!(f, "{} is killed", name(node)),
            Self::Start(node) => write!(f, "{} is started again", name(node)),
            Self::Replace { node, build } => write!(f, "{} is replaced by the {build} build", name(node)),
            Self::KillOrigin => f.write_str("the origin is killed"),
            Self::StartOrigin => f.write_str("the origin is started again"),
            Self::StopServer => f.write_str("the server is stopped"),
            Self::ContinueServer => f.write_str("the server goes on"),
            Self::KillServer => f.write_str("the server is killed"),
            Self::StartServer => f.write_str("the server is started again, empty"),
            Self::Flush => f.write_str("the server forgets everything (FLUSHALL)"),
            Self::KillClients => f.write_str("the server ends all connections (CLIENT KILL)"),
            Self::LoseState => f.write_str("the server loses the state of the tier alone"),
            Self::Trim => f.write_str("the feed is trimmed to one entry"),
            Self::Fill => f.write_str("the server has no memory left"),
            Self::Evict => f.write_str("the server evicts values"),
            Self::Free => f.write_str("the server has memory again"),
        }
    }
}
