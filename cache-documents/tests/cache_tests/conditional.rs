//! Questions whether a stale response is still good, and what a 304 changes.

use crate::case::{
    Asked, Cached, Case, Confirmed, Has, Kind, NotAsked, Optimal, Question, Required, Sent, case, cc, date,
    get, now, soon_stale, text, then,
};

const CHANGED: &str = "Wed, 01 Jan 2020 00:00:00 GMT";

pub fn cases() -> Vec<Case> {
    [asking(), updating()].into_iter().flatten().collect()
}

fn asking() -> Vec<Case> {
    let abc = |value: &str| [text("abc", value)];
    let varying = |seconds| {
        get(&[date("expires", seconds), text("etag", "\"abcdef\""), now(), text("vary", "Abc")])
            .asks(&abc("123"))
    };
    let stale = |id: &str, kind, etag: &'static str| {
        let again = then(Confirmed("if-none-match")).expects(Asked("if-none-match", etag));
        case(id, kind, &[soon_stale(&[text("etag", etag)]), again])
    };
    let forwarded = |id: &str, etag: &'static str| {
        let asks = get(&[]).asks(&[text("if-none-match", etag)]);
        case(id, Question, &[asks.expects(Asked("if-none-match", etag))])
    };
    vec![
        case(
            "conditional-etag-vary-headers",
            Required,
            &[
                varying(1).pause(3),
                then(Confirmed("if-none-match")).asks(&abc("123")).expects(Asked("abc", "123")),
            ],
        ),
        // It is a condition about another response.
        case(
            "conditional-etag-vary-headers-mismatch",
            Question,
            &[varying(10_000).pause(3), then(Sent).asks(&abc("456")).expects(NotAsked("if-none-match"))],
        ),
        stale("conditional-etag-strong-generate", Optimal, "\"abcdef\""),
        stale("conditional-etag-weak-generate-weak", Optimal, "W/\"abcdef\""),
        // It is sent as it came.
        stale("conditional-etag-strong-generate-unquoted", Question, "abcdef"),
        forwarded("conditional-etag-forward", "\"abcdef\""),
        forwarded("conditional-etag-forward-unquoted", "abcdef"),
    ]
}

/// Fields of a stored response and of the 304 about it, and which of the two the response has then.
fn updating() -> Vec<Case> {
    let name = "test-header";
    let stored = [cc("max-age=2"), text("last-modified", CHANGED), now(), text(name, "a")];
    let mut cases = vec![case(
        "304-lm-use-stored-Test-Header",
        Required,
        &[
            get(&stored).pause(3),
            get(&stored[1..3]).expects(Confirmed("if-modified-since")).expects(Has(name, "a".into())),
        ],
    )];
    let newer = [
        ("Test-Header", Required, "test-header", "a", "b"),
        ("X-Test-Header", Required, "x-test-header", "a", "b"),
        ("Content-Foo", Required, "content-foo", "a", "b"),
        ("X-Content-Foo", Required, "x-content-foo", "a", "b"),
        ("Content-Location", Question, "content-location", "/foo", "/bar"),
        ("Content-MD5", Question, "content-md5", "rL0Y20zC+Fzt72VPzMSk2A==", "N7UdGUp1E+RbVvZSTy1R8g=="),
        (
            "Content-Security-Policy",
            Question,
            "content-security-policy",
            "default-src 'self'",
            "default-src a.com",
        ),
        ("Clear-Site-Data", Question, "clear-site-data", "cache", "cookies"),
        ("Expires", Question, "expires", "Fri, 01 Jan 2038 01:01:01 GMT", "Mon, 11 Jan 2038 11:11:11 GMT"),
        ("Public-Key-Pins", Question, "public-key-pins", "a", "b"),
        ("Set-Cookie", Question, "set-cookie", "a=b", "a=c"),
        ("Set-Cookie2", Question, "set-cookie2", "a=b", "a=c"),
        ("X-Frame-Options", Question, "x-frame-options", "deny", "sameorigin"),
        ("X-XSS-Protection", Question, "x-xss-protection", "1", "1; mode=block"),
    ];
    cases.extend(newer.map(|(id, kind, name, old, new)| update(id, kind, name, (old, new), new)));
    // They describe the content, which was read when it came.
    let older = [
        ("Content-Encoding", Question, "content-encoding", "a", "b"),
        ("Content-Range", Question, "content-range", "a", "b"),
        ("Content-Type", Question, "content-type", "text/plain", "text/plain;charset=utf-8"),
    ];
    cases.extend(older.map(|(id, kind, name, old, new)| update(id, kind, name, (old, new), old)));
    cases.extend([content_length(), cache_control(), etag()]);
    cases
}

fn update(
    id: &str,
    kind: Kind,
    name: &'static str,
    (old, new): (&'static str, &'static str),
    expected: &str,
) -> Case {
    let fields = |value: &str| [now(), text(name, value), cc("max-age=2"), text("etag", "\"tag\"")];
    let has = Has(name, expected.to_owned());
    case(
        format!("304-etag-update-response-{id}"),
        kind,
        &[
            get(&fields(old)).pause(3),
            get(&fields(new)).expects(Confirmed("if-none-match")).expects(has.clone()),
            then(Cached).expects(has),
        ],
    )
}

fn content_length() -> Case {
    let fields =
        |value: &str| [now(), text("content-length", value), cc("max-age=2"), text("etag", "\"tag\"")];
    let has = Has("content-length", "4".into());
    case(
        "304-etag-update-response-Content-Length",
        Required,
        &[
            get(&fields("4")).body("abcd").pause(3),
            get(&fields("10")).expects(Confirmed("if-none-match")).expects(has.clone()),
            then(Cached).expects(has),
        ],
    )
}

fn cache_control() -> Case {
    let fields = |directives: &str| [now(), cc(directives), text("etag", "\"tag\"")];
    let has = Has("cache-control", "max-age=3600".into());
    case(
        "304-etag-update-response-Cache-Control",
        Required,
        &[
            get(&fields("max-age=1")).pause(3),
            get(&fields("max-age=3600")).expects(Confirmed("if-none-match")).expects(has.clone()),
            then(Cached).expects(has),
        ],
    )
}

/// A 304 with another tag is about another response, so the request is sent again without a condition.
fn etag() -> Case {
    let fields = |tag: &str| [now(), cc("max-age=2"), text("etag", tag)];
    let again = get(&fields("\"ghijkl\"")).confirms().expects(Sent).expects(Has("etag", "\"ghijkl\"".into()));
    case("304-etag-update-response-ETag", Question, &[get(&fields("\"abcdef\"")).pause(3), again])
}
