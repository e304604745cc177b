//! The expansion of the options of a query.

use std::time::Duration;

use cache_core::{Batched, LoadingOptions, Query, Strategy, TableOptions};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = str)]
struct Bare;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, name = "posts", lru = 500)]
#[query(ttl = "1h30m", tti = "0s", fresh = "250ms", history = 3)]
struct Full;

#[derive(Query, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[query(value = String, max_weight = 1_000, weigh = sizes::weigh)]
enum Weighed {
    ById(u64),
    ByName { initial: char },
}

mod sizes {
    pub(super) fn weigh(query: &super::Weighed, text: &str) -> u32 {
        let key = match *query {
            super::Weighed::ById(_) => 8,
            super::Weighed::ByName { initial } => initial.len_utf8(),
        };
        u32::try_from(key + text.len()).unwrap_or(u32::MAX)
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<u8>, eq)]
struct Compared {}

/// A query whose options a user's macro has written.
macro_rules! compared {
    ($name:ident) => {
        #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
        #[query(value = Option<u8>, eq, absent_ttl = "5s", max_weight = 10, weigh = light)]
        struct $name(u8);
    };
}

compared!(MacroMade);

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "as it is called")]
fn light(_: &MacroMade, _: &Option<u8>) -> u32 {
    1
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = dyn std::fmt::Debug + Send + Sync)]
struct r#Dyn(());

mod renamed {
    use cache_core as store;

    use store::Query;

    #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = u8, crate = "store", capacity = 1, borrowed)]
    pub(super) struct Text(pub(super) String);

    #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = u8, crate = store)]
    pub(super) struct Unquoted;
}

/// Names that must not break generated code.
mod shadowed {
    #![allow(dead_code, non_camel_case_types)]

    struct Option;
    struct Result;
    struct String;
    struct Vec;
    struct u32;
    struct str;
    struct bool;
    trait Clone {}
    trait From {}
    fn drop() {}

    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn weigh(_: &Shadowed, _: &u8) -> ::core::primitive::u32 {
        1
    }

    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = u8, eq, max_weight = 10, weigh = weigh, ttl = "1s", borrowed)]
    pub(super) struct Shadowed {
        text: std::string::String,
    }
}

#[test]
fn a_query_without_options_keeps_nothing() {
    assert_eq!(Bare::OPTIONS, TableOptions::new());
    assert_eq!(Bare::NAME, "bare");
    assert!(Bare::persistence().is_none());
}

#[test]
fn every_option_reaches_the_table() {
    let times = TableOptions::new().lru(500).ttl(Duration::from_mins(90)).tti(Duration::ZERO);
    assert_eq!(Full::OPTIONS, times.fresh(Duration::from_millis(250)).history(3));
    assert_eq!(Full::NAME, "posts");
    assert_eq!(renamed::Text::OPTIONS, TableOptions::new().capacity(1));
}

#[test]
fn the_weigher_sees_key_and_value() {
    assert_eq!(Weighed::OPTIONS, TableOptions::new().max_weight(1_000));
    assert_eq!(Weighed::ById(7).weigh(&"four".to_owned()), 12);
    assert_eq!(Weighed::ByName { initial: 'ä' }.weigh(&String::new()), 2);
    assert_eq!(Full.weigh(&String::new()), 1);
}

#[test]
fn values_are_compared_only_where_asked() {
    assert!(Compared::same_value(&vec![1], &vec![1]));
    assert!(!Compared::same_value(&vec![1], &vec![2]));
    assert!(!Full::same_value(&String::new(), &String::new()));
    assert!(MacroMade::same_value(&Some(1), &Some(1)) && !MacroMade::same_value(&None, &Some(1)));
    assert!(MacroMade::is_absent(&None) && MacroMade(1).weigh(&None) == 1);
}

#[test]
fn names_are_those_of_the_types() {
    assert_eq!(r#Dyn::NAME, "dyn");
    assert_eq!(renamed::Text::NAME, "text");
    assert_eq!(renamed::Unquoted::NAME, "unquoted");
    assert_eq!(<shadowed::Shadowed as Query>::NAME, "shadowed");
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Option<u8>, strategy = "stale-while-revalidate", swr = "5m", stale_if_error = "1h", timeout = "1s")]
#[query(
    linger = "2m",
    jitter = 0.1,
    beta = 1,
    error_ttl = "2s",
    absent_ttl = "10s",
    retry = 5,
    retry_first = "100ms",
    retry_longest = "10s",
    retry_factor = 3,
    breaker = "search",
    poll = "5s",
    batch = 25,
    concurrency = 8
)]
struct Loaded;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, name = "own", breaker, linger = "0s")]
struct Guarded;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, linger = "until done")]
struct Done;

#[test]
fn options_of_loads_are_separate_from_options_of_the_table() {
    let seconds = Duration::from_secs;
    let expected = LoadingOptions::new()
        .strategy(Strategy::StaleWhileRevalidate)
        .swr(seconds(300))
        .stale_if_error(seconds(3_600))
        .timeout(seconds(1))
        .linger(seconds(120))
        .jitter(0.1)
        .beta(1.0)
        .error_ttl(seconds(2))
        .absent_ttl(seconds(10))
        .retry(5)
        .retry_first(Duration::from_millis(100))
        .retry_longest(seconds(10))
        .retry_factor(3.0)
        .breaker("search")
        .poll(seconds(5))
        .batch(25)
        .concurrency(8);
    assert_eq!(Loaded::LOADING, expected);
    assert_eq!(Loaded::OPTIONS, TableOptions::new());
    assert!(Loaded::is_absent(&None) && !Loaded::is_absent(&Some(1)));
    assert_eq!(Guarded::LOADING, LoadingOptions::new().breaker("own").linger(Duration::ZERO));
    assert_eq!(Done::LOADING, LoadingOptions::new().linger(LoadingOptions::UNTIL_DONE));
    assert_eq!(Full::LOADING, LoadingOptions::new());
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, tags("posts", "blog"), capacity = 10)]
struct Tagged;

#[test]
fn tags_are_those_that_were_given() {
    assert_eq!(Tagged::TAGS, ["posts", "blog"]);
    assert!(Full::TAGS.is_empty());
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, secret)]
struct Session(String);

#[test]
fn keys_are_hidden_only_where_asked() {
    assert_eq!([Session::SECRET, Full::SECRET], [true, false]);
}

#[test]
fn a_query_with_batch_is_loaded_in_batches() {
    const fn accepts<Q: Batched>() {}
    accepts::<Loaded>();
}
