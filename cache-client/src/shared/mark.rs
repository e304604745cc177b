//! What a drop names: keys, tables, tags, or everything; its bytes in the feed, and the numbers that it raises in the
//! state.

use std::fmt;
use std::sync::Arc;

/// How many numbers the keys share, and how many the tags. A key or tag has the one of its hash.
pub(crate) const BUCKETS: u64 = 1024;

/// Longer keys travel as their whole table.
pub const MAX_KEY: usize = 4096;

/// One key of one query. Clones share it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    table: Arc<str>,
    bytes: Arc<[u8]>,
}

/// What a drop names. A client that reads it invalidates all of that.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mark {
    /// One key.
    Key(Key),
    /// All keys of a table.
    Table(Box<str>),
    /// All keys that have a tag, in any table.
    Tag(Box<[u8]>),
    /// All keys of all shared tables.
    All,
}

/// A number of the state, which tells when something was last dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// Of the keys with this hash.
    Keys(u16),
    /// Of the tags with this hash.
    Tags(u16),
    /// Of a whole table.
    Table(Box<str>),
    /// Of everything.
    All,
}

impl Key {
    /// Creates the key of a table, from the bytes that the table's codec has written.
    #[must_use]
    pub fn new(table: &str, bytes: &[u8]) -> Self {
        Self { table: table.into(), bytes: bytes.into() }
    }

    /// Returns the name of the table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Returns the bytes that the table's codec has written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the numbers that refuse a fill of this key with these hashes of tags, if they were raised meanwhile.
    #[must_use]
    pub fn fields(&self, tags: &[u16]) -> Vec<Field> {
        let mut fields = vec![Field::Keys(bucket(&[self.table.as_bytes(), &[0], &self.bytes]))];
        fields.extend([Field::Table((*self.table).into()), Field::All]);
        fields.extend(tags.iter().map(|&tag| Field::Tags(tag)));
        fields
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.table, self.bytes.escape_ascii())
    }
}

impl Mark {
    /// Returns the mark that travels in place of this one: a key that is too long travels as its table.
    #[must_use]
    pub fn for_the_feed(self) -> Self {
        match self {
            Self::Key(key) if key.bytes.len() > MAX_KEY => Self::Table((*key.table).into()),
            mark => mark,
        }
    }

    /// Returns whether a drop of one refuses fills of the other: both raise the same number of the state.
    #[must_use]
    pub fn shares_number_with(&self, other: &Self) -> bool {
        self.field() == other.field()
    }

    /// Returns the number that a drop of it raises.
    #[must_use]
    pub fn field(&self) -> Field {
        match self {
            Self::Key(key) => Field::Keys(bucket(&[key.table.as_bytes(), &[0], &key.bytes])),
            Self::Table(table) => Field::Table(table.clone()),
            Self::Tag(tag) => Field::Tags(tag_bucket(tag)),
            Self::All => Field::All,
        }
    }

    /// The table's name and the bytes that follow, for a kind of mark that has them.
    fn parts(&self) -> (u8, &[u8], &[u8]) {
        match self {
            Self::Key(key) => (b'k', key.table.as_bytes(), &key.bytes),
            Self::Table(table) => (b'g', table.as_bytes(), &[]),
            Self::Tag(tag) => (b't', &[], tag),
            Self::All => (b'a', &[], &[]),
        }
    }

    /// Writes marks as an entry of the feed has them.
    #[must_use]
    pub fn encode(marks: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, table, rest) in marks.iter().map(Self::parts) {
            bytes.push(kind);
            for part in [table, rest] {
                // No part is as long as 4 GiB: names are short, and longer keys travel as their table.
                bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
                bytes.extend_from_slice(part);
            }
        }
        bytes
    }

    /// Reads what [`encode`](Self::encode) has written. `None` if the bytes are anything else.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let mut marks = Vec::new();
        while let Some((kind, rest)) = bytes.split_first() {
            bytes = rest;
            let table = std::str::from_utf8(take_part(&mut bytes)?).ok()?;
            let rest = take_part(&mut bytes)?;
            marks.push(match kind {
                b'k' => Self::Key(Key::new(table, rest)),
                b'g' if rest.is_empty() => Self::Table(table.into()),
                b't' if table.is_empty() => Self::Tag(rest.into()),
                b'a' if table.is_empty() && rest.is_empty() => Self::All,
                _ => return None,
            });
        }
        Some(marks)
    }
}

impl Field {
    /// Returns whether the number is about more than single keys.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        !matches!(self, Self::Keys(_))
    }

    /// Returns the name in the state's hash.
    #[must_use]
    pub fn name(&self) -> Vec<u8> {
        match self {
            Self::Keys(bucket) => format!("b{bucket}").into_bytes(),
            Self::Tags(bucket) => format!("t{bucket}").into_bytes(),
            Self::Table(table) => format!("g:{table}").into_bytes(),
            Self::All => b"all".to_vec(),
        }
    }

    /// Reads the name of a number that is about more than single keys.
    #[must_use]
    pub fn parse_wide(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?;
        if let Some(table) = name.strip_prefix("g:") {
            Some(Self::Table(table.into()))
        } else if name == "all" {
            Some(Self::All)
        } else {
            name.strip_prefix('t')?.parse().ok().map(Self::Tags)
        }
    }
}

/// The number that a tag shares with others of the same hash.
#[must_use]
pub fn tag_bucket(tag: &[u8]) -> u16 {
    bucket(&[tag])
}

/// 64-bit FNV-1a of the parts, one after the other, modulo [`BUCKETS`].
fn bucket(parts: &[&[u8]]) -> u16 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes = parts.iter().flat_map(|part| part.iter());
    let hash = bytes.fold(OFFSET, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    (hash % BUCKETS) as u16
}

fn take_part<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *bytes = rest;
    Some(part)
}

#[cfg(test)]
mod tests;
