//! Any header bytes and any times give a verdict with finite windows.

use std::time::{Duration, SystemTime};

use cache_documents::http::{
    Exchange, Reuse, State, Verdict, Windows, conditional, invalidated, revalidated, stored_head,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, request, response};
use proptest::prelude::*;

use crate::case::{Date, Text, cc, received, request as request_head, response as response_head};

const MOST: Duration = Duration::from_secs(1 << 31);

const NAMES: [&str; 12] = [
    "cache-control",
    "expires",
    "date",
    "age",
    "last-modified",
    "etag",
    "vary",
    "pragma",
    "location",
    "connection",
    "content-location",
    "x",
];

/// Parts of values that a parser takes a closer look at.
const PIECES: [&str; 26] = [
    "max-age",
    "=",
    "60",
    ",",
    " ",
    "\"",
    "\\",
    "no-cache",
    "no-store",
    "-",
    "99999999999999999999999",
    "*",
    "W/",
    "stale-while-revalidate=30",
    "stale-if-error=99999999999",
    "must-revalidate",
    "max-stale",
    "min-fresh=5",
    "foo",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "%",
    "//",
    "0",
    "Sun Nov  6 08:49:37 1994",
];

fn value() -> impl Strategy<Value = HeaderValue> {
    let bytes = prop::collection::vec(prop_oneof![32..127_u8, 128..=255_u8, Just(b'\t')], 0..40);
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..8)
        .prop_map(|all| all.concat().into_bytes());
    prop_oneof![bytes, pieces.boxed()].prop_map(|bytes| HeaderValue::from_bytes(&bytes).expect("valid bytes"))
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let field = (prop::sample::select(&NAMES[..]), value());
    prop::collection::vec(field, 0..8).prop_map(|fields| {
        fields.into_iter().map(|(name, value)| (HeaderName::from_static(name), value)).fold(
            HeaderMap::new(),
            |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            },
        )
    })
}

fn request() -> impl Strategy<Value = request::Parts> {
    const URIS: [&str; 6] =
        ["https://example.com/a?b", "/a", "*", "example.com", "other:9", "http://[::1]:99/%"];
    const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "DELETE", "QUERY", "M-SEARCH"];
    (prop::sample::select(&METHODS[..]), prop::sample::select(&URIS[..]), headers()).prop_map(
        |(method, uri, headers)| {
            let mut parts = request_head("GET", uri, &[]);
            parts.method = Method::from_bytes(method.as_bytes()).expect("a method");
            parts.headers = headers;
            parts
        },
    )
}

fn response() -> impl Strategy<Value = response::Parts> {
    (100..1000_u16, headers()).prop_map(|(status, headers)| {
        let mut parts = response_head(200, &[]);
        parts.status = StatusCode::from_u16(status).expect("a status");
        parts.headers = headers;
        parts
    })
}

fn time() -> impl Strategy<Value = SystemTime> {
    let far = (0..=i64::MAX as u64).prop_map(|seconds| {
        let after = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        after
            .or(SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(seconds)))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    });
    let before = (0..1u64 << 40).prop_map(|seconds| SystemTime::UNIX_EPOCH - Duration::from_secs(seconds));
    let near = (0..200u64).prop_map(|seconds| received() + Duration::from_secs(seconds));
    prop_oneof![far, before, near]
}

fn windows() -> impl Strategy<Value = Windows> {
    let window =
        prop::option::of(prop_oneof![(0..100u64).prop_map(Duration::from_secs), Just(Duration::MAX)]);
    [window.clone(), window.clone(), window].prop_map(|[fresh, stale_while_revalidate, stale_if_error]| {
        let mut windows = Windows::default();
        windows.fresh = fresh;
        windows.stale_while_revalidate = stale_while_revalidate;
        windows.stale_if_error = stale_if_error;
        windows
    })
}

