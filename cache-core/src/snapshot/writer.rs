//! From entries to bytes. Encodes one block at a time, so that a save needs little memory beside the entries.

use std::fmt;
use std::io::Write;
use std::time::SystemTime;

use super::entry::SavedEntry;
use super::error::SnapshotError;
use super::format::block::BlockBuilder;
use super::format::{End, FRAME_HEAD_LEN, FrameKind, Header, TableHead, WallTime, frame_head};
use super::persistence::{TableCodec, TableFormat};
use super::report::{SaveReport, SkippedEntry, TableSave};
use crate::query::Query;

/// Told of the progress of a save or a restore: entries done, of how many. Called after each block of entries,
/// at most about a thousand of them.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Writes `tables` as one snapshot, but for the entries that their codecs refuse.
///
/// # Errors
/// `Stream` when `out` fails; `Encode` and `Unreadable` name table and key.
pub(crate) fn write_snapshot(
    out: &mut dyn Write,
    saved_at: SystemTime,
    revision: u64,
    tables: &mut [Box<dyn TableImage + '_>],
    progress: Progress<'_>,
) -> Result<SaveReport, SnapshotError> {
    tables.iter_mut().for_each(|table| table.refuse());
    let mut output = Output {
        frames: FrameWriter { out, written: 0, index: 0 },
        block: BlockBuilder::default(),
        steps: Steps { done: 0, of: tables.iter().map(|table| table.entries()).sum(), progress },
    };
    // A registry is a struct with a field per table.
    let count = u32::try_from(tables.len()).unwrap_or(u32::MAX);
    let header = Header { saved_at: WallTime::new(saved_at), revision, tables: count };
    output.frames.put(&header.to_bytes())?;
    tables.iter().try_for_each(|table| table.write(&mut output))?;
    output.end()?;

    let bytes = output.frames.written;
    let tables = tables.iter().map(|table| table.report()).collect();
    Ok(SaveReport { tables, not_persisted: Vec::new(), bytes })
}

/// [`TableImage`] for those who only pass it on.
pub struct Image<'a>(pub(crate) Box<dyn TableImage + 'a>);

/// One table at the moment of the save, its query forgotten.
pub(crate) trait TableImage: Send {
    /// Takes out the entries that the codec refuses. Not done when the image is made: their values may be dropped
    /// by it, and a `Drop` that writes to the cache would wait for the gate that its own thread keeps closed.
    fn refuse(&mut self);
    /// Number of entries that will be written.
    fn entries(&self) -> u64;
    /// Writes head and blocks of the table.
    fn write(&self, output: &mut Output<'_>) -> Result<(), SnapshotError>;
    fn report(&self) -> TableSave;
}

/// The entries of one query at the moment of the save.
pub(crate) struct QueryImage<'a, Q: Query> {
    name: &'a str,
    codec: &'a dyn TableCodec<Q>,
    entries: Vec<SavedEntry<Q>>,
    refused: Vec<SkippedEntry>,
}

impl<'a, Q: Query> QueryImage<'a, Q> {
    /// The image of `entries`, which come least recently used first.
    pub fn new(name: &'a str, codec: &'a dyn TableCodec<Q>, entries: Vec<SavedEntry<Q>>) -> Self {
        Self { name, codec, entries, refused: Vec::new() }
    }

    /// Encodes what fits into `block`, from entry `first` on.
    fn encode(
        &self,
        first: usize,
        format: &TableFormat,
        block: &mut BlockBuilder,
    ) -> Result<(), SnapshotError> {
        self.codec.encode(&self.entries[first..], block).map_err(|error| SnapshotError::Encode {
            table: self.name.to_owned(),
            key: self.key(first + block.len()),
            codec: format.codec,
            reason: error.0,
        })
    }

    /// Reads back the first entry of the table, or all of them when its types are doubtful.
    fn verify(&self, first: usize, format: &TableFormat, block: &BlockBuilder) -> Result<(), SnapshotError> {
        let count = match (format.is_doubtful, first) {
            (true, _) => block.len(),
            (false, 0) => 1,
            (false, _) => 0,
        };
        for (index, bytes) in block.payloads().take(count).enumerate() {
            self.codec.verify(bytes).map_err(|error| SnapshotError::Unreadable {
                table: self.name.to_owned(),
                key: self.key(first + index),
                codec: format.codec,
                reason: error.0,
            })?;
        }
        Ok(())
    }

    fn key(&self, index: usize) -> String {
        self.entries.get(index).map_or_else(String::new, |entry| format!("{:?}", entry.key))
    }
}

impl<Q: Query> TableImage for QueryImage<'_, Q> {
    fn refuse(&mut self) {
        self.refused = self.codec.refuse(&mut self.entries);
    }

    fn entries(&self) -> u64 {
        self.entries.len() as u64
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), SnapshotError> {
        let Output { frames, block, steps } = output;
        let format = self.codec.format();
        frames.table(self.name, &format, self.entries())?;
        let mut first = 0;
        while first < self.entries.len() {
            block.clear();
            self.encode(first, &format, block)?;
            self.verify(first, &format, block)?;
            frames.frame(FrameKind::Block, &block.parts())?;
            first += block.len();
            steps.advance(block.len());
        }
        Ok(())
    }

    fn report(&self) -> TableSave {
        TableSave { name: self.name.to_owned(), entries: self.entries(), skipped: self.refused.clone() }
    }
}

/// Where tables write themselves to.
pub(crate) struct Output<'a> {
    frames: FrameWriter<'a>,
    /// Used for one block after another, of all tables.
    block: BlockBuilder,
    steps: Steps<'a>,
}

impl Output<'_> {
    fn end(&mut self) -> Result<(), SnapshotError> {
        let mut body = Vec::with_capacity(End::LEN);
        let length = self.frames.written + (FRAME_HEAD_LEN + End::LEN) as u64;
        End { entries: self.steps.done, length }.write(&mut body);
        self.frames.frame(FrameKind::End, &[&body])?;
        self.frames.out.flush().map_err(SnapshotError::Stream)
    }
}

impl fmt::Debug for Image<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Image").field(&self.0.report()).finish()
    }
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("written", &self.frames.written).finish_non_exhaustive()
    }
}

/// Counts entries done and tells the caller.
struct Steps<'a> {
    done: u64,
    of: u64,
    progress: Progress<'a>,
}

impl Steps<'_> {
    fn advance(&mut self, entries: usize) {
        self.done += entries as u64;
        (self.progress)(self.done, self.of);
    }
}

/// Numbers and checksums frames on their way out.
struct FrameWriter<'a> {
    out: &'a mut dyn Write,
    written: u64,
    /// Number of the next frame.
    index: u32,
}

impl FrameWriter<'_> {
    fn table(&mut self, name: &str, format: &TableFormat, entries: u64) -> Result<(), SnapshotError> {
        let mut body = Vec::new();
        let TableFormat { codec, fingerprint, version, .. } = *format;
        TableHead { name, codec, fingerprint, version, entries }.write(&mut body);
        self.frame(FrameKind::Table, &[&body])
    }

    fn frame(&mut self, kind: FrameKind, parts: &[&[u8]]) -> Result<(), SnapshotError> {
        let mut checksum = crc32fast::Hasher::new();
        parts.iter().for_each(|part| checksum.update(part));
        let length = parts.iter().map(|part| part.len() as u64).sum();
        self.put(&frame_head(kind, self.index, length, checksum.finalize()))?;
        self.index = self.index.wrapping_add(1);
        parts.iter().try_for_each(|part| self.put(part))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes).map_err(SnapshotError::Stream)
    }
}
