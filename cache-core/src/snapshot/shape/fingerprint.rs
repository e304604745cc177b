//! A hash that is the same in every build. Knows nothing of types.

use std::fmt;

/// Fingerprint of a shape: equal for equal shapes, in every build and on every platform.
///
/// Printed as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// Returns the 16 bytes as stored in a file.
    #[must_use]
    pub const fn to_le_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// Returns the hash of bytes other than a shape, for text that is too long for a name.
    #[must_use]
    pub const fn of_bytes(bytes: &[u8]) -> Self {
        let mut hash = Fnv::new();
        hash.write(bytes);
        hash.finish()
    }

    /// Creates the fingerprint that a file stores as `bytes`.
    #[must_use]
    pub const fn from_le_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Fingerprint({self})")
    }
}

/// FNV-1a with 128 bits (RFC 9923, section 5): short, published, and without a secret key or tables.
///
/// `const`, so that the compiler hashes the strings that the derive writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fnv(u128);

impl Fnv {
    /// The published offset basis and prime for 128 bits.
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

    pub(super) const fn new() -> Self {
        Self(Self::BASIS)
    }

    pub(super) const fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let [byte, tail @ ..] = rest {
            self.0 = (self.0 ^ *byte as u128).wrapping_mul(Self::PRIME);
            rest = tail;
        }
    }

    pub(super) const fn finish(self) -> Fingerprint {
        Fingerprint(self.0)
    }
}
