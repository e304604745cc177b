//! Each codec reads back what it wrote, type by type, for any value.

use std::collections::BTreeMap;
use std::fmt::Debug;

use cache_core::__private::codec::{Bincode, Codec, Json, Postcard};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Returns `value` after one codec has written and read it.
fn through<C: Codec, T: Serialize + DeserializeOwned>(value: &T) -> T {
    let mut bytes = Vec::new();
    C::encode(value, &mut bytes, None).expect("it can be encoded");
    C::decode(&bytes).expect("it can be decoded")
}

/// Asserts that every codec reads back `value`, compared by `Debug`, which distinguishes all floats.
#[track_caller]
fn comes_back<T: Serialize + DeserializeOwned + Debug>(value: &T) {
    let text = format!("{value:?}");
    assert_eq!(format!("{:?}", through::<Bincode, T>(value)), text, "bincode");
    assert_eq!(format!("{:?}", through::<Postcard, T>(value)), text, "postcard");
    assert_eq!(format!("{:?}", through::<Json, T>(value)), text, "json");
}

/// Returns any finite `f64`, with even odds for each exponent.
fn finite() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |number| number.is_finite())
}

fn finite_single() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |number| number.is_finite())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn floats(double in finite(), single in finite_single()) {
        comes_back(&(double, single));
    }

    #[test]
    fn floats_inside_other_types(
        list in prop::collection::vec(finite(), 0..4),
        map in prop::collection::btree_map(any::<u8>(), finite_single(), 0..4),
        optional in prop::option::of(finite()),
    ) {
        let map: BTreeMap<u8, f32> = map;
        comes_back(&(list, map, optional));
    }
}

#[test]
fn floats_at_the_edges() {
    for double in [0.0, -0.0, f64::MIN_POSITIVE, 5e-324, -5e-324, f64::MAX, f64::MIN, f64::EPSILON, 0.1 + 0.2]
    {
        comes_back(&double);
    }
    for single in [0.0, -0.0, f32::MIN_POSITIVE, 1e-45, -1e-45, f32::MAX, f32::MIN, f32::EPSILON, 0.1 + 0.2] {
        comes_back(&single);
    }
}
