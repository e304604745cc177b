//! Each codec against honest and forged bytes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;

use serde::Deserialize;

use super::bounds::{FREE_ELEMENTS, MAX_DEPTH, MAX_JSON_DEPTH};
use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Unit,
    Newtype(Box<Kind>),
    Tuple(u8, i128),
    Struct { a: char, b: Option<Option<bool>> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(Vec<f64>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    kinds: Vec<Kind>,
    unit: Unit,
    nothing: (),
    wrapped: Wrapped,
    pairs: (i8, u16, i32, u64, i64, u128),
    text: String,
    map: BTreeMap<String, HashSet<u32>>,
    units: Vec<()>,
    array: [u8; 32],
    node: Option<Box<Node>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    next: Option<Box<Node>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tree(Vec<Tree>);

fn everything() -> Everything {
    let b = Some(Some(true));
    Everything {
        kinds: vec![
            Kind::Unit,
            Kind::Newtype(Box::new(Kind::Newtype(Box::new(Kind::Unit)))),
            Kind::Tuple(3, -4),
            Kind::Struct { a: 'ß', b },
        ],
        unit: Unit,
        nothing: (),
        wrapped: Wrapped(vec![1.5, -0.0]),
        pairs: (-1, 2, -3, u64::MAX, i64::MIN, u128::MAX),
        text: "text, not \0 bytes".to_owned(),
        map: BTreeMap::from([("k".to_owned(), HashSet::from([7]))]),
        units: vec![(); 5],
        array: [9; 32],
        node: Some(Box::new(chain(3))),
    }
}

fn chain(length: usize) -> Node {
    (0..length).fold(Node { next: None }, |next, _| Node { next: Some(Box::new(next)) })
}

fn encoded<C: Codec, T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    C::encode(value, &mut bytes, None).expect("it can be encoded");
    bytes
}

#[track_caller]
fn refused<C: Codec, T: DeserializeOwned + Debug>(bytes: &[u8]) -> String {
    C::decode::<T>(bytes).expect_err("it must not decode").0
}

fn comes_back<C: Codec>() {
    let bytes = encoded::<C, _>(&everything());
    assert_eq!(C::decode::<Everything>(&bytes), Ok(everything()), "{}", C::NAME);
}

#[test]
fn every_kind_of_value_comes_back_from_every_codec() {
    comes_back::<Bincode>();
    comes_back::<Postcard>();
    comes_back::<Json>();
}

#[test]
fn bincode_is_little_endian_with_fixed_integers() {
    assert_eq!(encoded::<Bincode, _>(&(1u32, "ab")), [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b']);
}

fn refuses_every_cut_and_every_rest<C: Codec>() {
    let mut bytes = encoded::<C, _>(&everything());
    for length in 0..bytes.len() {
        refused::<C, Everything>(&bytes[..length]);
    }
    bytes.push(b'0');
    refused::<C, Everything>(&bytes);
}

#[test]
fn cut_values_and_bytes_after_them_are_refused() {
    refuses_every_cut_and_every_rest::<Bincode>();
    refuses_every_cut_and_every_rest::<Postcard>();
    refuses_every_cut_and_every_rest::<Json>();
}

/// A struct that is too deep is read as one without fields. Its defaults must not stand in for them.
#[test]
fn a_struct_that_is_too_deep_does_not_end_in_its_defaults() {
    #[derive(Debug, Deserialize)]
    struct Link {
        #[serde(default)]
        _next: Option<Box<Link>>,
    }
    let levels = |count| vec![1; count];
    for some in [MAX_DEPTH as usize / 2, MAX_DEPTH as usize, 100_000] {
        for text in [refused::<Bincode, Link>(&levels(some)), refused::<Postcard, Link>(&levels(some))] {
            assert!(text.contains("nested deeper than"), "{some} levels: {text}");
        }
    }
    let whole = [levels(MAX_DEPTH as usize / 2 - 1), vec![0]].concat();
    Bincode::decode::<Link>(&whole).expect("it is not too deep");
}

/// A length of 2^63 in each place that has one. A reader that trusts it would end the process.
#[test]
fn forged_lengths_are_refused() {
    let bincode = (1u64 << 63).to_le_bytes();
    let postcard = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    fn all<C: Codec>(length: &[u8]) {
        refused::<C, String>(length);
        refused::<C, Box<str>>(length);
        refused::<C, Vec<u8>>(length);
        refused::<C, Vec<u64>>(length);
        refused::<C, Vec<[u64; 32]>>(length);
        refused::<C, HashMap<u64, String>>(length);
        refused::<C, Vec<Vec<Vec<u64>>>>(&[length, length, length].concat());
        // The elements take no bytes, so only the count can end this.
        refused::<C, Vec<()>>(length);
        refused::<C, HashSet<()>>(length);
        refused::<C, HashMap<(), ()>>(length);
        refused::<C, Vec<Vec<Unit>>>(&[length, length].concat());
    }
    all::<Bincode>(&bincode);
    all::<Postcard>(&postcard);
}

/// `serde_bytes`-like types ask for bytes, not for a sequence.
#[test]
fn forged_lengths_of_bytes_are_refused() {
    #[derive(Debug)]
    struct Bytes;
    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl serde::de::Visitor<'_> for Visitor {
                type Value = Bytes;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("bytes")
                }
                fn visit_bytes<E>(self, _: &[u8]) -> Result<Bytes, E> {
                    Ok(Bytes)
                }
            }
            deserializer.deserialize_byte_buf(Visitor)
        }
    }
    refused::<Bincode, Bytes>(&(1u64 << 40).to_le_bytes());
    assert!(Bincode::decode::<Bytes>(&[1, 0, 0, 0, 0, 0, 0, 0, 77]).is_ok());
}

