//! Writes the entries of one table, and all tables as one snapshot. Copies and encodes one piece at a time,
//! so that a save needs little memory.

use std::io::Write;
use std::time::SystemTime;

use super::capture::{Captured, CopyProgress, Noted, Prepared, worth};
use super::error::SnapshotError;
use super::format::block::{BlockBuilder, TooLong};
use super::format::{Header, WallTime};
use super::frames::{Output, ProgressFn, SaveRules, checksum};
use super::parallel::{AHEAD, in_order};
use super::persistence::TableCodec;
use super::report::{SaveReport, SkipReason, SkippedEntries, SkippedEntry, TableSave};
use crate::clock::Moment;
use crate::erased::ErasedTable;
use crate::shard::saved_entries::Entries;

/// One table at the moment of the save.
pub(crate) struct TableImage<'a> {
    name: &'a str,
    codec: &'a dyn TableCodec,
    entries: Content<'a>,
    count: usize,
    skipped: SkippedEntries,
    is_verified: bool,
}

enum Content<'a> {
    /// Until the moment of the save.
    Prepared(Prepared<'a>),
    /// Until the moment of the save, for a table that was never used before.
    Unused(&'a dyn ErasedTable),
    /// After the moment of the save for an unused table, and after a table is written.
    Nothing,
    /// Until the entries are put in order.
    Noted(Noted<'a>),
    Ordered(Box<Captured<'a>>),
}

/// How the entries of one table are encoded.
struct Encoding<'a> {
    table: &'a str,
    codec: &'a dyn TableCodec,
    codec_name: &'static str,
    rules: SaveRules,
    /// Whether each entry is read back.
    verifies: bool,
    captured: &'a Captured<'a>,
}

/// A chunk on its way from entries to a block.
struct Encoded {
    /// How far the chunk has been copied.
    progress: CopyProgress,
    /// Entries that are copied but not all encoded yet, and how many are encoded.
    piece: Option<Entries>,
    begun: usize,
    /// Whether all of the chunk is in this block or an earlier one.
    is_complete: bool,
    /// Number of entries since the block began: those in it, and those that were left out.
    met: usize,
    block: BlockBuilder,
    checksum: u32,
    skipped: SkippedEntries,
    result: Result<(), SnapshotError>,
}

impl dyn ErasedTable + '_ {
    /// Creates an image of the table, before the moment of the save; `None` if the table is not saved.
    pub(crate) fn image(&self) -> Option<TableImage<'_>> {
        let codec = self.head().codec()?;
        let entries = match self.used() {
            Some(table) => Content::Prepared(table.prepare_save(codec)),
            None => Content::Unused(self),
        };
        Some(TableImage::new(self.name(), codec, entries))
    }
}

impl<'a> TableImage<'a> {
    fn new(name: &'a str, codec: &'a dyn TableCodec, entries: Content<'a>) -> Self {
        Self { name, codec, entries, count: 0, skipped: SkippedEntries::default(), is_verified: false }
    }

    #[cfg(test)]
    pub(super) fn of_entries(name: &'a str, codec: &'a dyn TableCodec, entries: Entries) -> Self {
        Self::new(name, codec, Content::Ordered(Box::new(Captured::of_entries(codec, entries))))
    }

    /// Notes the present entries, to be copied later. Must be called while the gate is closed.
    pub(crate) fn note(&mut self, with_survivors: bool, now: Moment) {
        let prepared = match std::mem::replace(&mut self.entries, Content::Nothing) {
            Content::Prepared(prepared) => Some(prepared),
            Content::Unused(table) => table.used().map(|table| table.prepare_save(self.codec)),
            other => return self.entries = other,
        };
        if let Some(prepared) = prepared {
            self.entries = Content::Noted(prepared.note(with_survivors, now));
        }
    }

    /// Puts the entries in order. Separate from `note`, since writers wait during that.
    pub(super) fn arrange(&mut self) {
        self.entries = match std::mem::replace(&mut self.entries, Content::Nothing) {
            Content::Noted(noted) => Content::Ordered(Box::new(noted.arrange())),
            other => other,
        };
        if let Content::Ordered(captured) = &self.entries {
            self.count = captured.len();
        }
    }

    /// Returns the number of entries to be saved.
    pub(super) fn entries(&self) -> u64 {
        self.count as u64
    }

