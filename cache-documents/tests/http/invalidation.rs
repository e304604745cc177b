//! Which URLs an unsafe request makes stale.

use cache_documents::http::{Key, invalidated};

use crate::case::{Field, Text, request, response};

const OWN: &str = "https://example.com/list";

fn marks(method: &str, uri: &str, status: u16, fields: &[Field]) -> Vec<String> {
    let keys = invalidated(&request(method, uri, &[]), &response(status, fields));
    keys.iter().map(|key| key.as_str().to_owned()).collect()
}

/// Ids of http-tests/cache-tests: `invalidate-POST`, `-failed`, `-location`, `-cl`, and those of the other methods.
#[test]
fn an_unsafe_request_marks_its_url_and_those_that_the_answer_names() {
    for method in ["POST", "PUT", "DELETE", "M-SEARCH", "PATCH"] {
        assert_eq!(marks(method, OWN, 200, &[]), [OWN], "invalidate-{method}");
        assert!(marks(method, OWN, 500, &[]).is_empty(), "invalidate-{method}-failed");
        let location = marks(method, OWN, 200, &[Text("location", "item")]);
        assert_eq!(location, [OWN, "https://example.com/item"], "invalidate-{method}-location");
        let content = marks(method, OWN, 200, &[Text("content-location", "item?b=2&a=1")]);
        assert_eq!(content, [OWN, "https://example.com/item?a=1&b=2"], "invalidate-{method}-cl");
    }
}

#[test]
fn only_success_marks() {
    for status in [200, 201, 204, 303, 308] {
        assert_eq!(marks("POST", OWN, status, &[]), [OWN], "{status}");
    }
    for status in [102, 400, 404, 409, 500, 503] {
        assert!(marks("POST", OWN, status, &[Text("location", "item")]).is_empty(), "{status}");
    }
}

#[test]
fn a_safe_request_marks_nothing() {
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"] {
        assert!(marks(method, OWN, 200, &[Text("location", "item")]).is_empty(), "{method}");
    }
}

#[test]
fn another_origin_is_not_marked() {
    let others = [
        "http://example.com/item",
        "https://example.org/item",
        "https://example.com:8443/item",
        "//other/item",
    ];
    for other in others {
        assert_eq!(marks("POST", OWN, 201, &[Text("location", other)]), [OWN], "{other}");
    }
    let same = ["https://EXAMPLE.com:443/item#part", "//example.com/a/../item", "/item"];
    for same in same {
        assert_eq!(
            marks("POST", OWN, 201, &[Text("location", same)]),
            [OWN, "https://example.com/item"],
            "{same}"
        );
    }
}

#[test]
fn what_is_no_url_is_skipped_and_what_is_named_twice_counts_once() {
    for odd in ["https://", "http://[", "data:text/plain,a", "mailto:a@example.com"] {
        assert_eq!(marks("POST", OWN, 201, &[Text("location", odd)]), [OWN], "{odd}");
    }
    let twice = [
        Text("location", ""),
        Text("location", "/a"),
        Text("content-location", "/a"),
        Text("location", "/b"),
    ];
    assert_eq!(marks("POST", OWN, 201, &twice), [OWN, "https://example.com/a", "https://example.com/b"]);
}

#[test]
fn a_request_without_host_marks_paths() {
    let fields = [Text("location", "/list/9?b=1&a=2"), Text("content-location", "https://example.com/item")];
    assert_eq!(marks("POST", "/list", 201, &fields), ["/list", "/list/9?a=2&b=1"]);
}

#[test]
fn a_request_for_an_authority_marks_only_that() {
    for authority in ["example.com:443", "example.com"] {
        let fields = [Text("location", "/item"), Text("content-location", "https://example.com/item")];
        assert_eq!(marks("CONNECT", authority, 200, &fields), [authority]);
    }
}

#[test]
fn marks_are_the_keys_of_the_requests_that_read_them() {
    let read = Key::url(&"https://example.com/a?filter%5Bx%5D=1".parse().expect("a url"));
    let answer = response(201, &[Text("location", "a?filter[x]=1")]);
    assert!(invalidated(&request("POST", OWN, &[]), &answer).contains(&read));
}
