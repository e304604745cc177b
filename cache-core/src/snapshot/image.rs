//! The entries of one table on their way out, the query known here and forgotten by the writer. Encodes one chunk at a
//! time, so that a save needs little memory beside the copies.

use std::fmt;
use std::slice;

use super::crew::in_order;
use super::entry::SavedEntry;
use super::error::SnapshotError;
use super::format::block::BlockBuilder;
use super::moment::{Chunk, Copies, fetch, worth};
use super::output::{Output, SaveRules, checksum};
use super::persistence::TableCodec;
use super::report::{SkipReason, SkippedEntries, SkippedEntry, TableSave};

use crate::query::Query;
use crate::sync::Mutex;

/// Blocks that may wait for each thread to be written: enough that nobody waits for one who is held up for a moment,
/// few enough that blocks of large values take little memory.
const AHEAD: usize = 8;

/// [`TableImage`] for those who only pass it on.
pub struct Image<'a>(pub(crate) Box<dyn TableImage + 'a>);

/// One table at the moment of the save, its query forgotten.
pub(crate) trait TableImage: Send {
    /// Puts the entries in order. Not done when the image is made, since writers wait meanwhile.
    fn arrange(&mut self);
    /// Number of entries that are to be saved.
    fn entries(&self) -> u64;
    /// Writes head and blocks of the table. Each entry is dropped once it is encoded.
    fn write(&mut self, output: &mut Output<'_>) -> Result<(), SnapshotError>;
    fn report(&self) -> TableSave;
}

/// The entries of one query at the moment of the save.
pub(crate) struct QueryImage<'a, Q: Query> {
    name: &'a str,
    codec: &'a dyn TableCodec<Q>,
    /// Until they are arranged.
    copies: Option<Copies<Q>>,
    /// Until they are written.
    chunks: Vec<Chunk<Q>>,
    entries: usize,
    skipped: SkippedEntries,
    is_verified: bool,
}

/// How the entries of one table are encoded.
struct Encoding<'a, Q: Query> {
    table: &'a str,
    codec: &'a dyn TableCodec<Q>,
    rules: SaveRules,
    /// Each entry is read back.
    verifies: bool,
}

/// A chunk on its way from entries to a block.
struct Encoded<Q: Query> {
    /// The entries that are not encoded yet.
    entries: Vec<SavedEntry<Q>>,
    /// Entries that were met since the block was begun: those in it, and those that were left out.
    met: usize,
    block: BlockBuilder,
    checksum: u32,
    skipped: SkippedEntries,
    result: Result<(), SnapshotError>,
}

impl<'a, Q: Query> QueryImage<'a, Q> {
    pub fn new(name: &'a str, codec: &'a dyn TableCodec<Q>, copies: impl Into<Copies<Q>>) -> Self {
        let copies = Some(copies.into());
        let skipped = SkippedEntries::default();
        Self { name, codec, copies, chunks: Vec::new(), entries: 0, skipped, is_verified: false }
    }

    /// Whether the first entry reads back, if there is one: a vouched-for table whose types break their promise is
    /// likely to show it there.
    fn first_reads_back(&self) -> bool {
        let Some(first) = self.chunks.iter().find_map(Chunk::first) else { return true };
        let encoded = self.codec.encode(slice::from_ref(first), true, &mut BlockBuilder::default());
        !matches!(encoded, Err(SkipReason::Unreadable { .. }))
    }
}

impl<Q: Query> Encoding<'_, Q> {
    /// Encodes what fits into one block, and drops it.
    fn encode(&self, encoded: &mut Encoded<Q>) {
        encoded.block.clear();
        fetch(encoded.entries.iter().map(|entry| &entry.value));
        encoded.result = self.fill(encoded);
        encoded.block.finish();
        encoded.checksum = checksum(&encoded.block.parts());
        encoded.entries.drain(..encoded.met);
    }

    fn fill(&self, encoded: &mut Encoded<Q>) -> Result<(), SnapshotError> {
        let Encoded { entries, met, block, skipped, .. } = encoded;
        *met = 0;
        loop {
            let before = block.len();
            let result = self.codec.encode(&entries[*met..], self.verifies, block);
            *met += block.len() - before;
            let Err(reason) = result else { return Ok(()) };
            let key = || self.codec.key_text(&entries[*met].key);
            if let Some(error) = self.failure(&reason, key) {
                return Err(error);
            }
            skipped.push(|| SkippedEntry { key: Some(key()), reason });
            *met += 1;
        }
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

impl<Q: Query> TableImage for QueryImage<'_, Q> {
    fn arrange(&mut self) {
        self.chunks = self.copies.take().map_or_else(Vec::new, Copies::into_chunks);
        self.entries = self.chunks.iter().map(Chunk::len).sum();
    }

    fn entries(&self) -> u64 {
        self.entries as u64
    }

    fn write(&mut self, output: &mut Output<'_>) -> Result<(), SnapshotError> {
        let Output { frames, steps, rules } = output;
        let format = self.codec.format();
        frames.table(self.name, &format)?;
        self.is_verified = format.is_doubtful || rules.verifies_all || !self.first_reads_back();
        let encoding =
            Encoding { table: self.name, codec: self.codec, rules: *rules, verifies: self.is_verified };
        let mut chunks = Vec::with_capacity(self.chunks.len());
        for chunk in std::mem::take(&mut self.chunks) {
            chunks.push(Mutex::new(chunk));
        }
        let make = |number: usize, encoded: &mut Encoded<Q>| {
            let chunk = std::mem::take(&mut *chunks[number].lock());
            chunk.append_to(&mut encoded.entries);
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
                if encoded.entries.is_empty() {
                    return Ok(());
                }
                // More than a block: too few of them to be worth another thread.
                encoding.encode(encoded);
            }
        })
    }

    fn report(&self) -> TableSave {
        let skipped = self.skipped.clone();
        let entries = self.entries() - skipped.count;
        TableSave { name: self.name.to_owned(), entries, skipped, is_verified: self.is_verified }
    }
}

impl<Q: Query> Default for Encoded<Q> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            met: 0,
            block: BlockBuilder::default(),
            checksum: 0,
            skipped: SkippedEntries::default(),
            result: Ok(()),
        }
    }
}

impl fmt::Debug for Image<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Image").field(&self.0.report()).finish()
    }
}
