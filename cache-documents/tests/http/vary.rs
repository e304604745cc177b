//! `Vary`: a response serves only requests with the fields that chose it.

use cache_documents::http::State::{self, Fresh, NeverReused};

use crate::case::{Bytes, Case, Field, Text, case, cc, check};

fn varies(value: &'static str) -> Vec<Field> {
    vec![cc("max-age=5000"), Text("vary", value)]
}

pub fn cases() -> Vec<Case> {
    [selecting(), spelling(), stars(), names()].concat()
}

fn selecting() -> Vec<Case> {
    const FOO: Field = Text("foo", "1");
    const BAR: Field = Text("bar", "abc");
    const BAZ: Field = Text("baz", "789");
    let by = |suite, checks, vary, first: &[Field], next: &[Field], state: State| {
        case(suite, checks, &varies(vary), state).request(first).asked(next)
    };
    vec![
        by("vary-match", "the same value", "Foo", &[FOO], &[FOO], Fresh),
        by("vary-no-match", "another value", "Foo", &[FOO], &[Text("foo", "2")], NeverReused),
        by("vary-omit-stored", "only the next request has it", "Foo", &[], &[FOO], NeverReused),
        by("vary-omit", "only the first request has it", "Foo", &[FOO], &[], NeverReused),
        by(
            "vary-cache-key",
            "another field differs",
            "Foo",
            &[FOO, Text("o", "2")],
            &[FOO, Text("o", "3")],
            Fresh,
        ),
        by("vary-2-match", "two fields", "Foo, Bar", &[FOO, BAR], &[FOO, BAR], Fresh),
        by(
            "vary-2-no-match",
            "one of two differs",
            "Foo, Bar",
            &[FOO, BAR],
            &[Text("foo", "2"), BAR],
            NeverReused,
        ),
        by("vary-2-match-omit", "both are missing", "Foo, Bar", &[FOO, BAR], &[], NeverReused),
        by("vary-3-match", "three fields", "Foo, Bar, Baz", &[FOO, BAR, BAZ], &[FOO, BAR, BAZ], Fresh),
        by(
            "vary-3-no-match",
            "one of three differs",
            "Foo, Bar, Baz",
            &[FOO, BAR, BAZ],
            &[Text("foo", "2"), BAR, BAZ],
            NeverReused,
        ),
        by(
            "vary-3-order",
            "in another order",
            "Foo, Bar, Baz",
            &[FOO, BAR, BAZ],
            &[FOO, BAZ, Text("bar", "abcde")],
            NeverReused,
        ),
        by(
            "vary-3-omit",
            "a constant field that neither has",
            "Foo, Bar, Baz",
            &[FOO, BAZ],
            &[FOO, BAZ],
            Fresh,
        )
        .constant("bar"),
        by(
            "vary-normalise-combine",
            "two lines equal one",
            "Foo",
            &[Text("foo", "1, 2")],
            &[FOO, Text("foo", "2")],
            Fresh,
        ),
    ]
}

/// Values are compared without normalising them. Several lines of a field count as one.
fn spelling() -> Vec<Case> {
    let by = |suite, name, first, next, state: State| {
        case(suite, "two spellings of one value", &varies(name), state)
            .request(&[Text(name, first)])
            .asked(&[Text(name, next)])
    };
    let why = "values are compared as they are";
    vec![
        by("vary-normalise-lang-order", "accept-language", "en, de", "de, en", NeverReused).differs(why),
        by("vary-normalise-lang-case", "accept-language", "en, de", "eN, De", NeverReused).differs(why),
        by("vary-normalise-lang-space", "accept-language", "en, de", " en ,   de", NeverReused).differs(why),
        by("vary-normalise-lang-select", "accept-language", "en, de", "fr;q=0.5, de;q=1.0", NeverReused)
            .differs(why),
        by("vary-normalise-space", "foo", "1,2", " 1, 2 ", NeverReused).differs(why),
    ]
}

fn stars() -> Vec<Case> {
    let fields = [Text("foo", "1"), Text("baz", "789")];
    let star = |suite, lines: &[&'static str]| {
        let response: Vec<_> =
            [cc("max-age=5000")].into_iter().chain(lines.iter().map(|line| Text("vary", line))).collect();
        case(suite, "a star", &response, NeverReused).request(&fields).constant("foo")
    };
    vec![
        star("vary-star", &["*"]),
        star("vary-syntax-star", &[" *"]),
        star("vary-syntax-star-star", &["*, *"]),
        star("vary-syntax-star-star-lines", &["*", "*"]),
        star("vary-syntax-empty-star", &[", *"]),
        star("vary-syntax-empty-star-lines", &["", "*"]),
        star("vary-syntax-star-foo", &["*, Foo"]),
        star("vary-syntax-foo-star", &["Foo, *"]),
        star("", &["*"]).request(&[Text("*", "a field of this name")]),
    ]
}

fn names() -> Vec<Case> {
    vec![
        case("", "a field that the program does not send", &varies("cookie"), NeverReused),
        case("", "one that the transport adds to all requests", &varies("Accept-Encoding"), Fresh)
            .constant("accept-encoding"),
        case("", "a constant field with another value", &varies("accept-encoding"), NeverReused)
            .request(&[Text("accept-encoding", "gzip")])
            .asked(&[Text("accept-encoding", "br")])
            .constant("accept-encoding"),
        case("", "no field", &varies(""), Fresh),
        case("", "what is no name", &varies("a b"), NeverReused),
        case("", "bytes beyond ASCII", &[cc("max-age=5000"), Bytes("vary", b"\xff")], NeverReused),
    ]
}

#[test]
fn a_response_serves_requests_with_the_fields_that_chose_it() {
    check(&selecting());
    check(&spelling());
}

#[test]
fn a_star_lets_a_response_serve_nobody_else() {
    check(&stars());
}

#[test]
fn only_known_fields_may_choose() {
    check(&names());
}
