//! What is kept of a head, and what an answer to a conditional request changes.

use cache_documents::http::{Revalidation, revalidated, stored_head};
use http::{HeaderMap, response};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::case::{Date, Field, Text, cc, header_map, response};

#[track_caller]
pub fn not_modified(stored: &response::Parts, answer: &response::Parts) -> response::Parts {
    match revalidated(stored, answer) {
        Revalidation::NotModified(head) => *head,
        other => panic!("not a 304 about the stored response: {other:?}"),
    }
}

/// Ids of http-tests/cache-tests, and whether the field of the 304 takes the place of the stored one.
const UPDATES: [(&str, &str, bool); 19] = [
    ("304-etag-update-response-Test-Header", "test-header", true),
    ("304-etag-update-response-X-Test-Header", "x-test-header", true),
    ("304-etag-update-response-Content-Foo", "content-foo", true),
    ("304-etag-update-response-X-Content-Foo", "x-content-foo", true),
    ("304-etag-update-response-Cache-Control", "cache-control", true),
    ("304-etag-update-response-Content-Location", "content-location", true),
    ("304-etag-update-response-Content-MD5", "content-md5", true),
    ("304-etag-update-response-Content-Security-Policy", "content-security-policy", true),
    ("304-etag-update-response-Clear-Site-Data", "clear-site-data", true),
    ("304-etag-update-response-Expires", "expires", true),
    ("304-etag-update-response-Public-Key-Pins", "public-key-pins", true),
    ("304-etag-update-response-Set-Cookie", "set-cookie", true),
    ("304-etag-update-response-Set-Cookie2", "set-cookie2", true),
    ("304-etag-update-response-X-Frame-Options", "x-frame-options", true),
    ("304-etag-update-response-X-XSS-Protection", "x-xss-protection", true),
    ("304-etag-update-response-Content-Length", "content-length", false),
    ("304-etag-update-response-Content-Encoding", "content-encoding", false),
    ("304-etag-update-response-Content-Range", "content-range", false),
    ("304-etag-update-response-Content-Type", "content-type", false),
];

#[test]
fn a_304_replaces_fields_but_those_that_describe_the_content() {
    for (id, name, is_replaced) in UPDATES {
        let tag = Text("etag", "\"tag\"");
        let stored = response(200, &[tag.clone(), Text(name, "old"), Text("other", "old")]);
        let head = not_modified(&stored, &response(304, &[tag, Text(name, "new")]));
        assert_eq!(head.headers[name], if is_replaced { "new" } else { "old" }, "{id}");
        assert_eq!(head.headers["other"], "old", "{id}");
        assert_eq!(head.status, 200, "{id}");
    }
}

/// `304-lm-use-stored-Test-Header` of http-tests/cache-tests.
#[test]
fn fields_that_a_304_does_not_have_stay() {
    let stored = response(200, &[cc("max-age=2"), Date("last-modified", -9000), Text("test-header", "a")]);
    let head = not_modified(&stored, &response(304, &[Date("last-modified", -9000)]));
    assert_eq!(head.headers["test-header"], "a");
    assert_eq!(head.headers["cache-control"], "max-age=2");
}

#[test]
fn a_304_is_about_the_response_with_its_validator() {
    let is_same = |stored: &[Field], answer: &[Field]| {
        matches!(revalidated(&response(200, stored), &response(304, answer)), Revalidation::NotModified(_))
    };
    let (a, weak_a, b) = (Text("etag", "\"a\""), Text("etag", "W/\"a\""), Text("etag", "\"b\""));
    let (monday, tuesday) = (Date("last-modified", -2000), Date("last-modified", -1000));
    let one = std::slice::from_ref;
    assert!(is_same(one(&a), one(&a)));
    assert!(is_same(one(&a), one(&weak_a)));
    assert!(is_same(one(&weak_a), one(&a)));
    assert!(!is_same(one(&a), one(&b)));
    assert!(!is_same(one(&monday), one(&a)));
    assert!(is_same(one(&monday), one(&monday)));
    assert!(!is_same(one(&monday), one(&tuesday)));
    assert!(!is_same(one(&a), one(&monday)));
    // The tag decides, the date is news.
    assert!(is_same(&[a.clone(), monday.clone()], &[a.clone(), tuesday.clone()]));
    assert!(!is_same(&[a.clone(), monday.clone()], &[b, monday.clone()]));
    // A 304 without validators is about the one that was asked for.
    assert!(is_same(one(&a), &[]));
    assert!(is_same(&[], &[]));
}

#[test]
fn one_date_in_two_formats_is_the_same() {
    let fixed = response(200, &[Text("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")]);
    let old = response(304, &[Text("last-modified", "Sunday, 06-Nov-94 08:49:37 GMT")]);
    assert!(matches!(revalidated(&fixed, &old), Revalidation::NotModified(_)));
}

