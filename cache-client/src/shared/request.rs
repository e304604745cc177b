//! What a client asks of the server, and what it answers, as plain data. Knows no connection.

use std::time::Duration;

use crate::shared::envelope::Envelope;
use crate::shared::ids::{ClientId, Epoch, FeedId, Shape, Token};
use crate::shared::mark::{Field, Key, Mark};

/// One request. Requests that find no state begin a new epoch, which is then `candidate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Tells where the feed ends, and what was dropped as a whole. Answered by [`Reply::Opened`].
    Open {
        /// The epoch that begins if the server has no epoch yet.
        candidate: Epoch,
    },
    /// Reads a value without a look at the state. Answered by [`Reply::Read`].
    Read {
        /// The key to read.
        key: Key,
        /// The shape of the value.
        shape: Shape,
    },
    /// Reads a value that nothing was dropped of since its load began, or takes a lease. Answered by
    /// [`Reply::Asked`].
    Ask {
        /// The key to read.
        key: Key,
        /// The shape of the value.
        shape: Shape,
        /// How long ago the load of the value may have begun. An older value is passed over. Fractions of a millisecond
        /// do not count.
        max_age: Duration,
        /// The epoch that begins if the server has no epoch yet.
        candidate: Epoch,
        /// The owner of the lease.
        token: Token,
        /// How long the lease lasts. Fractions of a millisecond do not count.
        lease: Duration,
    },
    /// Stores a loaded value. Answered by [`Reply::Filled`].
    Fill {
        /// The key to store.
        key: Key,
        /// The shape of the value.
        shape: Shape,
        /// The owner of the lease.
        token: Token,
        /// How long the value is kept, at least a millisecond.
        keep: Duration,
        /// The value, with the epoch and the number that came with the lease.
        envelope: Envelope,
    },
    /// Gives up a lease. Answered by [`Reply::Lost`].
    Lose {
        /// The key of the lease.
        key: Key,
        /// The shape of the lease.
        shape: Shape,
        /// The owner of the lease.
        token: Token,
    },
    /// Drops values, and tells all clients. Answered by [`Reply::Dropped`].
    Drop {
        /// The epoch that begins if the server has no epoch yet.
        candidate: Epoch,
        /// The client that drops.
        client: ClientId,
        /// What is dropped.
        marks: Vec<Mark>,
    },
    /// Reads the feed. Answered by [`Reply::Feed`].
    Feed {
        /// The last entry that was read.
        after: FeedId,
        /// How many entries are read at most.
        count: usize,
        /// How long the server waits for an entry. Zero is no wait.
        wait: Duration,
    },
}

/// An answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is described at its content")]
pub enum Reply {
    Opened(Opened),
    /// `None` if there is no value, or none that can be read.
    Read(Option<Envelope>),
    Asked(Asked),
    Filled(Filled),
    /// Whether there was such a lease.
    Lost(bool),
    /// The epoch and the number of the drop.
    Dropped(Position),
    Feed(FeedAnswer),
}

/// How many drops an epoch has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The epoch.
    pub epoch: Epoch,
    /// How many drops it has counted.
    pub number: u64,
}

/// Where the feed ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The present epoch, and how many drops it has counted.
    pub position: Position,
    /// The last entry of the feed, or zero if it has none.
    pub last: FeedId,
    /// The last drop of each table and tag and of everything, where there was one.
    pub wide: Vec<(Field, u64)>,
}

/// What [`Request::Ask`] has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The present epoch, and how many drops it has counted.
    pub position: Position,
    /// The server's time, in milliseconds since 1970.
    pub time: u64,
    /// The value, or whose the lease is.
    pub found: Found,
}

/// The value, or whose the lease is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A value. Nothing that it depends on was dropped since its load began.
    Value(Envelope),
    /// No value, and the lease is the caller's.
    Leased,
    /// No value. The lease is another's, for this long.
    Awaited(Duration),
}

/// Whether a value was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// It was stored, and the lease has ended.
    Kept,
    /// It was not stored: the lease was no longer there.
    NoLease,
    /// It was not stored: another epoch has begun. The lease has ended.
    OtherEpoch,
    /// It was not stored: something that it depends on was dropped since its load began. The lease has ended.
    Overtaken,
}

/// What a read of the feed has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedAnswer {
    /// The entries, in order.
    pub items: Vec<FeedItem>,
    /// The state after the read; `None` if the server has lost it.
    pub position: Option<Position>,
}

/// One entry of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// Its place in the feed.
    pub id: FeedId,
    /// What was dropped. `None` if the entry cannot be read.
    pub dropped: Option<Dropped>,
}

/// A drop, as the feed tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its epoch and number.
    pub position: Position,
    /// The client that dropped.
    pub client: ClientId,
    /// What was dropped.
    pub marks: Vec<Mark>,
}
