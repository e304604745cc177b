//! The stream of a save: frames, their numbers and checksums, and the progress. Knows nothing of entries.

use std::fmt;
use std::io::Write;

use super::error::SnapshotError;
use super::format::block::BlockBuilder;
use super::format::{End, FRAME_HEAD_LEN, FrameKind, Header, TableHead, frame_head};
use super::persistence::TableFormat;

/// Receives the progress of a save: the number of entries done, and the total number. Called after each block
/// of about a thousand entries.
pub(crate) type ProgressFn<'a> = &'a mut dyn FnMut(u64, u64);

/// How entries are encoded, and what happens to entries that cannot be saved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SaveRules {
    /// Maximum number of threads that encode.
    pub threads: usize,
    /// Leaves out entries that cannot be encoded; otherwise they fail the save.
    pub skips_unencodable: bool,
    /// Leaves out entries that do not read back; otherwise they fail the save.
    pub skips_unreadable: bool,
    /// Reads back even tables that their shape vouches for.
    pub verifies_all: bool,
}

impl SaveRules {
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads, skips_unencodable: false, skips_unreadable: true, verifies_all: false }
    }
}

/// Where tables are written to.
pub(crate) struct Output<'a> {
    pub(super) frames: FrameWriter<'a>,
    pub(super) steps: EntryProgress<'a>,
    pub(super) rules: SaveRules,
}

impl<'a> Output<'a> {
    pub(super) fn begin(
        out: &'a mut dyn Write,
        header: &Header,
        entries: u64,
        rules: SaveRules,
        progress: ProgressFn<'a>,
    ) -> Result<Self, SnapshotError> {
        let mut frames = FrameWriter { out, written: 0, index: 0, entries: 0 };
        frames.put(&header.to_bytes())?;
        Ok(Self { frames, steps: EntryProgress { done: 0, of: entries, progress }, rules })
    }

    /// Ends the snapshot. Returns how many bytes were written.
    pub(super) fn end(mut self) -> Result<u64, SnapshotError> {
        let mut body = Vec::with_capacity(End::LEN);
        let length = self.frames.written + (FRAME_HEAD_LEN + End::LEN) as u64;
        End { entries: self.frames.entries, length }.write(&mut body);
        self.frames.frame(FrameKind::End, &[&body], checksum(&[&body]))?;
        self.frames.out.flush().map_err(SnapshotError::Stream)?;
        Ok(self.frames.written)
    }
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("written", &self.frames.written).finish_non_exhaustive()
    }
}

/// Counts entries that are written or left out, and reports to the caller.
pub(super) struct EntryProgress<'a> {
    done: u64,
    of: u64,
    progress: ProgressFn<'a>,
}

impl EntryProgress<'_> {
    pub fn advance(&mut self, entries: usize) {
        self.done += entries as u64;
        (self.progress)(self.done, self.of);
    }
}

/// Numbers and checksums frames on their way out.
pub(super) struct FrameWriter<'a> {
    out: &'a mut dyn Write,
    written: u64,
    /// Number of the next frame.
    index: u32,
    /// Entries in all blocks.
    entries: u64,
}

impl FrameWriter<'_> {
    pub fn table(&mut self, name: &str, format: &TableFormat) -> Result<(), SnapshotError> {
        let mut body = Vec::new();
        let TableFormat { codec, fingerprint, version, .. } = *format;
        TableHead { name, codec, fingerprint, version }.write(&mut body);
        self.frame(FrameKind::Table, &[&body], checksum(&[&body]))
    }

    /// Writes a block, unless it has no entries.
    pub fn block(&mut self, block: &BlockBuilder, checksum: u32) -> Result<(), SnapshotError> {
        if block.len() == 0 {
            return Ok(());
        }
        self.entries += block.len() as u64;
        self.frame(FrameKind::Block, &block.parts(), checksum)
    }

    fn frame(&mut self, kind: FrameKind, parts: &[&[u8]], checksum: u32) -> Result<(), SnapshotError> {
        let length = parts.iter().map(|part| part.len() as u64).sum();
        self.put(&frame_head(kind, self.index, length, checksum))?;
        self.index = self.index.wrapping_add(1);
        parts.iter().try_for_each(|part| self.put(part))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes).map_err(SnapshotError::Stream)
    }
}

pub(super) fn checksum(parts: &[&[u8]]) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    parts.iter().for_each(|part| checksum.update(part));
    checksum.finalize()
}
