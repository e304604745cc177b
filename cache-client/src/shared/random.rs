//! Random bytes for names that must be unique among all machines. Not for secrets.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use super::protocol::{ClientId, Epoch, Token};

/// A source of random bytes: a keyed hash of a counter. The 128 bits of the key come from the operating system.
#[derive(Debug, Default)]
pub(super) struct Random {
    key: RandomState,
    drawn: AtomicU64,
}

impl Random {
    pub(super) fn client(&self) -> ClientId {
        ClientId(self.eight_bytes())
    }

    pub(super) fn epoch(&self) -> Epoch {
        Epoch(self.sixteen_bytes())
    }

    pub(super) fn token(&self) -> Token {
        Token(self.sixteen_bytes())
    }

    fn sixteen_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.eight_bytes());
        bytes[8..].copy_from_slice(&self.eight_bytes());
        bytes
    }

    fn eight_bytes(&self) -> [u8; 8] {
        self.key.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed)).to_ne_bytes()
    }
}
