//! Many entries of one table as one frame: a column for each kind of bookkeeping, then the encoded entries.
//!
//! Columns, because most of them are the same for all entries and can then be left out, and because the rest can
//! be checked at once before any entry is looked at.

use super::bytes::Cursor;
use crate::clock::Nanos;
use crate::entry_times::OwnTimes;
use crate::shard::saved_entries::EntryMeta;
use crate::snapshot::error::{Damage, SnapshotError};

/// Number of entries in a full block: enough to make its frame cheap, few enough to stay in the L2 cache.
pub(crate) const FULL_ENTRIES: usize = 1024;
/// Number of entry bytes in a full block.
pub(crate) const FULL_BYTES: usize = 1024 * 1024;

/// All entries have one length, which is given once.
const UNIFORM: u32 = 1;
/// The block has marks; without the column all are zero.
const MARKS: u32 = 2;
/// The block has times to live that were given with writes.
const TTL: u32 = 4;
/// The block has freshness times that were given with writes.
const FRESH: u32 = 8;
/// The block has idle times; without the column they equal the ages.
const IDLE: u32 = 16;
/// The block has times for which stale entries may be served while they are loaded again.
const SWR: u32 = 32;
/// The block has times for which stale entries may be served when their loads fail.
const STALE_IF_ERROR: u32 = 64;
const KNOWN: u32 = UNIFORM | MARKS | TTL | FRESH | IDLE | SWR | STALE_IF_ERROR;

/// Returns one of the times that were given with a write.
type OwnTime = fn(&OwnTimes) -> Option<Nanos>;

/// The columns of the times that were given with writes, in the order of the file.
const OWN_TIMES: [(u32, OwnTime); 4] = [
    (TTL, |own| own.ttl),
    (FRESH, |own| own.fresh),
    (SWR, |own| own.swr),
    (STALE_IF_ERROR, |own| own.stale_if_error),
];

const INVALIDATED: u8 = 1;
const SURVIVOR: u8 = 2;

/// Collects entries until the block is full. Reused for later blocks, so that its buffers grow only once.
#[derive(Debug, Default)]
pub(crate) struct BlockBuilder {
    lengths: Vec<u32>,
    /// Converted to columns all at once, which is faster than one by one.
    metas: Vec<EntryMeta>,
    payload: Vec<u8>,
    /// Everything before the payload, once the block is complete.
    columns: Vec<u8>,
}

impl BlockBuilder {
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.len() >= FULL_ENTRIES || self.payload.len() >= FULL_BYTES
    }

    /// Adds an entry, whose bytes `encode` appends. After an error the block is as it was before.
    #[inline]
    pub fn push<E>(
        &mut self,
        meta: &EntryMeta,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
        too_long: impl FnOnce(TooLong) -> E,
    ) -> Result<(), E> {
        let start = self.payload.len();
        let length = encode(&mut self.payload)
            .and_then(|()| u32::try_from(self.payload.len() - start).map_err(|_| too_long(TooLong)));
        match length {
            Ok(length) => {
                self.lengths.push(length);
                self.metas.push(*meta);
                Ok(())
            }
            Err(error) => {
                self.payload.truncate(start);
                Err(error)
            }
        }
    }

    /// Builds the columns, after the last entry.
    pub fn finish(&mut self) {
        let Self { lengths, metas, columns: out, .. } = self;
        let uniform = lengths.windows(2).all(|pair| pair[0] == pair[1]);
        let flag = |is_needed, column| if is_needed { column } else { 0 };
        let columns = flag(uniform, UNIFORM)
            | flag(metas.iter().any(|meta| marks(meta) != [0; 4]), MARKS)
            | flag(metas.iter().any(|meta| meta.idle != meta.age), IDLE)
            | own_columns(metas);

        out.clear();
        out.extend_from_slice(&(lengths.len() as u32).to_le_bytes());
        out.extend_from_slice(&columns.to_le_bytes());
        put_column(if uniform { &lengths[..lengths.len().min(1)] } else { lengths }, out, |n| {
            n.to_le_bytes()
        });
        put_column(metas, out, |meta| Nanos::to_le_bytes(Some(meta.age)));
        if columns & IDLE != 0 {
            put_column(metas, out, |meta| Nanos::to_le_bytes(Some(meta.idle)));
        }
        if columns & MARKS != 0 {
            put_column(metas, out, marks);
        }
        for (_, time) in OWN_TIMES.iter().filter(|(column, _)| columns & column != 0) {
            put_column(metas, out, |meta| Nanos::to_le_bytes(time(&meta.own)));
        }
    }

    /// Returns the block's body, in pieces.
    pub fn parts(&self) -> [&[u8]; 2] {
        [&self.columns, &self.payload]
    }

    pub fn clear(&mut self) {
        self.lengths.clear();
        self.metas.clear();
        self.payload.clear();
    }
}

/// Appends a column. Reserves room once, so that no entry reallocates.
fn put_column<T, const N: usize>(values: &[T], out: &mut Vec<u8>, encode: impl Fn(&T) -> [u8; N]) {
    let start = out.len();
    out.resize(start + values.len() * N, 0);
    let (places, _) = out[start..].as_chunks_mut::<N>();
    places.iter_mut().zip(values).for_each(|(place, value)| *place = encode(value));
}