#[test]
fn depth_is_bounded_in_every_codec() {
    // `Some` in a struct with one field: one byte for each level. `Tree` has one length for each level.
    let text = refused::<Bincode, Node>(&[1; 100_000]);
    assert!(text.contains("nested deeper than 256 levels"), "{text}");
    let text = refused::<Postcard, Node>(&[1; 100_000]);
    assert!(text.contains("nested deeper than 256 levels"), "{text}");
    refused::<Bincode, Tree>(&1u64.to_le_bytes().repeat(100_000));
    refused::<Bincode, Kind>(&1u32.to_le_bytes().repeat(100_000));
    refused::<Postcard, Kind>(&[1; 100_000]);
    refused::<Json, Node>("{\"next\":".repeat(100_000).as_bytes());
    refused::<Json, Tree>("[".repeat(100_000).as_bytes());
}

/// Asserts that `value` is written, and reads back, if and only if it has at most as many levels as the codec allows.
#[track_caller]
fn is_bounded<C: Codec, T>(depth: u32, most: u32, value: &T)
where
    T: Serialize + DeserializeOwned + Debug + PartialEq,
{
    let mut bytes = Vec::new();
    match C::encode(value, &mut bytes, None) {
        Ok(()) => {
            assert!(depth <= most, "{}: {depth} levels were written", C::NAME);
            assert_eq!(C::decode_within::<T>(&bytes, Margin::Quarter).as_ref(), Ok(value), "{}", C::NAME);
        }
        Err(error) => {
            assert!(depth > most, "{}: {depth} levels were refused: {error}", C::NAME);
            assert!(
                matches!(error, EncodeError::Unreadable(_)) && error.to_string().contains("nested deeper"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_value_is_written_as_deep_as_it_can_be_read_and_no_deeper() {
    for depth in
        [MAX_JSON_DEPTH - 1, MAX_JSON_DEPTH, MAX_JSON_DEPTH + 1, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1]
    {
        let tree = (1..depth).fold(Tree(Vec::new()), |tree, _| Tree(vec![tree]));
        is_bounded::<Bincode, _>(depth, MAX_DEPTH, &tree);
        is_bounded::<Postcard, _>(depth, MAX_DEPTH, &tree);
        is_bounded::<Json, _>(depth, MAX_JSON_DEPTH, &tree);
        // Each variant is a level. The last one is a level only in the binary formats.
        let kind = (1..depth).fold(Kind::Unit, |kind, _| Kind::Newtype(Box::new(kind)));
        is_bounded::<Bincode, _>(depth, MAX_DEPTH, &kind);
        is_bounded::<Postcard, _>(depth, MAX_DEPTH, &kind);
        is_bounded::<Json, _>(depth - 1, MAX_JSON_DEPTH, &kind);
    }
    for nodes in [MAX_DEPTH / 2 - 1, MAX_DEPTH / 2, MAX_DEPTH / 2 + 1] {
        // A struct and an option for each node. An option is not a level in JSON.
        is_bounded::<Bincode, _>(nodes * 2, MAX_DEPTH, &chain(nodes as usize - 1));
        is_bounded::<Postcard, _>(nodes * 2, MAX_DEPTH, &chain(nodes as usize - 1));
        is_bounded::<Json, _>(nodes, MAX_JSON_DEPTH, &chain(nodes as usize - 1));
    }
}

/// Variants with several fields are two levels in JSON.
#[test]
fn every_kind_of_variant_is_bounded_alike_in_both_directions() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Deep {
        End,
        Tuple(u8, Box<Deep>),
        Struct { of: Option<Box<Deep>> },
    }
    for depth in [31, 62, 63, 64, 65, 127, 128, 255, 256, 257] {
        let tuple = (1..depth).fold(Deep::End, |deep, _| Deep::Tuple(1, Box::new(deep)));
        is_bounded::<Bincode, _>(depth, MAX_DEPTH, &tuple);
        is_bounded::<Json, _>(2 * (depth - 1), MAX_JSON_DEPTH, &tuple);
        let fields = (1..depth).fold(Deep::End, |deep, _| Deep::Struct { of: Some(Box::new(deep)) });
        is_bounded::<Postcard, _>(2 * depth - 1, MAX_DEPTH, &fields);
        is_bounded::<Json, _>(2 * (depth - 1), MAX_JSON_DEPTH, &fields);
    }
}

/// A list that is dropped link by link, so that it can be longer than any stack.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Links {
    next: Option<Box<Links>>,
}

impl Drop for Links {
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut link) = next {
            next = link.next.take();
        }
    }
}

#[test]
fn a_value_that_is_nested_without_end_is_refused_when_it_is_written() {
    let links = (0..1_000_000).fold(Links { next: None }, |links, _| Links { next: Some(Box::new(links)) });
    for text in
        [unwritable::<Bincode, _>(&links), unwritable::<Postcard, _>(&links), unwritable::<Json, _>(&links)]
    {
        assert!(text.contains("nested deeper than"), "{text}");
    }
}

/// Each level takes many kilobytes of stack while it is read.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Large {
    numbers: [[u64; 32]; 32],
    next: Option<Box<Large>>,
}

