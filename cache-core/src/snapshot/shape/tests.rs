//! The walk and the hash, on shapes written by hand.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

use super::fingerprint::Fnv;
use super::{Fingerprint, Layout, Shape, ShapeReport, ShapeVisitor};

fn fingerprint<T: Shape + ?Sized>() -> Fingerprint {
    ShapeReport::of::<T>().fingerprint
}

/// One node of a list: contains itself.
struct Node;
impl Shape for Node {
    fn shape(visitor: &mut ShapeVisitor) {
        const LAYOUT: Layout = Layout::new("tests::Node", "node");
        visitor.derived::<Self>(&LAYOUT, |visitor| visitor.visit::<Option<Box<Node>>>());
    }
}

/// Two types that contain each other.
struct Hen;
struct Egg;
impl Shape for Hen {
    fn shape(visitor: &mut ShapeVisitor) {
        const LAYOUT: Layout = Layout::new("tests::Hen", "hen");
        visitor.derived::<Self>(&LAYOUT, |visitor| visitor.visit::<Vec<Egg>>());
    }
}
impl Shape for Egg {
    fn shape(visitor: &mut ShapeVisitor) {
        const LAYOUT: Layout = Layout::new("tests::Egg", "egg");
        visitor.derived::<Self>(&LAYOUT, |visitor| visitor.visit::<Box<Hen>>());
    }
}

struct Leaf;
impl Shape for Leaf {
    fn shape(visitor: &mut ShapeVisitor) {
        const LAYOUT: Layout = Layout::new("tests::Leaf", "leaf");
        visitor.derived::<Self>(&LAYOUT, |_| {});
    }
}

struct Tagged;
impl Shape for Tagged {
    fn shape(visitor: &mut ShapeVisitor) {
        const LAYOUT: Layout = Layout::new("tests::Tagged", "tagged").self_describing().opaque();
        visitor.derived::<Self>(&LAYOUT, |_| {});
    }
}

/// Doubles the number of paths to its parameter.
struct Pair<T>(PhantomData<T>);
impl<T: Shape> Shape for Pair<T> {
    fn shape(visitor: &mut ShapeVisitor) {
        const LAYOUT: Layout = Layout::new("tests::Pair", "pair");
        visitor.derived::<Self>(&LAYOUT, |visitor| {
            visitor.visit::<T>();
            visitor.visit::<T>();
        });
    }
}

#[test]
fn the_hash_gives_the_published_values() {
    // RFC 9923, test vectors for FNV-1a with 128 bits.
    let of = |text: &str| {
        let mut hash = Fnv::new();
        hash.write(text.as_bytes());
        hash.finish().to_string()
    };
    assert_eq!(of(""), "6c62272e07bb014262b821756295c58d");
    assert_eq!(of("a"), "d228cb696f1a8caf78912b704e4a8964");
    assert_eq!(of("foobar"), "343e1662793c64bf6f0d3597ba446f18");
}

#[test]
fn fingerprints_are_the_same_in_every_build() {
    // Files written by released versions hold these: a change here needs a new version of the format.
    assert_eq!(fingerprint::<u64>().to_string(), "69ca679f4f757277b806e99264103d17");
    assert_eq!(
        fingerprint::<HashMap<String, Vec<(u8, Option<f32>)>>>().to_string(),
        "e2ae3f2c7e6fcbd262e1579789308ada"
    );
    assert_eq!(fingerprint::<Node>().to_string(), "423d4a29d56db590765e60e5abb33ad8");
    assert_eq!(
        ShapeReport::of_entry::<u64, Hen>().fingerprint.to_string(),
        "2750f218175220be1fa799b5818f7709"
    );
}

#[test]
fn a_fingerprint_survives_its_bytes() {
    let of = fingerprint::<Node>();
    assert_eq!(Fingerprint::from_le_bytes(of.to_le_bytes()), of);
}

