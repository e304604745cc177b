//! The container: header and frames, as bytes. Described in `docs/snapshot-format.md`. Knows nothing of queries,
//! codecs or files.

pub(super) mod block;
pub(super) mod bytes;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Cursor;

use super::error::{Damage, SnapshotError};
use super::shape::Fingerprint;

/// First bytes of every snapshot. Not text, and changed by any tool that rewrites line endings.
pub(super) const MAGIC: [u8; 8] = *b"\x89QCS\r\n\x1a\n";
/// Version of the container that this crate writes; it reads no other.
pub(super) const VERSION: u32 = 1;
pub(super) const HEADER_LEN: usize = 48;
pub(super) const FRAME_HEAD_LEN: usize = 24;

/// The fields that apply to the whole snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Wall-clock time of the save.
    pub saved_at: WallTime,
    /// Highest revision in use.
    pub revision: u64,
    /// Number of tables that follow.
    pub tables: u32,
}

/// A wall-clock time as the file stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WallTime {
    /// Whole seconds since 1970, rounded down.
    seconds: i64,
    nanos: u32,
}

impl Header {
    pub fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut out = Vec::with_capacity(HEADER_LEN);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&0u32.to_le_bytes());
        out.extend_from_slice(&self.saved_at.seconds.to_le_bytes());
        out.extend_from_slice(&self.saved_at.nanos.to_le_bytes());
        out.extend_from_slice(&self.tables.to_le_bytes());
        out.extend_from_slice(&self.revision.to_le_bytes());
        out.extend_from_slice(&0u32.to_le_bytes());
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        let mut bytes = [0; HEADER_LEN];
        bytes.copy_from_slice(&out);
        bytes
    }

    /// # Errors
    /// [`SnapshotError`] if this is not a snapshot, has another version, or is damaged.
    pub fn parse(file: &[u8]) -> Result<Self, SnapshotError> {
        let shared = file.len().min(MAGIC.len());
        if file.is_empty() || file[..shared] != MAGIC[..shared] {
            return Err(SnapshotError::NotASnapshot);
        }
        let mut cursor = Cursor::new(file, 0);
        let checked = cursor.take(HEADER_LEN - 4, "the header")?;
        let checksum = cursor.u32("the header")?;
        let mut cursor = Cursor::new(checked, 0);
        cursor.take(MAGIC.len(), "the header")?;
        let version = cursor.u32("the header")?;
        // Before the checksum: another version may have put it elsewhere.
        if version != VERSION {
            return Err(SnapshotError::Version { found: version, supported: VERSION });
        }
        if crc32fast::hash(checked) != checksum {
            return Err(Damage::Checksum { what: "the header" }.at(0));
        }
        let flags = cursor.u32("the header")?;
        let saved_at = WallTime { seconds: cursor.i64("the header")?, nanos: cursor.u32("the header")? };
        let tables = cursor.u32("the header")?;
        let revision = cursor.u64("the header")?;
        let reserved = cursor.u32("the header")?;
        let is_sane = saved_at.nanos < NANOS_PER_SECOND && revision <= MAX_REVISION;
        if flags != 0 || reserved != 0 || !is_sane {
            return Err(Damage::Value { what: "a field of the header" }.at(0));
        }
        Ok(Self { saved_at, revision, tables })
    }
}

const NANOS_PER_SECOND: u32 = 1_000_000_000;
/// The cache continues from the revision in the file, so a forged one must leave room.
const MAX_REVISION: u64 = u64::MAX / 2;

impl WallTime {
    pub fn new(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self::after(after),
            Err(before) => Self::before(before.duration()),
        }
    }

    /// Returns the time from `self` to `now`; zero if the clock went backwards.
    pub fn elapsed_until(self, now: Self) -> Duration {
        let seconds = i128::from(now.seconds) - i128::from(self.seconds);
        let nanos = seconds * i128::from(NANOS_PER_SECOND) + i128::from(now.nanos) - i128::from(self.nanos);
        let nanos = u128::try_from(nanos).unwrap_or(0);
        // At most 2^65 seconds apart, so the cast loses nothing that matters to a cache.
        let seconds = u64::try_from(nanos / u128::from(NANOS_PER_SECOND)).unwrap_or(u64::MAX);
        Duration::new(seconds, (nanos % u128::from(NANOS_PER_SECOND)) as u32)
    }

    fn after(time: Duration) -> Self {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Self { seconds, nanos: time.subsec_nanos() }
    }

    fn before(time: Duration) -> Self {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        match time.subsec_nanos() {
            0 => Self { seconds: -seconds, nanos: 0 },
            nanos => Self { seconds: -seconds - 1, nanos: NANOS_PER_SECOND - nanos },
        }
    }
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// Begins a table.
    Table,
    /// Entries of the table begun last.
    Block,
    /// Ends the snapshot.
    End,
    /// Unknown, and marked by its writer as one that a reader may skip.
    Optional,
}

