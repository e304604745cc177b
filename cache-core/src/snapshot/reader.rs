//! Turns bytes into entries. First verifies the whole container, without reading any entry. Then decodes the
//! tables one by one. An entry that does not decode is skipped and named, and does not affect others.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use super::capture::worth;
use super::error::{Damage, SnapshotError};
use super::format::block::Block;
use super::format::bytes::Cursor;
use super::format::{End, Frame, FrameKind, Header, TableHead, WallTime, read_frame};
use super::parallel::{AHEAD, in_order};
use super::persistence::{TableCodec, TableFormat, Undecodable};
use super::report::{RestoreReport, SkipReason, SkippedEntries, SkippedEntry};
use crate::shard::saved_entries::{Downtime, Entries};

/// A snapshot whose lengths, counts and checksums are right.
#[derive(Debug)]
pub(crate) struct Snapshot<'a> {
    header: Header,
    sections: Vec<Section<'a>>,
}

/// One table of a snapshot.
#[derive(Debug)]
pub struct Section<'a> {
    head: TableHead<'a>,
    blocks: Vec<Block<'a>>,
    /// Sum over the blocks.
    entries: u64,
}

/// The decoded entries of one block. Its memory is reused for later blocks.
#[derive(Default)]
struct DecodedBlock {
    /// Least recently used first. `None` before the first block.
    entries: Option<Entries>,
    skipped: SkippedEntries,
}

impl<'a> Snapshot<'a> {
    /// Verifies all of `file`.
    ///
    /// Allocates per frame, never by a length that the file claims.
    ///
    /// # Errors
    /// [`SnapshotError`] if this is not a snapshot, has another version, or is damaged.
    pub fn parse(file: &'a [u8]) -> Result<Self, SnapshotError> {
        let header = Header::parse(file)?;
        let mut cursor = Cursor::new(file, 0);
        cursor.take(super::format::HEADER_LEN, "the header")?;
        let mut sections = Vec::<Section<'a>>::new();
        for index in 0.. {
            let frame = read_frame(&mut cursor, index)?;
            match frame.kind {
                FrameKind::Table => sections.push(Section::begin(TableHead::parse(&frame)?)),
                FrameKind::Block => match sections.last_mut() {
                    Some(section) => section.add(Block::parse(frame.body, frame.offset)?),
                    None => return Err(Damage::Value { what: "a block before any table" }.at(frame.offset)),
                },
                FrameKind::Optional => {}
                FrameKind::End => {
                    check_end(&header, &sections, &frame, &cursor)?;
                    break;
                }
            }
        }
        Ok(Self { header, sections })
    }

    /// Returns the highest revision before the save.
    pub fn revision(&self) -> u64 {
        self.header.revision
    }

    /// Returns the wall-clock time from the save to `now`; zero if the clock went backwards.
    pub fn elapsed(&self, now: SystemTime) -> Duration {
        self.header.saved_at.elapsed_until(WallTime::new(now))
    }

    /// Puts the tables of a report into the order of the file.
    pub fn sort(&self, report: &mut RestoreReport) {
        let place = |name: &str| self.sections.iter().position(|section| section.name() == name);
        report.tables.sort_by_key(|table| place(&table.name));
    }

    /// Returns the tables, in the order of the file.
    pub fn sections(&self) -> &[Section<'a>] {
        &self.sections
    }

    /// Returns the table of this name.
    pub fn section(&self, name: &str) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.head.name == name)
    }
}

impl<'a> Section<'a> {
    fn begin(head: TableHead<'a>) -> Self {
        Self { head, blocks: Vec::new(), entries: 0 }
    }

    fn add(&mut self, block: Block<'a>) {
        self.entries += block.len() as u64;
        self.blocks.push(block);
    }

