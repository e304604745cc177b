//! Queries and listings that a macro of the program writes, with options from fragments of every kind. The
//! compiler passes each fragment in its own group.

use std::time::Duration;

use cache_core::{LoadingOptions, Query, Strategy, TableOptions};

macro_rules! query {
    (
        $name:ident, $value:ty, $weigh:path, $fallback:path, $core:path, $weight:expr, $history:literal, $ttl:literal,
        $fresh:expr, $table:literal, $strategy:literal, $tag:literal, $breaker:literal, $jitter:literal
    ) => {
        #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
        #[query(value = $value, max_weight = $weight, weigh = $weigh, fallback = $fallback, crate = $core)]
        #[query(history = $history, ttl = $ttl, fresh = $fresh, name = $table, strategy = $strategy)]
        #[query(tags($tag, "own"), breaker = $breaker, jitter = $jitter, retry = $history)]
        struct $name(u8);
    };
}

mod functions {
    use super::Everything;

    pub(super) fn weigh(_: &Everything, value: &[u8]) -> u32 {
        u32::try_from(value.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn value_of(query: &Everything) -> Vec<u8> {
        vec![query.0]
    }
}

query!(
    Everything,
    Vec<u8>,
    functions::weigh,
    functions::value_of,
    cache_core,
    1 + 2,
    4,
    "5m",
    Duration::from_secs(6),
    "all",
    "refresh",
    "tag",
    "shared",
    0.5
);

macro_rules! values {
    ($($name:ident: $value:ty = $fallback:expr, $capacity:expr;)*) => {
        $(
            #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
            #[query(value = $value, fallback = $fallback, capacity = 2 * $capacity)]
            struct $name;
        )*
    };
}

const FIVE: u8 = 5;

fn three<Q>(_: &Q) -> u8 {
    3
}

values! {
    Function: u8 = three, 1 + 1;
    Constant: u8 = { FIVE }, 3;
    Value: u8 = 4, 5;
    Text: String = "text".to_owned(), 6;
    List: Vec<u8> = vec![1, 2], 7;
    Pair: (u8, u8) = (1, 2), 8;
    Array: [u8; 2] = [1, 2], 9;
    Generic: std::collections::BTreeMap<u8, Vec<u8>> = std::collections::BTreeMap::new(), 10;
}

macro_rules! whole {
    ($($option:meta),*) => {
        #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
        #[query($($option),*)]
        struct Options;
    };
}

whole!(value = u8, capacity = 3, tags("a"), eq);

macro_rules! listing {
    ($name:ident { $($query:ty),* } $path:path, $($table:literal)*) => {
        cache_core::registry! {
            struct $name {
                $($query,)*
                $path,
                $(Generated<u8> as $table,)*
            }
        }
    };
}

macro_rules! generic {
    ($name:ident, $field:ty) => {
        #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
        #[query(value = $field, borrowed)]
        struct $name<T> {
            field: $field,
            of: std::marker::PhantomData<T>,
        }
    };
}

generic!(Generated, String);

listing!(Listed { Function, self::Value } crate::fragments::Text, "generated");

#[test]
fn every_option_may_come_out_of_a_fragment() {
    let table = TableOptions::new().max_weight(3).history(4).ttl(Duration::from_mins(5));
    assert_eq!(Everything::OPTIONS, table.fresh(Duration::from_secs(6)));
    let loading = LoadingOptions::new().strategy(Strategy::Refresh).breaker("shared").jitter(0.5).retry(4);
    assert_eq!(Everything::LOADING, loading);
    assert_eq!((Everything::NAME, Everything::TAGS), ("all", &["tag", "own"][..]));
    assert_eq!(Everything(7).weigh(&vec![1, 2, 3]), 3);
    assert_eq!(Everything(7).fallback_value(), Some(vec![7]));
    assert_eq!(Options::OPTIONS, TableOptions::new().capacity(3));
    assert_eq!(Options::TAGS, ["a"]);
    assert!(Options::same_value(&1, &1));
}

#[test]
fn a_fallback_is_called_if_it_is_a_path_and_taken_as_it_is_otherwise() {
    assert_eq!(Function.fallback_value(), Some(3));
    assert_eq!(Constant.fallback_value(), Some(5));
    assert_eq!(Value.fallback_value(), Some(4));
    assert_eq!(Text.fallback_value().as_deref(), Some("text"));
    assert_eq!(List.fallback_value(), Some(vec![1, 2]));
    assert_eq!(Pair.fallback_value(), Some((1, 2)));
    assert_eq!(Array.fallback_value(), Some([1, 2]));
    assert_eq!(Generic.fallback_value(), Some(std::collections::BTreeMap::new()));
}

#[test]
fn an_expression_out_of_a_macro_stays_one_operand() {
    assert_eq!(Function::OPTIONS, TableOptions::new().capacity(4));
}

#[test]
fn a_listing_may_come_out_of_fragments() {
    let names: Vec<_> = Listed::describe().iter().map(|table| table.name).collect();
    assert_eq!(names, ["function", "value", "text", "generated"]);
    let key = GeneratedRef::<u8> { field: "x", of: &std::marker::PhantomData };
    assert_eq!(cache_core::Lookup::to_key(&key).field, "x");
}