impl FrameKind {
    fn to_bytes(self) -> [u8; 4] {
        match self {
            Self::Table => *b"TABL",
            Self::Block => *b"BLOC",
            Self::End => *b"ENDS",
            Self::Optional => *b"opti",
        }
    }

    fn parse(bytes: [u8; 4]) -> Option<Self> {
        match &bytes {
            b"TABL" => Some(Self::Table),
            b"BLOC" => Some(Self::Block),
            b"ENDS" => Some(Self::End),
            [first, ..] if first.is_ascii_lowercase() => Some(Self::Optional),
            _ => None,
        }
    }
}

/// Returns the head of frame number `index`, whose body has this `length` and `checksum`.
pub(super) fn frame_head(kind: FrameKind, index: u32, length: u64, checksum: u32) -> [u8; FRAME_HEAD_LEN] {
    let mut head = [0; FRAME_HEAD_LEN];
    head[0..4].copy_from_slice(&kind.to_bytes());
    head[4..8].copy_from_slice(&index.to_le_bytes());
    head[8..16].copy_from_slice(&length.to_le_bytes());
    head[16..20].copy_from_slice(&checksum.to_le_bytes());
    let checksum = crc32fast::hash(&head[..20]);
    head[20..24].copy_from_slice(&checksum.to_le_bytes());
    head
}

/// One verified frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub kind: FrameKind,
    /// Where the body begins, from the start of the file.
    pub offset: u64,
    pub body: &'a [u8],
}

/// Reads the frame number `index` and verifies its checksums.
///
/// # Errors
/// Damage: truncated, changed, or a kind of frame that this version must know but does not.
pub(super) fn read_frame<'a>(cursor: &mut Cursor<'a>, index: u32) -> Result<Frame<'a>, SnapshotError> {
    let start = cursor.offset();
    let head = cursor.take(FRAME_HEAD_LEN, "a frame")?;
    let mut fields = Cursor::new(head, start);
    let kind = fields.array::<4>("a frame")?;
    let found_index = fields.u32("a frame")?;
    let length = fields.u64("a frame")?;
    let body_checksum = fields.u32("a frame")?;
    if crc32fast::hash(&head[..FRAME_HEAD_LEN - 4]) != fields.u32("a frame")? {
        return Err(Damage::Checksum { what: "the head of a frame" }.at(start));
    }
    if found_index != index {
        return Err(Damage::Value { what: "the number of a frame" }.at(start));
    }
    let Some(kind) = FrameKind::parse(kind) else {
        return Err(Damage::Value { what: "the kind of a frame" }.at(start));
    };
    let offset = cursor.offset();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let body = cursor.take(length, "the body of a frame")?;
    if crc32fast::hash(body) != body_checksum {
        return Err(Damage::Checksum { what: "the body of a frame" }.at(offset));
    }
    Ok(Frame { kind, offset, body })
}

/// The body of the first frame of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TableHead<'a> {
    pub name: &'a str,
    pub codec: &'a str,
    pub fingerprint: Fingerprint,
    /// As in `#[query(version = 2)]`.
    pub version: u32,
}

impl<'a> TableHead<'a> {
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.fingerprint.to_le_bytes());
        out.extend_from_slice(&self.version.to_le_bytes());
        bytes::put_text(self.name, out);
        bytes::put_text(self.codec, out);
    }

    pub fn parse(frame: &Frame<'a>) -> Result<Self, SnapshotError> {
        const WHAT: &str = "the head of a table";
        let mut cursor = Cursor::new(frame.body, frame.offset);
        let fingerprint = Fingerprint::from_le_bytes(cursor.array(WHAT)?);
        let version = cursor.u32(WHAT)?;
        let name = cursor.text(WHAT)?;
        let codec = cursor.text(WHAT)?;
        cursor.expect_end(WHAT)?;
        Ok(Self { name, codec, fingerprint, version })
    }
}

/// The body of the last frame of a snapshot. Distinguishes a whole file from one cut between two frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub entries: u64,
    /// Length of the whole file, this frame included.
    pub length: u64,
}

impl End {
    pub const LEN: usize = 16;

    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
    }

    pub fn parse(frame: &Frame<'_>) -> Result<Self, SnapshotError> {
        const WHAT: &str = "the end of the snapshot";
        let mut cursor = Cursor::new(frame.body, frame.offset);
        let end = Self { entries: cursor.u64(WHAT)?, length: cursor.u64(WHAT)? };
        cursor.expect_end(WHAT)?;
        Ok(end)
    }
}
