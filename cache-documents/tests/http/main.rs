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
fn no_id_of_the_public_suite_is_covered_by_two_cases() {
    let mut ids: Vec<_> =
        all_cases().into_iter().map(|case| case.suite).filter(|id| !id.is_empty()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}
