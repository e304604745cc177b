//! What a whole cache gives back after a save and a restore, by codec.

use std::hash::{Hash, Hasher};

use cache_core::{Cache, Query, Shape, registry};
use serde::{Deserialize, Serialize};

/// A place on a map, whose coordinates are the key.
#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
struct Place {
    latitude: f64,
    longitude: f64,
}

impl Eq for Place {}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.latitude.to_bits(), self.longitude.to_bits()).hash(state);
    }
}

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = f64, capacity = 10_000, persist, codec = "json")]
struct HeightOf(Place);

/// Cannot hold every number that it is asked to read.
#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
struct Percent(u16);

impl TryFrom<u16> for Percent {
    type Error = String;

    fn try_from(number: u16) -> Result<Self, String> {
        if number <= 100 { Ok(Self(number)) } else { Err(format!("{number} % is too much")) }
    }
}

impl From<Percent> for u16 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Percent, capacity = 10_000, persist)]
struct HumidityOf(u32);

registry! {
    struct Heights {
        HeightOf,
    }
}

registry! {
    struct Weather {
        HumidityOf,
    }
}

#[test]
fn numbers_in_json_are_found_and_read_back_bit_by_bit() {
    let cache = Cache::<Heights>::new();
    // Numbers between 0 and 1 with all digits, always the same ones.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut number = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let places: Vec<(HeightOf, f64)> = (0..1_000)
        .map(|_| (HeightOf(Place { latitude: number() * 90.0, longitude: number() * 180.0 }), number()))
        .collect();
    for (place, height) in &places {
        cache.insert(place.clone(), *height);
    }
    let mut bytes = Vec::new();
    cache.save_to(&mut bytes).unwrap();

    let restored = Cache::<Heights>::new();
    assert_eq!(restored.restore_from(&bytes[..]).unwrap().restored(), 1_000);
    for (place, height) in &places {
        let found = restored.get(place).unwrap_or_else(|| panic!("{place:?} is not found"));
        assert_eq!(found.to_bits(), height.to_bits(), "{place:?}");
    }
}

#[test]
fn one_value_of_many_that_does_not_read_back_is_named_by_the_save() {
    let cache = Cache::<Weather>::new();
    for place in 0..1_000 {
        cache.insert(HumidityOf(place), Percent(if place == 567 { 101 } else { 50 }));
    }
    let told = match cache.save_to(Vec::new()) {
        Ok(report) => report.to_string(),
        Err(error) => error.to_string(),
    };
    assert!(told.contains("HumidityOf(567)") && told.contains("101 % is too much"), "{told}");
}
