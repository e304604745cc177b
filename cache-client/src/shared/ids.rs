//! Numbers that tell epochs, leases, clients and builds apart. Knows nothing of where they come from.

use std::fmt;

/// One life of the shared state. It ends when the state is lost, or the server restarts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub [u8; 16]);

/// The owner of a lease: random for each request of a lease.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub [u8; 16]);

/// A client of the tier: random for each client.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId(pub [u8; 8]);

/// How a build encodes the values of a query. Builds with different shapes do not read each other's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape(pub u64);

/// The place of an entry in the feed, as the server gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeedId {
    /// Milliseconds of the server's clock, or the same as in the entry before if that is later.
    pub milliseconds: u64,
    /// Tells entries of one millisecond apart.
    pub sequence: u64,
}

impl FeedId {
    /// Reads the form `1700000000000-0`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (milliseconds, sequence) = text.split_once('-')?;
        Some(Self { milliseconds: milliseconds.parse().ok()?, sequence: sequence.parse().ok()? })
    }
}

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.milliseconds, self.sequence)
    }
}

/// Writes `Name(0123..)`.
macro_rules! debug_in_hex {
    ($($name:ident),*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}(", stringify!($name))?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str(")")
            }
        })*
    };
}

debug_in_hex!(Epoch, Token, ClientId);
