//! The entries of one table on their way out, the query known here and forgotten by the writer. Encodes one chunk at a
//! time, so that a save needs little memory beside the copies.

use std::fmt;

use super::crew::in_order;
use super::entry::SavedEntry;
use super::error::SnapshotError;
use super::format::block::BlockBuilder;
use super::moment::{Chunk, Copies, fetch, worth};
use super::output::{Output, checksum};
use super::persistence::{TableCodec, TableFormat};
use super::report::{SkippedEntries, TableSave};

use crate::query::Query;
use crate::sync::Mutex;

/// Blocks that may wait for each thread to be written: enough that nobody waits for one who is held up for a moment,
/// few enough that blocks of large values take little memory.
const AHEAD: usize = 8;

/// [`TableImage`] for those who only pass it on.
pub struct Image<'a>(pub(crate) Box<dyn TableImage + 'a>);

/// One table at the moment of the save, its query forgotten.
pub(crate) trait TableImage: Send {
    /// Puts the entries in order and takes out those that the codec refuses. Not done when the image is made: writers
    /// wait meanwhile, and values may be dropped by this, whose `Drop` may write to the cache and would wait for the
    /// gate that its own thread keeps closed.
    fn arrange(&mut self);
    /// Number of entries that will be written.
    fn entries(&self) -> u64;
    /// Writes head and blocks of the table. Each entry is let go of when it is encoded.
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
    refused: SkippedEntries,
}

/// A chunk on its way from entries to a block.
struct Encoded<Q: Query> {
    /// The entries that are not encoded yet.
    entries: Vec<SavedEntry<Q>>,
    block: BlockBuilder,
    checksum: u32,
    result: Result<(), SnapshotError>,
}

impl<'a, Q: Query> QueryImage<'a, Q> {
    pub fn new(name: &'a str, codec: &'a dyn TableCodec<Q>, copies: impl Into<Copies<Q>>) -> Self {
        let copies = Some(copies.into());
        Self { name, codec, copies, chunks: Vec::new(), entries: 0, refused: SkippedEntries::default() }
    }

    /// Encodes what fits into one block, and lets go of it.
    fn encode(&self, format: &TableFormat, is_first: bool, encoded: &mut Encoded<Q>) {
        let Encoded { entries, block, .. } = encoded;
        block.clear();
        encoded.result = self.fill(format, is_first, entries, block);
        block.finish();
        encoded.checksum = checksum(&block.parts());
        entries.drain(..block.len());
    }

    fn fill(
        &self,
        format: &TableFormat,
        is_first: bool,
        entries: &[SavedEntry<Q>],
        block: &mut BlockBuilder,
    ) -> Result<(), SnapshotError> {
        fetch(entries.iter().map(|entry| &entry.value));
        let (table, codec) = (self.name.to_owned(), format.codec);
        let key =
            |index: usize| entries.get(index).map_or_else(String::new, |entry| format!("{:?}", entry.key));
        if let Err(error) = self.codec.encode(entries, block) {
            return Err(SnapshotError::Encode { table, key: key(block.len()), codec, reason: error.0 });
        }
        // The first entry of the table, or all of them when its types are doubtful.
        let count = if format.is_doubtful { block.len() } else { usize::from(is_first) };
        for (index, bytes) in block.payloads().take(count).enumerate() {
            if let Err(error) = self.codec.verify(bytes) {
                return Err(SnapshotError::Unreadable { table, key: key(index), codec, reason: error.0 });
            }
        }
        Ok(())
    }
}

impl<Q: Query> TableImage for QueryImage<'_, Q> {
    fn arrange(&mut self) {
        self.chunks = self.copies.take().map_or_else(Vec::new, Copies::into_chunks);
        for chunk in &mut self.chunks {
            for piece in chunk.pieces_mut() {
                self.codec.refuse(piece).into_iter().for_each(|entry| self.refused.push(|| entry));
            }
        }
        self.chunks.retain(|chunk| chunk.len() > 0);
        self.entries = self.chunks.iter().map(Chunk::len).sum();
    }

    fn entries(&self) -> u64 {
        self.entries as u64
    }

    fn write(&mut self, output: &mut Output<'_>) -> Result<(), SnapshotError> {
        let Output { frames, steps, threads } = output;
        let format = self.codec.format();
        frames.table(self.name, &format)?;
        let mut chunks = Vec::with_capacity(self.chunks.len());
        for chunk in std::mem::take(&mut self.chunks) {
            chunks.push(Mutex::new(chunk));
        }
        let image = &*self;
        let make = |number: usize, encoded: &mut Encoded<Q>| {
            let chunk = std::mem::take(&mut *chunks[number].lock());
            chunk.append_to(&mut encoded.entries);
            image.encode(&format, number == 0, encoded);
        };
        let threads = worth(*threads, self.entries);
        in_order(chunks.len(), threads, AHEAD * threads, make, |encoded| {
            loop {
                std::mem::replace(&mut encoded.result, Ok(()))?;
                frames.block(&encoded.block.parts(), encoded.checksum)?;
                steps.advance(encoded.block.len());
                if encoded.entries.is_empty() {
                    return Ok(());
                }
                // More than a block: too few of them to be worth another thread.
                image.encode(&format, false, encoded);
            }
        })
    }

    fn report(&self) -> TableSave {
        TableSave { name: self.name.to_owned(), entries: self.entries(), skipped: self.refused.clone() }
    }
}

impl<Q: Query> Default for Encoded<Q> {
    fn default() -> Self {
        Self { entries: Vec::new(), block: BlockBuilder::default(), checksum: 0, result: Ok(()) }
    }
}

impl fmt::Debug for Image<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Image").field(&self.0.report()).finish()
    }
}
