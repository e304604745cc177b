//! A value as it lies in the server: what says whether it may still be used, then bytes that only the client reads.

use crate::shared::ids::Epoch;

/// The first byte of an envelope of this version.
const VERSION: u8 = 1;

/// The bytes before the tags.
const HEAD: usize = 35;

/// Envelopes with more tags are refused, by the scripts too.
const MAX_TAGS: usize = 1024;

/// A value with the number that its load began at. It may be used as long as nothing was dropped after that number
/// that it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The epoch in which the load began.
    pub epoch: Epoch,
    /// How many drops the state had counted when the load began.
    pub number: u64,
    /// The server's time when the load began, in milliseconds since 1970.
    pub began: u64,
    /// The hashes of its tags, sorted, each once: see [`tag_bucket`](super::protocol::tag_bucket).
    pub tags: Vec<u16>,
    /// What the client has stored.
    pub body: Vec<u8>,
}

impl Envelope {
    /// Writes the envelope's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + 2 * self.tags.len() + self.body.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.epoch.0);
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.began.to_be_bytes());
        // More tags than fit cannot be: there are fewer hashes.
        bytes.extend_from_slice(&u16::try_from(self.tags.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend(self.tags.iter().flat_map(|tag| tag.to_be_bytes()));
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Reads an envelope, which takes the memory of the bytes. `None` if they are anything else, or of another version.
    #[must_use]
    pub fn decode(mut bytes: Vec<u8>) -> Option<Self> {
        let (&[VERSION], rest) = bytes.split_first_chunk()? else { return None };
        let (&epoch, rest) = rest.split_first_chunk()?;
        let (&number, rest) = rest.split_first_chunk()?;
        let (&began, rest) = rest.split_first_chunk()?;
        let (&count, rest) = rest.split_first_chunk()?;
        let count = usize::from(u16::from_be_bytes(count));
        if count > MAX_TAGS {
            return None;
        }
        let (tags, _) = rest.split_at_checked(2 * count)?;
        let tags = tags.chunks_exact(2).map(|tag| u16::from_be_bytes([tag[0], tag[1]])).collect();
        let (number, began) = (u64::from_be_bytes(number), u64::from_be_bytes(began));
        bytes.drain(..HEAD + 2 * count);
        Some(Self { epoch: Epoch(epoch), number, began, tags, body: bytes })
    }
}

#[cfg(test)]
mod tests;