    /// Writes head and blocks of the table. Each entry is copied just before it is encoded.
    pub(super) fn write(&mut self, output: &mut Output<'_>) -> Result<(), SnapshotError> {
        let format = self.codec.format();
        output.frames.table(self.name, &format)?;
        self.is_verified = format.is_doubtful || output.rules.verifies_all;
        // Ends the save of this table: writers no longer have to put entries aside.
        let Content::Ordered(captured) = std::mem::replace(&mut self.entries, Content::Nothing) else {
            return Ok(());
        };
        self.is_verified = self.is_verified || !self.first_reads_back(&captured);
        let encoding = Encoding {
            table: self.name,
            codec: self.codec,
            codec_name: format.codec,
            rules: output.rules,
            verifies: self.is_verified,
            captured: &captured,
        };
        encoding.write(self.count, output, &mut self.skipped)
    }

    /// Returns whether the first entry reads back, if there is one. A vouched-for table whose types break
    /// their promise is likely to fail there.
    fn first_reads_back(&self, captured: &Captured<'_>) -> bool {
        let encoded =
            captured.with_first(|first| self.codec.encode(first.pairs.pair(0), true, &mut Vec::new()));
        !matches!(encoded, Some(Err(SkipReason::Unreadable { .. })))
    }

    pub(super) fn report(&self) -> TableSave {
        let skipped = self.skipped.clone();
        let entries = self.entries() - skipped.count;
        TableSave { name: self.name.to_owned(), entries, skipped, is_verified: self.is_verified }
    }
}

impl Encoding<'_> {
    /// Writes all blocks.
    fn write(
        &self,
        entries: usize,
        output: &mut Output<'_>,
        skipped: &mut SkippedEntries,
    ) -> Result<(), SnapshotError> {
        let Output { frames, steps, rules } = output;
        let make = |chunk: usize, encoded: &mut Encoded| {
            encoded.progress = CopyProgress::of(chunk);
            self.encode(encoded);
        };
        let threads = worth(rules.threads, entries);
        in_order(self.captured.chunks(), threads, AHEAD * threads, make, |encoded| {
            loop {
                std::mem::replace(&mut encoded.result, Ok(()))?;
                frames.block(&encoded.block, encoded.checksum)?;
                skipped.append(std::mem::take(&mut encoded.skipped));
                steps.advance(encoded.met);
                if encoded.is_complete {
                    return Ok(());
                }
                // Longer than a block: this is too rare to be worth another thread.
                self.encode(encoded);
            }
        })
    }

    /// Encodes what fits into one block.
    fn encode(&self, encoded: &mut Encoded) {
        encoded.block.clear();
        encoded.met = 0;
        encoded.result = self.fill(encoded);
        encoded.block.finish();
        encoded.checksum = checksum(&encoded.block.parts());
    }

    fn fill(&self, encoded: &mut Encoded) -> Result<(), SnapshotError> {
        encoded.is_complete = false;
        while !encoded.block.is_full() {
            let piece = match &mut encoded.piece {
                Some(piece) => piece,
                None => match self.captured.next_piece(&mut encoded.progress) {
                    Some(piece) => encoded.piece.insert(piece),
                    None => {
                        encoded.is_complete = true;
                        return Ok(());
                    }
                },
            };
            let first = encoded.begun;
            let mut next = first;
            let result = self.fill_from(piece, &mut next, &mut encoded.block, &mut encoded.skipped);
            encoded.met += next - first;
            encoded.begun = next;
            if next == piece.len() {
                encoded.piece = None;
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

    /// Returns the error of the save, if an entry that cannot be saved fails it.
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
            progress: CopyProgress::default(),
            piece: None,
            begun: 0,
            is_complete: false,
            met: 0,
            block: BlockBuilder::default(),
            checksum: 0,
            skipped: SkippedEntries::default(),
            result: Ok(()),
        }
    }
}

/// Writes `tables` as one snapshot.
///
/// # Errors
/// `Stream` if `out` fails; `Encode` and `Unreadable` unless `rules` leave out such entries.
pub(crate) fn write_snapshot(
    out: &mut dyn Write,
    saved_at: SystemTime,
    revision: u64,
    tables: &mut [TableImage<'_>],
    rules: SaveRules,
    progress: ProgressFn<'_>,
) -> Result<SaveReport, SnapshotError> {
    tables.iter_mut().for_each(|table| table.arrange());
    let entries = tables.iter().map(|table| table.entries()).sum();
    // A registry is a struct with a field per table.
    let count = u32::try_from(tables.len()).unwrap_or(u32::MAX);
    let header = Header { saved_at: WallTime::new(saved_at), revision, tables: count };
    let mut output = Output::begin(out, &header, entries, rules, progress)?;
    tables.iter_mut().try_for_each(|table| table.write(&mut output))?;
    let bytes = output.end()?;
    let tables = tables.iter().map(|table| table.report()).collect();
    Ok(SaveReport { tables, not_persisted: Vec::new(), bytes })
}