#[test]
fn other_answers_replace_the_response_or_are_failures() {
    let stored = response(200, &[Text("etag", "\"a\"")]);
    let is_failure = |status| match revalidated(&stored, &response(status, &[])) {
        Revalidation::Failed => true,
        Revalidation::Replaced => false,
        other => panic!("{status}: {other:?}"),
    };
    for status in [500, 502, 503, 504] {
        assert!(is_failure(status), "{status}");
    }
    for status in [200, 204, 301, 404, 410, 412, 429, 501, 505] {
        assert!(!is_failure(status), "{status}");
    }
}

/// Ids of http-tests/cache-tests, and whether the field is kept.
const STORED: [(&str, &str, bool); 29] = [
    ("headers-store-Test-Header", "test-header", true),
    ("headers-store-X-Test-Header", "x-test-header", true),
    ("headers-store-Content-Foo", "content-foo", true),
    ("headers-store-X-Content-Foo", "x-content-foo", true),
    ("headers-store-Cache-Control", "cache-control", true),
    ("headers-store-Connection", "connection", false),
    ("headers-store-Content-Encoding", "content-encoding", true),
    ("headers-store-Content-Length", "content-length", true),
    ("headers-store-Content-Location", "content-location", true),
    ("headers-store-Content-MD5", "content-md5", true),
    ("headers-store-Content-Range", "content-range", true),
    ("headers-store-Content-Security-Policy", "content-security-policy", true),
    ("headers-store-Content-Type", "content-type", true),
    ("headers-store-Clear-Site-Data", "clear-site-data", true),
    ("headers-store-ETag", "etag", true),
    ("headers-store-Expires", "expires", true),
    ("headers-store-Keep-Alive", "keep-alive", false),
    ("headers-store-Proxy-Authenticate", "proxy-authenticate", false),
    ("headers-store-Proxy-Authentication-Info", "proxy-authentication-info", false),
    ("headers-store-Proxy-Authorization", "proxy-authorization", false),
    ("headers-store-Proxy-Connection", "proxy-connection", false),
    ("headers-store-Public-Key-Pins", "public-key-pins", true),
    ("headers-store-Set-Cookie", "set-cookie", true),
    ("headers-store-Set-Cookie2", "set-cookie2", true),
    ("headers-store-TE", "te", false),
    ("headers-store-Transfer-Encoding", "transfer-encoding", false),
    ("headers-store-Upgrade", "upgrade", false),
    ("headers-store-X-Frame-Options", "x-frame-options", true),
    ("headers-store-X-XSS-Protection", "x-xss-protection", true),
];

#[test]
fn fields_of_the_connection_are_not_kept() {
    for (id, name, is_kept) in STORED {
        let head = stored_head(&response(200, &[Text(name, "value"), Text("other", "1")]));
        assert_eq!(head.headers.contains_key(name), is_kept, "{id}");
        assert_eq!(head.headers["other"], "1", "{id}");
    }
}

/// `headers-omit-headers-listed-in-Connection` of http-tests/cache-tests.
#[test]
fn connection_names_fields_that_are_not_kept() {
    let kept = |fields: &[Field]| -> HeaderMap { stored_head(&response(200, fields)).headers };
    let named = [Text("a", "1"), Text("b", "2"), Text("c", "3"), Text("connection", "A, b")];
    assert_eq!(kept(&named), header_map(&[Text("c", "3")]));
    let odd = [Text("a", "1"), Text("connection", "a b,, "), Text("connection", "a")];
    assert_eq!(kept(&odd), HeaderMap::new());
}

#[test]
fn a_304_brings_no_fields_of_its_connection() {
    let stored = response(200, &[Text("etag", "\"a\""), Text("x", "old")]);
    let answer = response(304, &[Text("connection", "x"), Text("x", "new"), Text("keep-alive", "1")]);
    let head = not_modified(&stored, &answer);
    assert_eq!(head.headers, header_map(&[Text("etag", "\"a\""), Text("x", "old")]));
}

/// Heads with fields of few names, some of them several times.
fn head(status: u16) -> impl Strategy<Value = response::Parts> {
    let name = prop::sample::select(vec!["x", "y", "z", "age", "date", "content-type", "connection"]);
    let value = prop::sample::select(vec!["x", "y", "1"]);
    vec((name, value), 0..6).prop_map(move |fields| {
        let fields: Vec<_> = fields.into_iter().map(|(name, value)| Text(name, value)).collect();
        response(status, &fields)
    })
}

proptest! {
    #[test]
    fn a_304_replaces_fields_however_often_and_in_which_order_they_come(stored in head(200), answer in head(304)) {
        let stored = stored_head(&stored);
        let mut expected = stored.headers.clone();
        expected.remove("age");
        expected.remove("date");
        let newer = stored_head(&answer).headers;
        for name in newer.keys().filter(|name| *name != "content-type") {
            expected.remove(name);
            for value in newer.get_all(name) {
                expected.append(name, value.clone());
            }
        }
        prop_assert_eq!(not_modified(&stored, &answer).headers, expected);
    }
}
