//! What a whole cache returns after a save and a restore, by codec.

use std::hash::{Hash, Hasher};

use cache_core::{Cache, Query, Registry, Shape, registry};
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

/// Cannot hold every number that it may have to read.
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

/// A number in JSON that may be missing.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Option<f64>, capacity = 100, persist, codec = "json")]
struct RateOf(u32);

registry! {
    struct Rates {
        RateOf,
    }
}

/// Knows only the number of elements.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<()>, capacity = 100, persist)]
struct VisitsOf(u32);

registry! {
    struct Visits {
        VisitsOf,
    }
}

/// A list that is dropped link by link.
#[derive(Debug, Shape, Serialize, Deserialize)]
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

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Links, capacity = 100, persist)]
struct LinksOf(u32);

registry! {
    struct Chains {
        LinksOf,
    }
}

/// Returns what a save says about the entries that it cannot save, as an error or in its report.
fn told<R: Registry>(cache: &Cache<R>) -> String {
    match cache.save_to(Vec::new()) {
        Ok(report) => report.to_string(),
        Err(error) => error.to_string(),
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
    let told = told(&cache);
    assert!(told.contains("HumidityOf(567)") && told.contains("101 % is too much"), "{told}");
}

#[test]
fn a_number_that_json_has_no_form_for_is_named_by_the_save_and_not_lost() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let cache = Cache::<Rates>::new();
        cache.insert(RateOf(1), None);
        cache.insert(RateOf(2), Some(0.5));
        cache.insert(RateOf(3), Some(number));
        let told = told(&cache);
        assert!(told.contains("RateOf(3)") && told.contains("infinite or NaN"), "{told}");
        cache.remove(&RateOf(3));
        let mut bytes = Vec::new();
        cache.save_to(&mut bytes).unwrap();
        let restored = Cache::<Rates>::new();
        restored.restore_from(&bytes[..]).unwrap();
        assert_eq!(restored.get(&RateOf(1)).as_deref(), Some(&None));
        assert_eq!(restored.get(&RateOf(2)).as_deref(), Some(&Some(0.5)));
    }
}

#[test]
fn lists_of_elements_without_bytes_come_back_or_are_named_by_the_save() {
    let cache = Cache::<Visits>::new();
    for (place, visits) in [(1, 3), (2, 5_000), (3, 8_192)] {
        cache.insert(VisitsOf(place), vec![(); visits]);
    }
    let mut bytes = Vec::new();
    cache.save_to(&mut bytes).unwrap();
    let restored = Cache::<Visits>::new();
    assert_eq!(restored.restore_from(&bytes[..]).unwrap().restored(), 3);
    assert_eq!(restored.get(&VisitsOf(2)).unwrap().len(), 5_000);

    cache.insert(VisitsOf(4), vec![(); 1_000_000]);
    let told = told(&cache);
    assert!(told.contains("VisitsOf(4)") && told.contains("elements that take no bytes"), "{told}");
}

#[test]
fn a_value_that_is_nested_without_end_is_named_by_the_save() {
    let cache = Cache::<Chains>::new();
    let links =
        |count| (1..count).fold(Links { next: None }, |links, _| Links { next: Some(Box::new(links)) });
    cache.insert(LinksOf(1), links(100));
    cache.insert(LinksOf(2), links(200_000));
    let told = told(&cache);
    assert!(told.contains("LinksOf(2)") && told.contains("nested deeper than 256 levels"), "{told}");
}

#[test]
fn a_table_in_json_gets_no_advice_to_use_json() {
    let error = |codec| {
        let (table, key, reason) =
            ("posts".to_owned(), "7".to_owned(), "it reads back differently".to_owned());
        cache_core::SnapshotError::Unreadable { table, key, codec, reason }.to_string()
    };
    assert_eq!(error("json"), "table `posts`: entry 7 does not survive json: it reads back differently");
    for codec in ["bincode", "postcard"] {
        assert!(error(codec).contains("use `codec = \"json\"`"), "{}", error(codec));
    }
}
