//! Which statuses may be kept, and the methods of their requests.

use cache_documents::http::{
    State::{self, Fresh, MustRevalidate, NotStored},
    is_cacheable_by_default, is_understood,
};
use http::StatusCode;

use crate::case::{Case, Date, Text, case, cc, check};

pub fn cases() -> Vec<Case> {
    [explicit(), silent(), methods()].concat()
}

/// The ids of the public suite for each status: with a lifetime, and past it.
const STATUSES: [(u16, &str, &str); 18] = [
    (200, "status-200-fresh", "status-200-stale"),
    (203, "status-203-fresh", "status-203-stale"),
    (204, "status-204-fresh", "status-204-stale"),
    (299, "status-299-fresh", "status-299-stale"),
    (301, "status-301-fresh", "status-301-stale"),
    (302, "status-302-fresh", "status-302-stale"),
    (303, "status-303-fresh", "status-303-stale"),
    (307, "status-307-fresh", "status-307-stale"),
    (308, "status-308-fresh", "status-308-stale"),
    (400, "status-400-fresh", "status-400-stale"),
    (404, "status-404-fresh", "status-404-stale"),
    (410, "status-410-fresh", "status-410-stale"),
    (499, "status-499-fresh", "status-499-stale"),
    (500, "status-500-fresh", "status-500-stale"),
    (502, "status-502-fresh", "status-502-stale"),
    (503, "status-503-fresh", "status-503-stale"),
    (504, "status-504-fresh", "status-504-stale"),
    (599, "status-599-fresh", "status-599-stale"),
];

fn explicit() -> Vec<Case> {
    let past = [Date("expires", -5000), Date("last-modified", -100_000), Date("date", 0)];
    let pairs = STATUSES.iter().flat_map(|&(status, fresh, stale)| {
        [
            case(fresh, "any final status with a lifetime", &[cc("max-age=100000"), Date("date", 0)], Fresh),
            case(stale, "any final status past its time", &past, MustRevalidate),
        ]
        .map(|case| case.status(status))
    });
    let other =
        |suite, checks, line, status, state: State| case(suite, checks, &[cc(line)], state).status(status);
    let line = "max-age=3600, no-store, must-understand";
    pairs
        .chain([
            other("status-599-must-understand", "a status that is not understood", line, 599, NotStored),
            other("status-200-must-understand", "one that is", line, 200, Fresh),
            other("", "one that is not, without no-store", "max-age=60, must-understand", 599, NotStored),
            other("", "one that is, without no-store", "max-age=60, must-understand", 302, Fresh),
            other("", "a part", "max-age=60", 206, NotStored),
            other("", "an answer to a condition", "max-age=60", 304, NotStored),
            other("", "an interim answer", "max-age=60", 103, NotStored),
        ])
        .collect()
}

fn silent() -> Vec<Case> {
    let changed = [Date("last-modified", -86_400), Date("date", 0)];
    let guess = |suite, status, state: State| {
        case(suite, "a guess is made only for some statuses", &changed, state).status(status)
    };
    let public = [&changed[..], &[cc("public")]].concat();
    let private = [&changed[..], &[cc("private")]].concat();
    vec![
        guess("heuristic-200-cached", 200, Fresh),
        guess("heuristic-201-not_cached", 201, NotStored),
        guess("heuristic-202-not_cached", 202, NotStored),
        guess("heuristic-203-cached", 203, Fresh),
        guess("heuristic-204-cached", 204, Fresh),
        guess("heuristic-403-not_cached", 403, NotStored),
        guess("heuristic-404-cached", 404, Fresh),
        guess("heuristic-405-cached", 405, Fresh),
        guess("heuristic-410-cached", 410, Fresh),
        guess("heuristic-414-cached", 414, Fresh),
        guess("heuristic-501-cached", 501, Fresh),
        guess("heuristic-502-not_cached", 502, NotStored),
        guess("heuristic-503-not_cached", 503, NotStored),
        guess("heuristic-504-not_cached", 504, NotStored),
        guess("heuristic-599-not_cached", 599, NotStored),
        case("heuristic-599-cached", "public lets any status be kept", &public, Fresh).status(599),
        case("", "so does private, in a private cache", &private, Fresh).status(599),
    ]
}

fn methods() -> Vec<Case> {
    let hour = [cc("max-age=3600")];
    let changed = [Date("last-modified", -86_400), Date("date", 0)];
    vec![
        case("", "the answer to a HEAD", &hour, Fresh).method("HEAD"),
        case("", "the answer to a POST that has a lifetime", &hour, Fresh).method("POST"),
        case("", "without one there is no guess", &changed, MustRevalidate).method("POST"),
        case("", "and a failure is not kept", &changed, NotStored).method("POST").status(500),
        case("", "nor a lifetime for other methods", &hour, MustRevalidate).method("DELETE"),
        case("", "which may be forbidden to be kept", &[cc("no-store")], NotStored).method("DELETE"),
        case("", "no-cache in an answer to a POST", &[cc("no-cache"), Text("etag", "\"a\"")], MustRevalidate)
            .method("POST"),
    ]
}

#[test]
fn any_final_status_with_a_lifetime_is_kept() {
    check(&explicit());
}

#[test]
fn a_status_that_is_cacheable_by_default_needs_no_lifetime() {
    check(&silent());
}

#[test]
fn methods_of_requests() {
    check(&methods());
}

#[test]
fn statuses_that_are_cacheable_by_default_or_understood() {
    let all = || (100..600).map(|code| StatusCode::from_u16(code).expect("a status"));
    let codes = |keep: fn(StatusCode) -> bool| {
        all().filter(|&status| keep(status)).map(|s| s.as_u16()).collect::<Vec<_>>()
    };
    assert_eq!(codes(is_cacheable_by_default), [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
    assert_eq!(codes(is_understood), [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501]);
}
