//! Each codec against honest and forged bytes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;

use serde::Deserialize;

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
    C::encode(value, &mut bytes).expect("it can be encoded");
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

/// A length of 2^63 in each place that has one. Taken at its word it would end the process.
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
        // No bytes for an element, so only the count can end this.
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
    // `Some` in a struct with one field: one byte for each level. `Tree` has one length for each.
    let text = refused::<Bincode, Node>(&[1; 100_000]);
    assert!(text.contains("nested deeper than"), "{text}");
    refused::<Postcard, Node>(&[1; 100_000]);
    refused::<Bincode, Tree>(&1u64.to_le_bytes().repeat(100_000));
    refused::<Bincode, Kind>(&1u32.to_le_bytes().repeat(100_000));
    refused::<Postcard, Kind>(&[1; 100_000]);
    refused::<Json, Node>("{\"next\":".repeat(100_000).as_bytes());
    refused::<Json, Tree>("[".repeat(100_000).as_bytes());
}

#[test]
fn values_up_to_the_bound_decode_on_the_stack_of_a_test() {
    // A struct and an option a node; the last node has no option of its own left to enter.
    let deepest = chain(MAX_DEPTH as usize / 2 - 1);
    let bytes = encoded::<Bincode, _>(&deepest);
    assert_eq!(Bincode::decode::<Node>(&bytes), Ok(deepest));
    refused::<Bincode, Node>(&encoded::<Bincode, _>(&chain(MAX_DEPTH as usize / 2)));
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

/// How deep a thread can follow, so that the bound has a margin: prints the stack that a level takes.
#[test]
fn the_bound_leaves_room_on_a_small_stack() {
    let decode = || refused::<Bincode, Tree>(&1u64.to_le_bytes().repeat(100_000));
    let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(decode).expect("a thread");
    assert!(thread.join().expect("it does not overflow").contains("nested deeper than"));
}
