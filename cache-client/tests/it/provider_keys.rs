//! The keys that a provider gets: readable, and different for different queries.

use std::collections::HashMap;

use cache_client::{App, Client, TokioClock};
use cache_core::{Cache, Query, registry};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

macro_rules! keyed {
    ($($item:item)*) => {$(
        #[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[query(value = u8, capacity = 10, persist, opaque)]
        $item
    )*};
}

keyed! {
    pub struct Front;
    pub struct Post(pub u64);
    pub struct Person {
        pub name: String,
        pub age: Option<i32>,
    }
    /// Not in the order of their names, and more than ten.
    pub struct Wide(pub u8, pub u8, pub u8, pub u8, pub u8, pub u8, pub u8, pub u8, pub u8, pub u8, pub u8);
    /// Scalars of all kinds that a key can have.
    pub struct Scalars {
        pub text: String,
        pub letter: char,
        pub is_set: bool,
        pub small: i8,
        pub large: u128,
        pub maybe: Option<String>,
        pub order: Option<Order>,
        pub id: Wrapped,
        pub any: Any,
    }
    /// Flat unless the filter has content.
    pub struct Search {
        pub filter: Filter,
        pub tags: Option<Vec<String>>,
    }
    pub struct Nested(pub Person);
    #[query(name = "50% & more;")]
    pub struct Oddly {
        #[serde(rename = "a=b&c")]
        pub named: u8,
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, capacity = 10)]
pub struct Unkept(pub u8);

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Order {
    New,
    True,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wrapped(pub Option<u16>);

/// Values of several types in one place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Any {
    Flag(bool),
    Number(i64),
    Text(String),
    Nested(Option<Option<u8>>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Filter {
    All,
    Named(String),
}

registry! {
    pub struct KeyedRegistry {
        crate::provider_keys::Front,
        crate::provider_keys::Post,
        crate::provider_keys::Person,
        crate::provider_keys::Wide,
        crate::provider_keys::Scalars,
        crate::provider_keys::Search,
        crate::provider_keys::Nested,
        crate::provider_keys::Oddly,
        crate::provider_keys::Unkept,
    }
}

struct Keyed;

impl App for Keyed {
    type Registry = KeyedRegistry;
}

fn client() -> Client<Keyed> {
    let cache = Cache::<KeyedRegistry>::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, Keyed).build()
}

fn person(name: &str, age: Option<i32>) -> Person {
    Person { name: name.to_owned(), age }
}

#[test]
fn flat_keys_are_readable_and_in_the_order_of_their_fields() {
    let client = client();
    assert_eq!(client.provider_key(&Front).unwrap(), "front;");
    assert_eq!(client.provider_key(&Post(7)).unwrap(), "post;0=7");
    assert_eq!(client.provider_key(&person("Ada", Some(-36))).unwrap(), "person;age=-36&name=Ada");
    assert_eq!(client.provider_key(&person("", None)).unwrap(), "person;age=-&name=");
    let scalars = Scalars {
        text: "a b=c&d~ü".to_owned(),
        letter: 'x',
        is_set: true,
        small: -1,
        large: u128::MAX,
        maybe: None,
        order: Some(Order::New),
        id: Wrapped(Some(3)),
        any: Any::Number(5),
    };
    assert_eq!(
        client.provider_key(&scalars).unwrap(),
        "scalars;any=5&id=3&is_set=true&large=340282366920938463463374607431768211455&letter=x&maybe=-&order=New\
         &small=-1&text=a%20b%3Dc%26d%7E%C3%BC"
    );
    let wide = Wide(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    assert_eq!(client.provider_key(&wide).unwrap(), "wide;0=0&1=1&10=10&2=2&3=3&4=4&5=5&6=6&7=7&8=8&9=9");
    let oddly = client.provider_key(&Oddly { named: 1 }).unwrap();
    assert_eq!(oddly, "50%25%20%26%20more%3B;a%3Db%26c=1");
}

#[test]
fn text_is_never_taken_for_a_value_of_another_type() {
    let client = client();
    for (name, shown) in [
        ("7", "%37"),
        ("-7", "%2D7"),
        ("-", "%2D"),
        ("true", "%74rue"),
        ("false", "%66alse"),
        ("truer", "truer"),
        ("a7", "a7"),
    ] {
        let key = client.provider_key(&person(name, None)).unwrap();
        assert_eq!(key, format!("person;age=-&name={shown}"));
    }
}

#[test]
fn other_keys_are_the_bytes_of_their_codec() {
    let client = client();
    let search = |filter, tags| client.provider_key(&Search { filter, tags }).unwrap();
    assert_eq!(search(Filter::All, None), "search;filter=All&tags=-");
    // A variant's number, the length of the text, the text, and no list.
    assert_eq!(search(Filter::Named("ü?".to_owned()), None), "search;AQAAAAMAAAAAAAAAw7w_AA");
    assert_eq!(search(Filter::All, Some(Vec::new())), "search;AAAAAAEAAAAAAAAAAA");
    let nested = client.provider_key(&Nested(person("Ada", None))).unwrap();
    assert_eq!(nested, "nested;AwAAAAAAAABBZGEA");
    assert_eq!(client.provider_key(&Unkept(1)), None);
}

#[test]
fn long_keys_end_in_their_hash() {
    let client = client();
    let named = |length: usize| client.provider_key(&person(&"x".repeat(length), None)).unwrap();
    let prefix = "person;age=-&name=".len();
    assert!(!named(200 - prefix).contains('~'));
    let (one, other) = (named(201 - prefix), named(202 - prefix));
    assert_eq!((one.len(), other.len()), (200, 200));
    assert_ne!(one, other);
    let (readable, hash) = one.split_once('~').unwrap();
    assert!(named(1_000).starts_with(readable));
    assert!(hash.len() == 32 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()), "{hash}");
    // The same on every machine.
    assert_eq!(hash, "7a2e162a5562c2193293a4622303ddbe");
    let encoded = client.provider_key(&person(&"é".repeat(100), None)).unwrap();
    let (readable, _) = encoded.split_once('~').unwrap();
    assert!(readable.ends_with("%C3") || readable.ends_with("%A9"), "{readable}");
}

/// Text that looks like another type, or contains separators.
fn text() -> impl Strategy<Value = String> {
    let odd = [
        "", "-", "0", "7", "-7", "07", "true", "false", "New", "&", "=", "a=b&c", "%", "%37", "~", "%2D",
        "é", ";",
    ];
    prop_oneof![
        4 => prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
        1 => "[a%=&7-]{0,3}",
        1 => "[a-b]{170,180}",
    ]
}

fn scalars() -> impl Strategy<Value = Scalars> {
    let any = prop_oneof![
        any::<bool>().prop_map(Any::Flag),
        (-8_i64..8).prop_map(Any::Number),
        text().prop_map(Any::Text),
        prop::option::of(prop::option::of(7_u8..8)).prop_map(Any::Nested),
    ];
    let order = prop_oneof![Just(Order::New), Just(Order::True)];
    let id = prop::option::of(7_u16..9).prop_map(Wrapped);
    let letter = prop::sample::select(vec!['7', '-', 'a', '&']);
    (
        text(),
        letter,
        prop::bool::ANY,
        -8_i8..8,
        0_u128..8,
        prop::option::of(text()),
        prop::option::of(order),
        id,
        any,
    )
        .prop_map(|(text, letter, is_set, small, large, maybe, order, id, any)| Scalars {
            text,
            letter,
            is_set,
            small,
            large,
            maybe,
            order,
            id,
            any,
        })
}

fn search() -> impl Strategy<Value = Search> {
    let filter = prop_oneof![Just(Filter::All), text().prop_map(Filter::Named)];
    let tags = prop::option::of(prop::collection::vec(text(), 0..3));
    (filter, tags).prop_map(|(filter, tags)| Search { filter, tags })
}

/// What the serialized form of a key preserves: an untagged `Number(7)` and a `Nested(Some(Some(7)))` are both a 7, and
/// there are three ways to write `None`. No codec distinguishes them either.
fn as_serialized(mut key: Scalars) -> Scalars {
    key.any = match key.any {
        Any::Nested(Some(Some(number))) => Any::Number(number.into()),
        Any::Nested(_) => Any::Nested(None),
        any => any,
    };
    key
}

/// Asserts that keys have the same name only if they are equal.
fn assert_injective<Q: std::fmt::Debug + PartialEq>(keys: Vec<Q>, name: impl Fn(&Q) -> String) {
    let mut named = HashMap::new();
    for key in &keys {
        let name = name(key);
        assert!(name.len() <= 200 && name.is_ascii(), "{name}");
        let known = named.entry(name).or_insert(key);
        assert_eq!(*known, key);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn different_keys_have_different_names(
        scalars in prop::collection::vec(scalars(), 1..100),
        people in prop::collection::vec((text(), prop::option::of(-8..8)), 1..100),
        searches in prop::collection::vec(search(), 1..100),
    ) {
        let client = client();
        let scalars = scalars.into_iter().map(as_serialized).collect();
        assert_injective(scalars, |key| client.provider_key(key).unwrap());
        let people = people.into_iter().map(|(name, age)| Person { name, age }).collect();
        assert_injective(people, |key| client.provider_key(key).unwrap());
        assert_injective(searches, |key| client.provider_key(key).unwrap());
    }
}
