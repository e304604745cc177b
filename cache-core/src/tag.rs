//! Names under which entries are invalidated together: a string, perhaps with a key. Knows nothing of tables.

use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

/// A name under which entries are invalidated together, such as "article 7".
///
/// A tag is a name alone (`"articles"`), or a name and a key ([`Tag::new`]). `#[query(tags("articles"))]`
/// gives the first kind to all entries of a query; `#[query(tags_of = path)]` gives tags of both kinds to
/// each entry by its key. [`Cache::invalidate_tag`](crate::Cache::invalidate_tag) invalidates by both.
///
/// Two tags are equal if their names are equal and their keys write the same data to a [`Hasher`]. This data
/// is compared in full, not by a hash. Numbers are compared by their value, whatever their type: a tag of
/// `7_u64` equals one of `7`. Numbers in slices and `Vec`s must be of the same type. A struct with one field
/// equals its field, so that `ArticleId(7)` and `7` make one tag.
///
/// ```
/// use cache_core::Tag;
///
/// assert_eq!(Tag::new("article", 7_u64), Tag::new("article", 7));
/// assert_ne!(Tag::new("article", 7), Tag::new("author", 7));
/// assert_ne!(Tag::new("article", ("a", "bc")), Tag::new("article", ("ab", "c")));
/// assert_eq!(Tag::from("articles").name(), "articles");
/// ```
///
/// Up to 32 bytes of name and key need no allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// The name, [`END_OF_NAME`], and what the key wrote to a hasher.
    bytes: SmallVec<[u8; 32]>,
}

/// Never occurs in UTF-8.
const END_OF_NAME: u8 = 0xFF;

impl Tag {
    /// Creates a tag of a name and a key: the id of an article, a tuple of two ids, any value that is `Hash`.
    #[must_use]
    pub fn new(name: &str, key: impl Hash) -> Self {
        let mut bytes = SmallVec::from_slice(name.as_bytes());
        bytes.push(END_OF_NAME);
        key.hash(&mut TagRecorder(&mut bytes));
        Self { bytes }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        std::str::from_utf8(self.parts().0).unwrap_or_default()
    }

    /// Returns the bytes of name and key, which are the same on all machines of one architecture.
    #[doc(hidden)]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Creates a tag from the bytes of another one.
    #[doc(hidden)]
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self { bytes: SmallVec::from_slice(bytes) }
    }

    /// Returns whether the tag is one of these names, without a key.
    pub(crate) fn is_among(&self, names: &[&str]) -> bool {
        let (name, key) = self.parts();
        key.is_empty() && names.iter().any(|other| other.as_bytes() == name)
    }

    /// Returns name and key.
    fn parts(&self) -> (&[u8], &[u8]) {
        let end = self.bytes.iter().position(|&byte| byte == END_OF_NAME).unwrap_or(self.bytes.len());
        (&self.bytes[..end], self.bytes.get(end + 1..).unwrap_or_default())
    }
}

impl From<&str> for Tag {
    /// Creates a tag without a key.
    fn from(name: &str) -> Self {
        Self::new(name, ())
    }
}

impl From<&String> for Tag {
    fn from(name: &String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<String> for Tag {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<&Tag> for Tag {
    fn from(tag: &Tag) -> Self {
        tag.clone()
    }
}

impl Debug for Tag {
    /// Prints the name as text, and the key as bytes in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, key) = self.parts();
        let mut tag = f.debug_tuple("Tag");
        tag.field(&self.name());
        if !key.is_empty() {
            tag.field(&format_args!("{}", Hex(key)));
        }
        tag.finish()
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Records what is written to it. Each call begins with a byte for its kind and length, so different calls
/// never produce the same bytes.
struct TagRecorder<'a>(&'a mut SmallVec<[u8; 32]>);

/// The kind of a hasher call, in the lowest two bits of its first byte.
#[derive(Clone, Copy)]
enum TagKind {
    Number = 0,
    NegativeNumber = 1,
    /// A number of bytes.
    Bytes = 2,
}

impl TagRecorder<'_> {
    /// Writes the kind and 5 bits of the number, lowest first, then 7 bits in each byte. The highest bit says
    /// that more follow.
    fn record(&mut self, kind: TagKind, mut number: u128) {
        let mut byte = kind as u8 | (number as u8 & 0x1F) << 2;
        number >>= 5;
        while number > 0 {
            self.0.push(byte | 0x80);
            byte = number as u8 & 0x7F;
            number >>= 7;
        }
        self.0.push(byte);
    }

    fn record_signed(&mut self, number: i128) {
        let kind = if number < 0 { TagKind::NegativeNumber } else { TagKind::Number };
        self.record(kind, number.unsigned_abs());
    }
}

/// Numbers of all types are written in the same form.
macro_rules! numbers {
    ($($unsigned:ident $write_unsigned:ident $signed:ident $write_signed:ident;)*) => {$(
        fn $write_unsigned(&mut self, number: $unsigned) {
            self.record(TagKind::Number, number as u128);
        }

        fn $write_signed(&mut self, number: $signed) {
            self.record_signed(number as i128);
        }
    )*};
}

impl Hasher for TagRecorder<'_> {
    fn write(&mut self, bytes: &[u8]) {
        self.record(TagKind::Bytes, bytes.len() as u128);
        self.0.extend_from_slice(bytes);
    }

    numbers! {
        u8 write_u8 i8 write_i8;
        u16 write_u16 i16 write_i16;
        u32 write_u32 i32 write_i32;
        u64 write_u64 i64 write_i64;
        u128 write_u128 i128 write_i128;
        usize write_usize isize write_isize;
    }

    /// Never called.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_of_all_types_make_one_tag() {
        let tags = [
            Tag::new("a", 7_u8),
            Tag::new("a", 7_i8),
            Tag::new("a", 7_u16),
            Tag::new("a", 7_i32),
            Tag::new("a", 7_u64),
            Tag::new("a", 7_i64),
            Tag::new("a", 7_i128),
            Tag::new("a", 7_u128),
            Tag::new("a", 7_usize),
            Tag::new("a", 7_isize),
        ];
        assert!(tags.iter().all(|tag| *tag == tags[0]), "{tags:?}");
        assert_ne!(Tag::new("a", -7), tags[0]);
        assert_ne!(Tag::new("a", i128::MIN), Tag::new("a", 1_u128 << 127));
    }

