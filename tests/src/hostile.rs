//! Input for the snapshot reader in tests and under the fuzzer: a cache of types of every kind, honest
//! snapshots of it, and a way to make forged ones pass their checksums.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use cache_core::{Cache, Clock, ManualClock, Query, Shape, SystemClock, registry};
use serde::{Deserialize, Serialize};

/// A type that contains itself in every way.
#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
#[expect(missing_docs, reason = "their content does not matter")]
pub enum Tree {
    Leaf,
    Boxed(Box<Tree>),
    Many(Vec<Tree>),
    Maybe { next: Option<Box<Tree>> },
    Named(BTreeMap<String, Tree>),
}

/// A type with a length in many places.
#[derive(Clone, Debug, Default, PartialEq, Shape, Serialize, Deserialize)]
#[expect(missing_docs, reason = "their content does not matter")]
pub struct Lengths {
    pub text: String,
    pub bytes: Vec<u8>,
    pub numbers: Vec<u64>,
    pub nested: Vec<Vec<Vec<u32>>>,
    pub map: HashMap<u64, String>,
    pub pairs: Vec<(String, Option<Box<str>>)>,
    pub units: Vec<()>,
}

macro_rules! queries {
    ($($name:ident: $value:ty, $codec:literal;)*) => {$(
        /// One table for each type and codec.
        #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[query(value = $value, capacity = 100, persist, codec = $codec)]
        pub struct $name(pub String);
    )*};
}

queries! {
    TreeInBincode: Tree, "bincode";
    TreeInPostcard: Tree, "postcard";
    TreeInJson: Tree, "json";
    LengthsInBincode: Lengths, "bincode";
    LengthsInPostcard: Lengths, "postcard";
    LengthsInJson: Lengths, "json";
}

registry! {
    /// Tables of types of every kind.
    pub struct ManyTypes {
        TreeInBincode,
        TreeInPostcard,
        TreeInJson,
        LengthsInBincode,
        LengthsInPostcard,
        LengthsInJson,
    }
}

/// Returns an empty cache.
///
/// # Panics
/// Never: the registry above is valid.
#[must_use]
pub fn many_types(clock: impl Clock) -> Cache<ManyTypes> {
    let builder = Cache::builder().clock(clock).register::<Lengths>("lengths").register::<u32>("number");
    builder.build().expect("the registry is valid")
}

/// Restores `bytes`, as they are and with corrected checksums. Saves and restores the result again, so it
/// must be valid content of a cache.
///
/// # Panics
/// If the reader violates one of these guarantees.
pub fn feed(bytes: &[u8]) {
    restore(bytes);
    let mut mended = bytes.to_vec();
    mend(&mut mended);
    restore(&mended);
}

fn restore(bytes: &[u8]) {
    let cache = many_types(SystemClock::new());
    match cache.restore_from(bytes) {
        Err(_) => assert!(cache.is_empty() && cache.revision().is_none(), "an error changes nothing"),
        Ok(report) => {
            // A forged file may have a key twice.
            assert!(report.restored() >= cache.len() as u64);
            let mut again = Vec::new();
            cache.save_to(&mut again).expect("what was read can be written");
            let report = many_types(SystemClock::new())
                .restore_from(&again[..])
                .expect("what was written can be read");
            assert_eq!(report.restored(), cache.len() as u64);
        }
    }
}

/// Length of the header; the frames follow.
pub const HEADER: usize = 48;
/// Length of the head of a frame.
pub const HEAD: usize = 24;

/// Corrects the checksums of header and frames, and the length in the last frame, as far as they can be
/// followed.
pub fn mend(file: &mut [u8]) {
    let whole = file.len() as u64;
    let Some((header, mut rest)) = file.split_at_mut_checked(HEADER) else { return };
    seal(header);
    while let Some((head, bodies)) = rest.split_at_mut_checked(HEAD) {
        let length = u64::from_le_bytes(std::array::from_fn(|at| head[8 + at]));
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(bodies.len());
        let (body, next) = bodies.split_at_mut(length);
        if head.starts_with(b"ENDS") && body.len() == 16 {
            body[8..].copy_from_slice(&whole.to_le_bytes());
        }
        head[16..20].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
        seal(head);
        rest = next;
    }
}

/// Returns the range of each frame of an honest snapshot, head and body.
///
/// # Panics
/// If the lengths exceed the file.
#[must_use]
pub fn frames(file: &[u8]) -> Vec<Range<usize>> {
    let mut frames = Vec::new();
    let mut start = HEADER;
    while start < file.len() {
        let length = u64::from_le_bytes(std::array::from_fn(|at| file[start + 8 + at]));
        let end = start + HEAD + usize::try_from(length).expect("the body fits into memory");
        frames.push(start..end);
        start = end;
    }
    frames
}

/// Puts the checksum of the rest into the last four bytes.
fn seal(part: &mut [u8]) {
    let (checked, checksum) = part.split_at_mut(part.len() - 4);
    checksum.copy_from_slice(&crc32fast::hash(checked).to_le_bytes());
}

/// Returns honest snapshots, small enough to be changed byte by byte.
///
/// # Panics
/// Never: the values can be saved.
#[must_use]
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let save = |fill: &dyn Fn(&Cache<ManyTypes>)| {
        // A clock that stands still, so that the same bytes come out each time.
        let cache = many_types(ManualClock::new());
        fill(&cache);
        let mut bytes = Vec::new();
        cache.save_to(&mut bytes).expect("the values can be saved");
        bytes
    };
    let key = || "k".to_owned();
    vec![
        ("empty", save(&|_| {})),
        (
            "trees",
            save(&|cache| {
                cache.insert(TreeInBincode(key()), tree());
                cache.insert(TreeInPostcard(key()), tree());
                cache.insert(TreeInJson(key()), tree());
            }),
        ),
        (
            "lengths",
            save(&|cache| {
                cache.insert(LengthsInBincode(key()), lengths());
                cache.insert(LengthsInPostcard(key()), lengths());
                cache.insert(LengthsInJson(key()), lengths());
            }),
        ),
        (
            "dynamic",
            save(&|cache| {
                cache.dynamic().insert::<Lengths>("l", lengths());
                cache.dynamic().insert::<u32>("n", 5);
            }),
        ),
        (
            "many",
            save(&|cache| {
                (0..20).for_each(|id| drop(cache.insert(TreeInBincode(id.to_string()), Tree::Leaf)));
                cache.invalidate(&TreeInBincode("3".to_owned()));
            }),
        ),
    ]
}

pub(crate) fn tree() -> Tree {
    let named = BTreeMap::from([("a".to_owned(), Tree::Maybe { next: Some(Box::new(Tree::Leaf)) })]);
    Tree::Many(vec![Tree::Boxed(Box::new(Tree::Leaf)), Tree::Named(named), Tree::Maybe { next: None }])
}

pub(crate) fn lengths() -> Lengths {
    Lengths {
        text: "text".to_owned(),
        bytes: vec![1, 2, 3],
        numbers: vec![4, 5],
        nested: vec![vec![vec![6], vec![]], vec![]],
        map: HashMap::from([(7, "seven".to_owned())]),
        pairs: vec![("p".to_owned(), None), ("q".to_owned(), Some("r".into()))],
        units: vec![(), ()],
    }
}
