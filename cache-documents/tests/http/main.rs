//! Keys of requests, and the rules of a private HTTP cache.
#![cfg(feature = "http")]

mod case;

mod conditional;
mod dates;
mod directives;
mod freshness;
mod invalidation;
mod key;
mod library;
mod order;
mod requests;
mod stale;
mod statuses;
mod total;
mod update;
mod vary;

/// All tables, for the count of what they cover.
fn all_cases() -> Vec<case::Case> {
    [
        freshness::cases(),
        dates::cases(),
        directives::cases(),
        requests::cases(),
        stale::cases(),
        statuses::cases(),
        vary::cases(),
    ]
    .concat()
}

#[test]
fn the_tables_cover_the_public_suite_each_test_once() {
    let (named, own): (Vec<_>, Vec<_>) = all_cases().into_iter().partition(|case| !case.suite.is_empty());
    assert!(own.iter().all(|case| case.differs.is_empty()), "there is nothing to differ from");
    let mut ids: Vec<_> = named.iter().map(|case| case.suite).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), named.len(), "an id has two cases");
    let differing = named.iter().filter(|case| !case.differs.is_empty()).count();
    assert_eq!((named.len(), differing), (204, 25));
}