/// The state fits the durations, which are finite.
fn assert_sound(verdict: &Verdict) {
    let parts = [verdict.fresh_for, verdict.stale_while_revalidate, verdict.stale_if_error];
    assert!(parts.iter().all(|part| *part <= MOST * 2), "{verdict:?}");
    let expected = match parts.map(|part| part.is_zero()) {
        [false, ..] => State::Fresh,
        [true, false, _] => State::StaleWhileRevalidate,
        [true, true, false] => State::StaleIfError,
        [true, true, true] => return assert_ne!(verdict.state, State::Fresh),
    };
    assert_eq!(verdict.state, expected, "{verdict:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_exchange_gives_a_sound_verdict_that_ends(
        first in request(), asked in request(), response in response(),
        times in [time(), time(), time()], options in [windows(), windows()], is_marked: bool,
    ) {
        let [requested, received, now] = times;
        let exchange = Exchange::new(&first, &response, requested, received);
        let [call, query] = options;
        let reuse = |now| Reuse::new(exchange, now).for_request(&asked).call(call).query(query).marked(is_marked);
        let verdict = reuse(now).verdict(&());
        assert_sound(&verdict);

        // Its windows end when it said: nothing is immortal.
        let rest = verdict.fresh_for + verdict.stale_while_revalidate.max(verdict.stale_if_error);
        if let Some(end) = now.checked_add(rest) {
            let later = reuse(end).verdict(&()).state;
            let is_over = matches!(later, State::MustRevalidate | State::NeverReused | State::NotStored);
            prop_assert!(is_over, "{verdict:?}, then {later:?}");
        }
    }

    #[test]
    fn any_heads_give_conditions_updates_and_marks(asked in request(), stored in response(), answer in response()) {
        let _ = conditional(&asked, &stored);
        let _ = revalidated(&stored, &answer);
        let mut not_modified = answer.clone();
        not_modified.status = StatusCode::NOT_MODIFIED;
        let _ = revalidated(&stored, &not_modified);
        let _ = invalidated(&asked, &answer);
        let kept = stored_head(&answer).headers;
        prop_assert!(kept.len() <= answer.headers.len() && !kept.contains_key("connection"));
    }
}

fn verdict(requested: i64, received_at: i64, now: i64, fields: &[crate::case::Field]) -> Verdict {
    let at = |offset: i64| {
        let distance = Duration::from_secs(offset.unsigned_abs());
        if offset < 0 { received() - distance } else { received() + distance }
    };
    let (asked, answered) = (request_head("GET", "https://example.com/", &[]), response_head(200, fields));
    let exchange = Exchange::new(&asked, &answered, at(requested), at(received_at));
    Reuse::new(exchange, at(now)).verdict(&())
}

#[test]
fn a_clock_that_jumps_makes_nothing_immortal() {
    let year = 365 * 86_400;
    let minute = [cc("max-age=60, stale-if-error=600")];
    // A date in the future adds nothing.
    assert_eq!(verdict(0, 0, 0, &[cc("max-age=60"), Date("date", year)]).fresh_for, Duration::from_secs(60));
    assert_eq!(
        verdict(0, 0, 0, &[Date("expires", year + 60), Date("date", year)]).fresh_for,
        Duration::from_secs(60)
    );
    // The clock was set back while the request ran.
    assert_eq!(verdict(year, 0, 59, &minute).state, State::Fresh);
    assert_eq!(verdict(year, 0, 60, &minute).state, State::StaleIfError);
    // It was set forward: the response counts as old.
    assert_eq!(verdict(-year, 0, 0, &minute).state, State::MustRevalidate);
    // It was set back later: nobody knows the age.
    assert_eq!(verdict(0, 0, -1, &minute).state, State::MustRevalidate);
    assert_eq!(verdict(0, year, 0, &minute).state, State::MustRevalidate);
    // And forward.
    assert_eq!(verdict(0, 0, year, &minute).state, State::MustRevalidate);
}

#[test]
fn the_duration_of_the_request_counts() {
    let fields = [cc("max-age=60"), Text("age", "10")];
    assert_eq!(verdict(-20, 0, 0, &fields).fresh_for, Duration::from_secs(30));
    // The date says more than `Age`.
    assert_eq!(
        verdict(-20, 0, 0, &[fields[0].clone(), Date("date", -50)]).fresh_for,
        Duration::from_secs(10)
    );
}