    #[test]
    fn a_tag_shows_its_name_and_key() {
        assert_eq!(format!("{:?}", Tag::from("articles")), "Tag(\"articles\")");
        assert_eq!(format!("{:?}", Tag::new("article", 7)), "Tag(\"article\", 1c)");
        assert_eq!((Tag::new("é", 7).name(), Tag::new("", "x").name()), ("é", ""));
    }

    #[test]
    fn names_are_names_only_without_a_key() {
        assert!(Tag::from("b").is_among(&["a", "b"]));
        assert!(!Tag::from("c").is_among(&["a", "b"]));
        assert!(!Tag::new("b", 1).is_among(&["a", "b"]));
    }

    /// A key of some type.
    #[derive(Clone, Debug)]
    enum Key {
        Nothing,
        Number(i64),
        Text(String),
        Pair(u8, u8),
        Texts(String, String),
        Bytes(Vec<u8>),
        Maybe(Option<u16>),
    }

    fn key() -> impl Strategy<Value = Key> {
        prop_oneof![
            Just(Key::Nothing),
            any::<i64>().prop_map(Key::Number),
            (-300..300_i64).prop_map(Key::Number),
            "[a-c\u{ff}]{0,3}".prop_map(Key::Text),
            (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Key::Pair(a, b)),
            ("[ab]{0,2}", "[ab]{0,2}").prop_map(|(a, b)| Key::Texts(a, b)),
            prop::collection::vec(any::<u8>(), 0..4).prop_map(Key::Bytes),
            any::<Option<u16>>().prop_map(Key::Maybe),
        ]
    }

    fn tag(name: &str, key: &Key) -> Tag {
        match key {
            Key::Nothing => Tag::from(name),
            Key::Number(number) => Tag::new(name, number),
            Key::Text(text) => Tag::new(name, text),
            Key::Pair(a, b) => Tag::new(name, (a, b)),
            Key::Texts(a, b) => Tag::new(name, (a, b)),
            Key::Bytes(bytes) => Tag::new(name, bytes),
            Key::Maybe(number) => Tag::new(name, number),
        }
    }

    proptest! {
        /// Keys of all these types are distinguished, except those that consist of the same numbers.
        #[test]
        fn different_names_and_keys_make_different_tags(
            names in ["[ab]{0,2}", "[ab]{0,2}"], keys in [key(), key()],
        ) {
            let [one, other] = [0, 1].map(|at| tag(&names[at], &keys[at]));
            let numbers = |key: &Key| match *key {
                Key::Number(number) => Some(vec![number]),
                Key::Pair(a, b) => Some(vec![a.into(), b.into()]),
                Key::Maybe(Some(number)) => Some(vec![1, number.into()]),
                Key::Maybe(None) => Some(vec![0]),
                _ => None,
            };
            let is_same_key = match [numbers(&keys[0]), numbers(&keys[1])] {
                [Some(one), Some(other)] => one == other,
                _ => format!("{:?}", keys[0]) == format!("{:?}", keys[1]),
            };
            prop_assert_eq!(one == other, names[0] == names[1] && is_same_key);
        }
    }
}
