//! Reads numbers and text from a slice, with errors that say where. Allocates nothing.

use crate::snapshot::error::{Damage, SnapshotError};

/// A place in a slice of the file.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    /// Where `rest` begins, from the start of the file.
    offset: u64,
}

impl<'a> Cursor<'a> {
    /// Reads `bytes`, which begin at `offset` of the file.
    pub fn new(bytes: &'a [u8], offset: u64) -> Self {
        Self { rest: bytes, offset }
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// # Errors
    /// [`Damage::Truncated`], which names `what`, if fewer than `length` bytes are left.
    pub fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], SnapshotError> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            let missing = (length - self.rest.len()) as u64;
            return Err(Damage::Truncated { what, missing }.at(self.offset));
        };
        self.rest = rest;
        self.offset += length as u64;
        Ok(taken)
    }

    pub fn rest(&mut self) -> &'a [u8] {
        self.offset += self.rest.len() as u64;
        std::mem::take(&mut self.rest)
    }

    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], SnapshotError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    pub fn u32(&mut self, what: &'static str) -> Result<u32, SnapshotError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub fn u64(&mut self, what: &'static str) -> Result<u64, SnapshotError> {
        self.array(what).map(u64::from_le_bytes)
    }

    pub fn i64(&mut self, what: &'static str) -> Result<i64, SnapshotError> {
        self.array(what).map(i64::from_le_bytes)
    }

    pub fn text(&mut self, what: &'static str) -> Result<&'a str, SnapshotError> {
        let start = self.offset;
        let length = self.u32(what)?;
        let bytes = self.take(length as usize, what)?;
        std::str::from_utf8(bytes).map_err(|_| Damage::Value { what: "a string" }.at(start))
    }

    pub fn expect_end(&self, what: &'static str) -> Result<(), SnapshotError> {
        match self.rest.len() as u64 {
            0 => Ok(()),
            excess => Err(Damage::Excess { what, excess }.at(self.offset)),
        }
    }
}

/// Writes what [`Cursor::text`] reads. For names and tags only: anything beyond 4 GiB is cut off.
pub(crate) fn put_text(text: &str, out: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&text.as_bytes()[..length as usize]);
}