    pub(crate) fn name(&self) -> &'a str {
        self.head.name
    }

    /// Returns the number of entries.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Decodes all entries as they are after `downtime`, block by block, on at most `threads` threads. Calls
    /// `take` with the entries of each block on this thread, least recently used first. Returns the entries
    /// that do not decode, which are skipped.
    ///
    /// # Errors
    /// The reason to skip the table: it was not written in the form that `codec` writes.
    pub(crate) fn decode(
        &self,
        codec: &dyn TableCodec,
        downtime: Downtime,
        threads: usize,
        take: &mut dyn FnMut(&mut Entries),
    ) -> Result<SkippedEntries, SkipReason> {
        self.admit(&codec.format())?;
        let blocks = self.numbered_blocks();
        let threads = worth(threads, usize::try_from(self.entries).unwrap_or(usize::MAX));
        let make = |place: usize, decoded: &mut DecodedBlock| {
            let (first, block) = blocks[place];
            decoded.read(codec, block, first, downtime);
        };
        let mut skipped = SkippedEntries::default();
        let taken = in_order(blocks.len(), threads, AHEAD * threads, make, |decoded| {
            if let Some(entries) = &mut decoded.entries {
                take(entries);
                entries.clear();
            }
            skipped.append(std::mem::take(&mut decoded.skipped));
            Ok::<_, Infallible>(())
        });
        match taken {
            Ok(()) => Ok(skipped),
            Err(never) => match never {},
        }
    }

    /// Returns the blocks, each with the number of its first entry.
    fn numbered_blocks(&self) -> Vec<(u64, &Block<'a>)> {
        let mut first = 0;
        let number = |block| {
            let numbered = (first, block);
            first += Block::len(block) as u64;
            numbered
        };
        self.blocks.iter().map(number).collect()
    }

    fn admit(&self, format: &TableFormat) -> Result<(), SkipReason> {
        let TableHead { codec, version, fingerprint, .. } = self.head;
        if codec != format.codec {
            return Err(SkipReason::CodecChanged { saved: codec.to_owned(), now: format.codec.to_owned() });
        }
        if version != format.version {
            return Err(SkipReason::VersionChanged { saved: version, now: format.version });
        }
        match fingerprint == format.fingerprint {
            true => Ok(()),
            false => Err(SkipReason::ShapeChanged),
        }
    }
}

impl DecodedBlock {
    /// Decodes a block; `first` is the number of its first entry within the table.
    fn read(&mut self, codec: &dyn TableCodec, block: &Block<'_>, first: u64, downtime: Downtime) {
        let new = || Entries::new(codec.pairs(block.len()), block.len());
        let entries = self.entries.get_or_insert_with(new);
        for (number, (meta, bytes)) in (first..).zip(block.entries()) {
            match codec.decode(number, bytes, &mut *entries.pairs) {
                Ok(()) => entries.metas.push(meta.after(downtime)),
                Err(Undecodable { key, reason }) => {
                    let key = || key.map(|key| codec.key_text(&*key));
                    self.skipped.push(|| SkippedEntry { key: key(), reason });
                }
            }
        }
    }
}

fn check_end(
    header: &Header,
    sections: &[Section<'_>],
    frame: &Frame<'_>,
    cursor: &Cursor<'_>,
) -> Result<(), SnapshotError> {
    let end = End::parse(frame)?;
    let entries = sections.iter().map(Section::entries).sum();
    expect_count("tables", u64::from(header.tables), sections.len() as u64, frame.offset)?;
    expect_count("entries", end.entries, entries, frame.offset)?;
    expect_count("bytes of the snapshot", end.length, cursor.offset(), frame.offset)?;
    cursor.expect_end("the snapshot")?;
    let mut names = HashSet::new();
    match sections.iter().find(|section| !names.insert(section.head.name)) {
        Some(section) => Err(Damage::Twice { name: section.head.name.to_owned() }.at(frame.offset)),
        None => Ok(()),
    }
}

fn expect_count(what: &'static str, found: u64, expected: u64, offset: u64) -> Result<(), SnapshotError> {
    match found == expected {
        true => Ok(()),
        false => Err(Damage::Count { what, found, expected }.at(offset)),
    }
}