#[test]
fn parameters_are_told_apart_from_what_follows_them() {
    assert_ne!(fingerprint::<(Option<u8>, u16)>(), fingerprint::<(u8, Option<u16>)>());
    assert_ne!(fingerprint::<((u8, u16), u32)>(), fingerprint::<(u8, (u16, u32))>());
    assert_ne!(fingerprint::<[u8; 3]>(), fingerprint::<[u8; 4]>());
    assert_ne!(fingerprint::<BTreeMap<u8, u16>>(), fingerprint::<BTreeMap<u16, u8>>());
}

#[test]
fn types_that_serde_writes_alike_still_differ() {
    assert_ne!(fingerprint::<usize>(), fingerprint::<u64>());
    assert_ne!(fingerprint::<Box<u64>>(), fingerprint::<u64>());
    assert_ne!(fingerprint::<String>(), fingerprint::<Box<str>>());
}

#[test]
fn hashers_and_markers_do_not_count() {
    type Foldhash = HashMap<u8, u8, foldhash::fast::FixedState>;
    assert_eq!(fingerprint::<Foldhash>(), fingerprint::<HashMap<u8, u8>>());
    assert_eq!(fingerprint::<PhantomData<u8>>(), fingerprint::<PhantomData<dyn Send>>());
}

#[test]
fn a_type_that_contains_itself_is_walked_once_and_reported() {
    for report in [ShapeReport::of::<Node>(), ShapeReport::of::<Hen>(), ShapeReport::of::<Egg>()] {
        assert!(report.is_recursive);
        assert!(report.has_unknown_depth());
    }
    assert_ne!(fingerprint::<Hen>(), fingerprint::<Egg>());
}

#[test]
fn a_type_met_twice_is_not_recursive() {
    let report = ShapeReport::of::<(Leaf, Leaf, Vec<Leaf>)>();
    assert!(!report.is_recursive);
    assert!(!report.has_unknown_depth());
    assert!(!ShapeReport::of_entry::<Leaf, Leaf>().is_recursive);
}

#[test]
fn a_type_met_again_is_not_taken_for_another_one_met_before() {
    assert_ne!(fingerprint::<(Leaf, Tagged, Leaf)>(), fingerprint::<(Leaf, Tagged, Tagged)>());
}

#[test]
fn the_walk_is_linear_in_the_number_of_types() {
    type Four<T> = Pair<Pair<Pair<Pair<T>>>>;
    type Sixteen<T> = Four<Four<Four<Four<T>>>>;
    // 2^64 paths lead to the leaf.
    type SixtyFour = Sixteen<Sixteen<Sixteen<Sixteen<Leaf>>>>;
    assert_ne!(fingerprint::<SixtyFour>(), fingerprint::<Pair<SixtyFour>>());
}

#[test]
fn marks_reach_the_report_from_any_depth() {
    let report = ShapeReport::of::<HashMap<String, Vec<Option<Tagged>>>>();
    assert_eq!(report.self_describing, Some("tests::Tagged"));
    assert!(report.is_opaque);
    assert!(report.has_unknown_depth());
    assert_eq!(ShapeReport::of::<Leaf>().self_describing, None);
}

#[test]
fn key_and_value_do_not_change_places_unseen() {
    assert_ne!(ShapeReport::of_entry::<u8, u16>(), ShapeReport::of_entry::<u16, u8>());
    assert_ne!(ShapeReport::of_entry::<u8, u16>(), ShapeReport::of::<(u8, u16)>());
}

#[test]
fn a_version_changes_the_fingerprint_and_nothing_else() {
    let plain = ShapeReport::of::<Tagged>();
    let second = plain.with_version(2);
    assert_ne!(plain.fingerprint, second.fingerprint);
    assert_ne!(plain.with_version(3).fingerprint, second.fingerprint);
    assert_eq!((second.self_describing, second.is_opaque), (plain.self_describing, plain.is_opaque));
}

#[test]
fn an_opaque_entry_is_known_by_its_names() {
    let report = ShapeReport::of_opaque_entry("a::Key", "b::Value");
    assert!(report.is_opaque);
    assert_ne!(report.fingerprint, ShapeReport::of_opaque_entry("a::Key", "b::Other").fingerprint);
    assert_ne!(report.fingerprint, ShapeReport::of_opaque_entry("a::KeyX", "b::Value").fingerprint);
}
