//! Number of a commit.

use std::fmt;

use serde::Serialize;

/// Number of the commit that wrote an entry. Unique within a cache, increasing, across all tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Revision(pub(crate) u64);

impl Revision {
    /// The number itself; the first commit of a cache is 1.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