fn large(levels: u64) -> Large {
    let level = |next, level: u64| Large { numbers: [[level; 32]; 32], next };
    (1..levels).fold(level(None, 0), |next, number| level(Some(Box::new(next)), number))
}

/// Runs on a stack of the default size, whatever the size of this one.
fn on_a_usual_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(run).expect("a thread");
    thread.join().expect("the stack does not overflow")
}

#[test]
fn depth_is_bounded_by_the_stack_that_the_levels_take() {
    fn deepest<C: Codec>() -> u64 {
        let mut deepest = 0;
        for levels in [1, 2, 4, 8, 16, 32, 64, 120] {
            let bytes = encoded::<C, _>(&large(levels));
            match C::decode::<Large>(&bytes) {
                Ok(_) => deepest = levels,
                Err(error) => assert!(error.0.contains("of stack"), "{error}"),
            }
        }
        deepest
    }
    for deepest in [
        on_a_usual_stack(deepest::<Bincode>),
        on_a_usual_stack(deepest::<Postcard>),
        on_a_usual_stack(deepest::<Json>),
    ] {
        assert!((2..120).contains(&deepest), "{deepest} levels of 8 KiB were read");
    }
}

#[test]
fn what_is_read_with_a_margin_is_read_without() {
    on_a_usual_stack(|| {
        let (mut with, mut without) = (0, 0);
        for levels in (1..120).step_by(3) {
            let bytes = encoded::<Bincode, _>(&large(levels));
            let is_read = [Margin::Quarter, Margin::None]
                .map(|margin| Bincode::decode_within::<Large>(&bytes, margin).is_ok());
            assert_ne!(is_read, [true, false], "{levels} levels");
            with += u32::from(is_read[0]);
            without += u32::from(is_read[1]);
        }
        assert!(with < without, "{with} of {without}");
    });
}

/// Returns the error of a value that must not be written.
#[track_caller]
fn unwritable<C: Codec, T: Serialize>(value: &T) -> String {
    C::encode(value, &mut Vec::new(), None).expect_err("it must not be written").to_string()
}

#[test]
fn elements_that_take_no_bytes_are_bounded_alike_in_both_directions() {
    fn all<C: Codec>() {
        let bytes = encoded::<C, _>(&vec![(); FREE_ELEMENTS]);
        assert_eq!(C::decode::<Vec<()>>(&bytes).map(|units| units.len()), Ok(FREE_ELEMENTS));
        // Each list takes a byte or more for its length.
        let lists = vec![vec![Unit; 80]; 100];
        let bytes = encoded::<C, _>(&lists);
        assert_eq!(C::decode::<Vec<Vec<Unit>>>(&bytes), Ok(lists));
        for text in [
            unwritable::<C, _>(&vec![(); 2 * FREE_ELEMENTS]),
            unwritable::<C, _>(&vec![vec![Unit; 200]; 100]),
        ] {
            assert!(text.contains("elements that take no bytes"), "{text}");
        }
    }
    all::<Bincode>();
    all::<Postcard>();
    let units = vec![(); 100_000];
    assert_eq!(Json::decode::<Vec<()>>(&encoded::<Json, _>(&units)), Ok(units));
}