/// The columns of the times that were given with any of the writes.
fn own_columns(metas: &[EntryMeta]) -> u32 {
    if metas.iter().all(|meta| meta.own.is_none()) {
        return 0;
    }
    let needed = OWN_TIMES.iter().filter(|(_, time)| metas.iter().any(|meta| time(&meta.own).is_some()));
    needed.fold(0, |columns, (column, _)| columns | column)
}

fn marks(meta: &EntryMeta) -> [u8; 4] {
    let flags = if meta.invalidated { INVALIDATED } else { 0 } | if meta.is_survivor { SURVIVOR } else { 0 };
    [flags, meta.rank, meta.uses, 0]
}

/// One entry takes more than 4 GiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLong;

/// The body of a block's frame, cut into its columns and found to be consistent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    lengths: Lengths<'a>,
    ages: &'a [[u8; 8]],
    /// Empty when all are the ages.
    idles: &'a [[u8; 8]],
    /// Empty when all marks are zero.
    marks: &'a [[u8; 4]],
    /// As in [`OWN_TIMES`]. Empty when no write gave one.
    own: [&'a [[u8; 8]]; 4],
    payload: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
enum Lengths<'a> {
    Uniform(usize),
    Each(&'a [[u8; 4]]),
}

const WHAT: &str = "a block of entries";

impl<'a> Block<'a> {
    /// Cuts and checks the `body` that begins at `offset` of the file.
    ///
    /// # Errors
    /// Damage, if lengths and counts do not add up.
    pub fn parse(body: &'a [u8], offset: u64) -> Result<Self, SnapshotError> {
        let mut cursor = Cursor::new(body, offset);
        let count = cursor.u32(WHAT)? as usize;
        let columns = cursor.u32(WHAT)?;
        if count == 0 || columns & !KNOWN != 0 {
            return Err(Damage::Value { what: WHAT }.at(offset));
        }
        let lengths = match columns & UNIFORM {
            0 => Lengths::Each(column(&mut cursor, count)?),
            _ => Lengths::Uniform(cursor.u32(WHAT)? as usize),
        };
        let count_of = |column| if columns & column == 0 { 0 } else { count };
        let block = Self {
            lengths,
            ages: column(&mut cursor, count)?,
            idles: column(&mut cursor, count_of(IDLE))?,
            marks: column(&mut cursor, count_of(MARKS))?,
            own: [
                column(&mut cursor, count_of(TTL))?,
                column(&mut cursor, count_of(FRESH))?,
                column(&mut cursor, count_of(SWR))?,
                column(&mut cursor, count_of(STALE_IF_ERROR))?,
            ],
            payload: cursor.rest(),
        };
        block.check(offset)?;
        Ok(block)
    }

    pub fn len(&self) -> usize {
        self.ages.len()
    }

    fn check(&self, offset: u64) -> Result<(), SnapshotError> {
        let claimed: u64 = match self.lengths {
            Lengths::Uniform(length) => length as u64 * self.len() as u64,
            // At most 2^32 lengths below 2^32: the sum fits.
            Lengths::Each(lengths) => {
                lengths.iter().map(|&length| u64::from(u32::from_le_bytes(length))).sum()
            }
        };
        let there = self.payload.len() as u64;
        if claimed != there {
            return Err(
                Damage::Count { what: "bytes of entries", found: claimed, expected: there }.at(offset)
            );
        }
        match self.marks.iter().all(|&[flags, _, _, zero]| flags <= (INVALIDATED | SURVIVOR) && zero == 0) {
            true => Ok(()),
            false => Err(Damage::Value { what: "a mark of an entry" }.at(offset)),
        }
    }

    /// Returns the metadata and bytes of each entry, in order.
    #[inline]
    pub fn entries(&self) -> impl Iterator<Item = (EntryMeta, &'a [u8])> + use<'a> {
        let block = *self;
        let mut rest = block.payload;
        (0..block.len()).map(move |index| {
            // `check` found the sum of the lengths to be that of the payload.
            let (entry, after) = rest.split_at(block.length(index));
            rest = after;
            (block.meta(index), entry)
        })
    }

    #[inline]
    fn length(&self, index: usize) -> usize {
        match self.lengths {
            Lengths::Uniform(length) => length,
            Lengths::Each(lengths) => u32::from_le_bytes(lengths[index]) as usize,
        }
    }

    #[inline]
    fn meta(&self, index: usize) -> EntryMeta {
        let [flags, rank, uses, _] = self.marks.get(index).copied().unwrap_or_default();
        let age = Nanos::from_le_bytes(self.ages[index]).unwrap_or(Nanos::FOREVER);
        let time = |times: &[[u8; 8]]| times.get(index).copied().and_then(Nanos::from_le_bytes);
        let [ttls, freshes, swrs, if_error] = self.own;
        EntryMeta {
            age,
            idle: if self.idles.is_empty() { age } else { time(self.idles).unwrap_or(Nanos::FOREVER) },
            own: OwnTimes {
                ttl: time(ttls),
                fresh: time(freshes),
                swr: time(swrs),
                stale_if_error: time(if_error),
            },
            invalidated: flags & INVALIDATED != 0,
            is_survivor: flags & SURVIVOR != 0,
            rank,
            uses,
        }
    }
}

fn column<'a, const N: usize>(cursor: &mut Cursor<'a>, count: usize) -> Result<&'a [[u8; N]], SnapshotError> {
    let bytes = cursor.take(count.saturating_mul(N), WHAT)?;
    Ok(bytes.as_chunks::<N>().0)
}
