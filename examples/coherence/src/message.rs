//! What the processes tell each other, as lines of JSON on standard input and output. Times are those of
//! [`clock`](crate::clock).

use serde::{Deserialize, Serialize};

use crate::builds;

/// What a machine is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Begin to read.
    Begin,
    /// Change a key.
    Write {
        /// The key.
        key: usize,
    },
    /// Change keys at random, this many times a second on average. 0 is never.
    Pace {
        /// Changes in a hundred seconds.
        writes: u32,
    },
    /// Shut down in order.
    Leave,
}

/// What a machine tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// A fresh answer to a read.
    Read {
        /// The key.
        key: usize,
        /// The version that was answered.
        version: u64,
        /// When its load began.
        load_began: u64,
        /// When the read began.
        began: u64,
        /// When it was answered.
        ended: u64,
    },
    /// A read without an answer.
    NotRead {
        /// The key.
        key: usize,
        /// Why.
        error: String,
    },
    /// A change begins.
    Writing {
        /// Which of the machine's changes it is.
        change: u64,
        /// The key.
        key: usize,
        /// When.
        began: u64,
    },
    /// A change has returned.
    Wrote {
        /// Which of the machine's changes it is.
        change: u64,
        /// The key.
        key: usize,
        /// Its new version.
        version: u64,
        /// When the origin had it. Its drop was sent later.
        stored: u64,
        /// When it returned.
        ended: u64,
        /// Whether the drop is not acknowledged yet.
        is_queued: bool,
    },
    /// A change has failed.
    NotWritten {
        /// Which of the machine's changes it is.
        change: u64,
        /// When it returned.
        ended: u64,
        /// Why.
        error: String,
    },
    /// All drops of this machine are acknowledged.
    Sent {
        /// Now.
        at: u64,
    },
    /// How the machine stands to the tier.
    State(State),
    /// It has shut down.
    Left {
        /// What did not finish.
        unfinished: usize,
    },
}

/// How a machine stands to the tier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Now.
    pub at: u64,
    /// Whether the tier is read.
    pub is_usable: bool,
    /// Whether requests are sent: there is a connection, and the last ones have not failed.
    pub is_sending: bool,
    /// How long ago everything was known that was dropped, in milliseconds.
    pub lag: Option<u64>,
    /// Drops that wait to be sent.
    pub outbox: usize,
    /// The epoch of the server.
    pub epoch: Option<String>,
    /// Drops that are applied.
    pub applied: u64,
    /// Values of the tier that were used.
    pub hits: u64,
    /// Loaded values that the server has refused.
    pub refused: u64,
    /// Requests and connections that have failed.
    pub failed: u64,
    /// What has failed last.
    pub error: Option<String>,
}

impl State {
    /// Whether the machine reads and fills the tier.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.is_usable && self.is_sending
    }
}

/// What the origin tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginReport {
    /// It listens.
    Ready,
    /// A machine loads.
    Load {
        /// The machine.
        node: usize,
        /// The build that it runs.
        build: builds::Name,
        /// The key.
        key: usize,
        /// Its lease was not asked for before this.
        asked: u64,
        /// Whether the machine used the tier when it began.
        is_up: bool,
        /// Now.
        at: u64,
    },
}

/// What a machine asks the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The machine.
    pub node: usize,
    /// The build that it runs.
    pub build: builds::Name,
    /// The key.
    pub key: usize,
    /// When the oldest waiting read of the key began. Zero if no read waits.
    pub asked: u64,
    /// Whether the machine uses the tier.
    pub is_up: bool,
    /// Whether the key gets a new version.
    pub is_write: bool,
}

/// A message as one line.
///
/// # Panics
/// Never: all messages can be written.
pub(crate) fn line(message: &impl Serialize) -> String {
    let mut line = serde_json::to_string(message).expect("messages have no maps and no floats");
    line.push('\n');
    line
}
