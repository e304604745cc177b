//! The request that asks whether a stored response is still good.

use cache_documents::http::conditional;
use http::request;

use crate::case::{Bytes, Date, Field, Text, date_text, request, response};

fn asks(own: &[Field], stored: &[Field]) -> Option<request::Parts> {
    conditional(&request("GET", "https://example.com/", own), &response(200, stored))
}

/// The two fields of the condition.
fn condition(stored: &[Field]) -> Option<(Option<Vec<u8>>, Option<String>)> {
    let asks = asks(&[], stored)?;
    let tag = asks.headers.get("if-none-match").map(|tag| tag.as_bytes().to_vec());
    let date = asks.headers.get("if-modified-since").map(|date| date.to_str().expect("a date").to_owned());
    Some((tag, date))
}

/// Each row: the id in http-tests/cache-tests, the stored tag, the tag that is sent.
#[test]
fn the_tag_is_sent_as_it_came() {
    let rows: [(&str, &'static [u8]); 6] = [
        ("conditional-etag-strong-generate", b"\"abcdef\""),
        ("conditional-etag-weak-generate-weak", b"W/\"abcdef\""),
        ("conditional-etag-strong-generate-unquoted", b"abcdef"),
        ("", b"w/\"abcdef\""),
        ("", b"\"a, b\""),
        ("", b"\"abcdef\xfc\""),
    ];
    for (id, tag) in rows {
        assert_eq!(condition(&[Bytes("etag", tag)]), Some((Some(tag.to_vec()), None)), "{id}");
    }
}

#[test]
fn the_date_of_change_is_sent_beside_the_tag() {
    let date = Some(date_text(-3000));
    assert_eq!(condition(&[Date("last-modified", -3000)]), Some((None, date.clone())));
    let both = [Date("last-modified", -3000), Text("etag", "\"a\"")];
    assert_eq!(condition(&both), Some((Some(b"\"a\"".to_vec()), date)));
}

#[test]
fn what_is_no_validator_is_not_sent() {
    assert_eq!(condition(&[]), None);
    assert_eq!(condition(&[Text("etag", "")]), None);
    assert_eq!(condition(&[Text("etag", "\"a\""), Text("etag", "\"b\"")]), None);
    assert_eq!(condition(&[Text("last-modified", "yesterday")]), None);
    assert_eq!(
        condition(&[Text("last-modified", "0"), Text("etag", "\"a\"")]),
        Some((Some(b"\"a\"".to_vec()), None))
    );
}

/// `conditional-etag-vary-headers` of http-tests/cache-tests.
#[test]
fn the_fields_of_the_request_stay() {
    let asks =
        asks(&[Text("abc", "123")], &[Text("etag", "\"a\""), Text("vary", "Abc")]).expect("it has a tag");
    assert_eq!(asks.headers["abc"], "123");
    assert_eq!((asks.method.as_str(), asks.uri.to_string().as_str()), ("GET", "https://example.com/"));
}

#[test]
fn a_condition_of_the_caller_is_left_alone() {
    let own = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"];
    for name in own {
        assert!(asks(&[Text(name, "x")], &[Text("etag", "\"a\"")]).is_none(), "{name}");
    }
}

#[test]
fn only_reading_requests_are_made_conditional() {
    let stored = response(200, &[Text("etag", "\"a\"")]);
    let is_asked = |method| conditional(&request(method, "https://example.com/", &[]), &stored).is_some();
    assert!(is_asked("HEAD"));
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        assert!(!is_asked(method), "{method}");
    }
}
