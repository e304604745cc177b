//! The entries of one table on their way out. Encodes one chunk at a time, so that a save needs little memory beside
//! the copies.

use std::collections::VecDeque;

use super::capture::{Captured, Chunk, worth};
use super::entry::Entries;
use super::error::SnapshotError;
use super::format::block::{BlockBuilder, TooLong};
use super::frames::{Output, SaveRules, checksum};
use super::parallel::in_order;
use super::persistence::TableCodec;
use super::report::{SkipReason, SkippedEntries, SkippedEntry, TableSave};
use crate::clock::Moment;
use crate::erased::ErasedTable;
use crate::sync::Mutex;

/// Blocks that may wait for each thread to be written: enough that nobody waits for one who is held up for a moment,
/// few enough that blocks of large values take little memory.
const AHEAD: usize = 8;

/// One table at the moment of the save.
pub(crate) struct TableImage<'a> {
    name: &'a str,
    codec: &'a dyn TableCodec,
    /// Until they are arranged. `None` of a table that was never used.
    captured: Option<Captured>,
    /// Until they are written.
    chunks: Vec<Chunk>,
    entries: usize,
    skipped: SkippedEntries,
    is_verified: bool,
}

/// How the entries of one table are encoded.
struct Encoding<'a> {
    table: &'a str,
    codec: &'a dyn TableCodec,
    codec_name: &'static str,
    rules: SaveRules,
    /// Each entry is read back.
    verifies: bool,
}

/// A chunk on its way from entries to a block.
struct Encoded {
    /// The pieces that are not encoded yet.
    pieces: VecDeque<Entries>,
    /// How many of the first piece are.
    begun: usize,
    /// Entries that were met since the block was begun: those in it, and those that were left out.
    met: usize,
    block: BlockBuilder,
    checksum: u32,
    skipped: SkippedEntries,
    result: Result<(), SnapshotError>,
}

impl dyn ErasedTable + '_ {
    /// The entries as they are to be saved, copied on at most `threads` threads; `None` if the table is not saved. To be
    /// called while the gate is closed.
    pub(crate) fn image(&self, with_survivors: bool, now: Moment, threads: usize) -> Option<TableImage<'_>> {
        let codec = self.head().codec()?;
        let captured = self.used().map(|table| table.capture(codec, with_survivors, now, threads));
        Some(TableImage::new(self.name(), codec, captured))
    }
}

impl<'a> TableImage<'a> {
    pub(super) fn new(name: &'a str, codec: &'a dyn TableCodec, captured: Option<Captured>) -> Self {
        let skipped = SkippedEntries::default();
        Self { name, codec, captured, chunks: Vec::new(), entries: 0, skipped, is_verified: false }
    }

    /// Puts the entries in order. Not done when the image is made, since writers wait meanwhile.
    pub(super) fn arrange(&mut self) {
        if let Some(captured) = self.captured.take() {
            self.chunks = captured.into_chunks(self.codec);
        }
        self.entries = self.chunks.iter().flatten().map(Entries::len).sum();
    }

    /// Number of entries that are to be saved.
    pub(super) fn entries(&self) -> u64 {
        self.entries as u64
    }

    /// Writes head and blocks of the table. Each entry is dropped once it is encoded.
    pub(super) fn write(&mut self, output: &mut Output<'_>) -> Result<(), SnapshotError> {
        let Output { frames, steps, rules } = output;
        let format = self.codec.format();
        frames.table(self.name, &format)?;
        self.is_verified = format.is_doubtful || rules.verifies_all || !self.first_reads_back();
        let encoding = Encoding {
            table: self.name,
            codec: self.codec,
            codec_name: format.codec,
            rules: *rules,
            verifies: self.is_verified,
        };
        let chunks: Vec<_> = std::mem::take(&mut self.chunks).into_iter().map(Mutex::new).collect();
        let make = |number: usize, encoded: &mut Encoded| {
            encoded.pieces = std::mem::take(&mut *chunks[number].lock()).into();
            encoding.encode(encoded);
        };
        let threads = worth(rules.threads, self.entries);
        let skipped = &mut self.skipped;
        in_order(chunks.len(), threads, AHEAD * threads, make, |encoded| {
            loop {
                std::mem::replace(&mut encoded.result, Ok(()))?;
                frames.block(&encoded.block, encoded.checksum)?;
                skipped.append(std::mem::take(&mut encoded.skipped));
                steps.advance(encoded.met);
                if encoded.pieces.is_empty() {
                    return Ok(());
                }
                // More than a block: too few of them to be worth another thread.
                encoding.encode(encoded);
            }
        })
    }