/// Lists of lists that hold as many elements without bytes as one list may. They are refused in linear time
/// of the input, not quadratic.
#[test]
fn elements_that_take_no_bytes_are_bounded_in_total() {
    use std::cell::Cell;

    const LISTS: usize = 10_000;
    const INPUT: usize = 8 + LISTS * 8;

    thread_local! {
        static READ: Cell<usize> = const { Cell::new(0) };
    }

    /// Panics if it is read more often than elements are allowed.
    #[derive(Debug)]
    struct Counted;
    impl<'de> Deserialize<'de> for Counted {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            READ.set(READ.get() + 1);
            if READ.get() > INPUT + FREE_ELEMENTS {
                return Err(serde::de::Error::custom("too many elements were read"));
            }
            <()>::deserialize(deserializer).map(|()| Self)
        }
    }

    let lists = [(LISTS as u64).to_le_bytes().to_vec(), 70_000u64.to_le_bytes().repeat(LISTS)].concat();
    assert_eq!(lists.len(), INPUT);
    let text = refused::<Bincode, Vec<Vec<Counted>>>(&lists);
    assert!(text.contains("elements that take no bytes"), "{text}");
}

#[test]
fn json_writes_nothing_that_it_would_read_as_something_else() {
    #[derive(Debug, Serialize)]
    struct Optional<T>(Option<T>);

    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for text in [
            unwritable::<Json, _>(&number),
            unwritable::<Json, _>(&(number as f32)),
            unwritable::<Json, _>(&vec![1.0, number]),
            unwritable::<Json, _>(&Some(number)),
            unwritable::<Json, _>(&BTreeMap::from([(1, Optional(Some(number)))])),
        ] {
            assert!(text.contains("infinite or NaN"), "{text}");
        }
    }
    for text in [
        unwritable::<Json, _>(&Some(None::<u8>)),
        unwritable::<Json, _>(&Some(())),
        unwritable::<Json, _>(&Some(Unit)),
        unwritable::<Json, _>(&Some(Some(Some(None::<u8>)))),
        unwritable::<Json, _>(&vec![Some(Box::new(Optional(None::<u8>)))]),
        unwritable::<Json, _>(&Optional(Some(std::marker::PhantomData::<u8>))),
        unwritable::<Json, _>(&Some(serde_json::Value::Null)),
    ] {
        assert!(text.contains("would read back as `None`"), "{text}");
    }
    // These have distinct forms.
    assert_eq!(encoded::<Json, _>(&Some(Some(1))), b"1");
    assert_eq!(encoded::<Json, _>(&Some([None::<u8>])), b"[null]");
    assert_eq!(encoded::<Json, _>(&Some(Kind::Unit)), b"\"Unit\"");
    assert_eq!(encoded::<Json, _>(&((), None::<()>, Unit)), b"[null,null,null]");
}

#[test]
fn the_binary_codecs_tell_apart_what_json_does_not() {
    for value in [None, Some(None), Some(Some(()))] {
        assert_eq!(Bincode::decode(&encoded::<Bincode, _>(&value)), Ok(value));
        assert_eq!(Postcard::decode(&encoded::<Postcard, _>(&value)), Ok(value));
    }
    for number in [f64::NAN, -f64::NAN, f64::INFINITY, f64::from_bits(0x7FF0_0000_0000_0001)] {
        let bits = |number: Result<f64, CodecError>| number.map(f64::to_bits);
        assert_eq!(bits(Bincode::decode(&encoded::<Bincode, _>(&number))), Ok(number.to_bits()));
        assert_eq!(bits(Postcard::decode(&encoded::<Postcard, _>(&number))), Ok(number.to_bits()));
    }
}

#[test]
fn types_that_need_a_self_describing_format_are_refused_by_the_binary_ones() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u32),
        Text(String),
    }
    let value = Untagged::Text("t".to_owned());
    let text = refused::<Bincode, Untagged>(&encoded::<Bincode, _>(&value));
    assert!(text.contains("not self-describing"), "{text}");
    refused::<Postcard, Untagged>(&encoded::<Postcard, _>(&value));
    assert_eq!(Json::decode::<Untagged>(&encoded::<Json, _>(&value)), Ok(value));
}

/// Prints the stack that a level takes, to show the margin of the bound.
#[test]
fn the_bound_leaves_room_on_a_small_stack() {
    let decode = || refused::<Bincode, Tree>(&1u64.to_le_bytes().repeat(100_000));
    let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(decode).expect("a thread");
    assert!(thread.join().expect("it does not overflow").contains("nested deeper than"));
}
