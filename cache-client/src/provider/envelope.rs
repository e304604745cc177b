//! The bytes of one entry in a provider. Knows nothing of queries or clocks, and trusts nothing that it reads.
//!
//! Numbers are little-endian, times are nanoseconds.
//!
//! | offset | length | content |
//! |---|---|---|
//! | 0 | 4 | `89 51 43 45` (`\x89QCE`) |
//! | 4 | 2 | version of this layout: 2 |
//! | 6 | 2 | length of the codec's name, *n* |
//! | 8 | 4 | CRC-32 of everything after this field |
//! | 12 | 16 | fingerprint of the shapes of key and value, with the version that the query was derived with |
//! | 28 | 8 | when the load began, since 1970 by the wall clock of the machine that loaded it |
//! | 36 | 8 | how long the answer is fresh, from there on; all ones forever |
//! | 44 | 8 | its time to live, from there on; all ones forever |
//! | 52 | 8 | for how long after it is stale it may be served while it is loaded again; all ones if its load did not say so |
//! | 60 | 8 | for how long after it is stale it may be served if its load fails, likewise |
//! | 68 | *n* | name of the codec |
//! | 68 + *n* | the rest | key and value, in that codec |
//!
//! The key is repeated, so that a provider that mixes up keys, or two keys that a codec encodes in the same way, are
//! detected.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache_core::client_support::Fingerprint;

const MAGIC: [u8; 4] = *b"\x89QCE";
const VERSION: u16 = 2;
/// Where the part begins that the checksum covers.
const CHECKED: usize = 12;
/// Length without the name of the codec and the entry.
const HEAD: usize = 68;
const FOREVER: u64 = u64::MAX;

/// One entry, as it is sent to or received from a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    pub(crate) codec: &'a str,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) loaded_at: WallTime,
    pub(crate) fresh: Duration,
    pub(crate) ttl: Duration,
    pub(crate) stale: StaleWindows,
    /// Key and value.
    pub(crate) entry: &'a [u8],
}

/// For how long after it is stale an answer may be served, as far as its load has said so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StaleWindows {
    /// While it is loaded again.
    pub(crate) swr: Option<Duration>,
    pub(crate) if_error: Option<Duration>,
}

/// A time of the wall clock: nanoseconds since 1970. Earlier times are 1970; the last time is in the year 2554.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WallTime(pub(crate) u64);

/// Why bytes are not an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    #[error("the bytes are not an entry of a cache")]
    Magic,
    #[error("the entry has layout {0}, which this program does not know")]
    Version(u16),
    #[error("the entry is truncated")]
    Truncated,
    #[error("the checksum is wrong")]
    Checksum,
    #[error("the name of the codec is not text")]
    Codec,
}

impl From<SystemTime> for WallTime {
    fn from(time: SystemTime) -> Self {
        Self(nanos(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

impl WallTime {
    pub(crate) fn later_by(self, time: Duration) -> Self {
        Self(self.0.saturating_add(nanos(time)))
    }

    pub(crate) fn earlier_by(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(time)))
    }

    /// Time passed since `earlier`; `None` if that is later.
    pub(crate) fn since(self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }
}

impl<'a> Envelope<'a> {
    /// Encodes the envelope. The name of a codec is cut after 64 KiB; such an entry never matches.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let Self { codec, fingerprint, loaded_at, fresh, ttl, stale, entry } = self;
        let length = u16::try_from(codec.len()).unwrap_or(u16::MAX);
        let codec = &codec.as_bytes()[..usize::from(length)];
        let mut bytes = Vec::with_capacity(HEAD + codec.len() + entry.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&fingerprint.to_le_bytes());
        bytes.extend_from_slice(&loaded_at.0.to_le_bytes());
        bytes.extend_from_slice(&nanos(fresh).to_le_bytes());
        bytes.extend_from_slice(&nanos(ttl).to_le_bytes());
        for window in [stale.swr, stale.if_error] {
            // The longest time that is not all ones.
            let window = window.map_or(FOREVER, |window| nanos(window).min(FOREVER - 1));
            bytes.extend_from_slice(&window.to_le_bytes());
        }
        bytes.extend_from_slice(codec);
        bytes.extend_from_slice(entry);
        let checksum = crc32fast::hash(&bytes[CHECKED..]);
        bytes[CHECKED - 4..CHECKED].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// # Errors
    /// [`EnvelopeError`] if the bytes are not an envelope.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        let mut rest = bytes;
        if take(&mut rest)? != MAGIC {
            return Err(EnvelopeError::Magic);
        }
        // Before the checksum, since another version may have put it elsewhere.
        let version = u16::from_le_bytes(take(&mut rest)?);
        if version != VERSION {
            return Err(EnvelopeError::Version(version));
        }
        let length = u16::from_le_bytes(take(&mut rest)?);
        let checksum = u32::from_le_bytes(take(&mut rest)?);
        if crc32fast::hash(rest) != checksum {
            return Err(EnvelopeError::Checksum);
        }
        let fingerprint = Fingerprint::from_le_bytes(take(&mut rest)?);
        let loaded_at = WallTime(u64::from_le_bytes(take(&mut rest)?));
        let fresh = time(u64::from_le_bytes(take(&mut rest)?));
        let ttl = time(u64::from_le_bytes(take(&mut rest)?));
        let window = |nanos| (nanos != FOREVER).then(|| Duration::from_nanos(nanos));
        let swr = window(u64::from_le_bytes(take(&mut rest)?));
        let if_error = window(u64::from_le_bytes(take(&mut rest)?));
        let (codec, entry) = rest.split_at_checked(length.into()).ok_or(EnvelopeError::Truncated)?;
        let codec = std::str::from_utf8(codec).map_err(|_| EnvelopeError::Codec)?;
        let stale = StaleWindows { swr, if_error };
        Ok(Self { codec, fingerprint, loaded_at, fresh, ttl, stale, entry })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], EnvelopeError> {
    let (taken, others) = rest.split_first_chunk().ok_or(EnvelopeError::Truncated)?;
    *rest = others;
    Ok(*taken)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(FOREVER)
}

fn time(nanos: u64) -> Duration {
    if nanos == FOREVER { Duration::MAX } else { Duration::from_nanos(nanos) }
}

#[cfg(test)]
mod tests;