    /// Whether the first entry reads back, if there is one: a vouched-for table whose types break their promise is
    /// likely to show it there.
    fn first_reads_back(&self) -> bool {
        let Some(first) = self.chunks.iter().flatten().find(|piece| piece.len() > 0) else { return true };
        let encoded = self.codec.encode(first.pairs.pair(0), true, &mut Vec::new());
        !matches!(encoded, Err(SkipReason::Unreadable { .. }))
    }

    pub(super) fn report(&self) -> TableSave {
        let skipped = self.skipped.clone();
        let entries = self.entries() - skipped.count;
        TableSave { name: self.name.to_owned(), entries, skipped, is_verified: self.is_verified }
    }
}

impl Encoding<'_> {
    /// Encodes what fits into one block, and drops it.
    fn encode(&self, encoded: &mut Encoded) {
        encoded.block.clear();
        encoded.met = 0;
        encoded.result = self.fill(encoded);
        encoded.block.finish();
        encoded.checksum = checksum(&encoded.block.parts());
    }

    fn fill(&self, encoded: &mut Encoded) -> Result<(), SnapshotError> {
        while let Some(piece) = encoded.pieces.front_mut()
            && !encoded.block.is_full()
        {
            if encoded.begun == 0 {
                piece.pairs.fetch();
            }
            let first = encoded.begun;
            let mut next = first;
            let result = self.fill_from(piece, &mut next, &mut encoded.block, &mut encoded.skipped);
            piece.pairs.discard(first..next);
            encoded.met += next - first;
            encoded.begun = next;
            if next == piece.len() {
                encoded.pieces.pop_front();
                encoded.begun = 0;
            }
            result?;
        }
        Ok(())
    }

    /// Encodes entries from the `next` one on.
    fn fill_from(
        &self,
        entries: &Entries,
        next: &mut usize,
        block: &mut BlockBuilder,
        skipped: &mut SkippedEntries,
    ) -> Result<(), SnapshotError> {
        while *next < entries.len() && !block.is_full() {
            let (pair, meta) = (entries.pairs.pair(*next), &entries.metas[*next]);
            let encode = |out: &mut Vec<u8>| self.codec.encode(pair, self.verifies, out);
            let too_long = |error: TooLong| SkipReason::unwritten(self.codec_name, error.into());
            if let Err(reason) = block.push(meta, encode, too_long) {
                let key = || pair.key().map_or_else(String::new, |key| self.codec.key_text(key));
                if let Some(error) = self.failure(&reason, key) {
                    return Err(error);
                }
                skipped.push(|| SkippedEntry { key: Some(key()), reason });
            }
            *next += 1;
        }
        Ok(())
    }

    /// The error of the save, if an entry that cannot be saved is one.
    fn failure(&self, reason: &SkipReason, key: impl FnOnce() -> String) -> Option<SnapshotError> {
        let table = || self.table.to_owned();
        match reason {
            SkipReason::Unencodable { codec, reason } if !self.rules.skips_unencodable => {
                Some(SnapshotError::Encode { table: table(), key: key(), codec, reason: reason.clone() })
            }
            SkipReason::Unreadable { codec, reason } if !self.rules.skips_unreadable => {
                Some(SnapshotError::Unreadable { table: table(), key: key(), codec, reason: reason.clone() })
            }
            _ => None,
        }
    }
}

impl Default for Encoded {
    fn default() -> Self {
        Self {
            pieces: VecDeque::new(),
            begun: 0,
            met: 0,
            block: BlockBuilder::default(),
            checksum: 0,
            skipped: SkippedEntries::default(),
            result: Ok(()),
        }
    }
}
