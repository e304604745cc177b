//! Which fields of a response are kept, and what is said about its age.

use crate::case::{
    Cached, Case, Field, Has, Kept, Lacks, Optimal, Question, Required, case, cc, date, fresh, get, now,
    text, then,
};

const AGE_ELSEWHERE: &str =
    "the head is as the server sent it: `Exchange::age` tells the age, since the response is not sent on";

pub fn cases() -> Vec<Case> {
    [kept(), dropped(), others(), ages()].into_iter().flatten().collect()
}

fn kept() -> Vec<Case> {
    let own = [
        ("Test-Header", "test-header", "a"),
        ("X-Test-Header", "x-test-header", "a"),
        ("Content-Foo", "content-foo", "a"),
        ("X-Content-Foo", "x-content-foo", "a"),
        ("Content-Encoding", "content-encoding", "a"),
        ("Content-Location", "content-location", "/bar"),
        ("Content-MD5", "content-md5", "N7UdGUp1E+RbVvZSTy1R8g=="),
        ("Content-Range", "content-range", "a"),
        ("Content-Security-Policy", "content-security-policy", "default-src 'self'"),
        ("Content-Type", "content-type", "text/plain;charset=utf-8"),
        ("Clear-Site-Data", "clear-site-data", "cookies"),
        ("ETag", "etag", "\"ghijkl\""),
        ("Expires", "expires", "Mon, 11 Jan 2038 11:11:11 GMT"),
        ("Public-Key-Pins", "public-key-pins", "a"),
        ("Set-Cookie", "set-cookie", "a=c"),
        ("Set-Cookie2", "set-cookie2", "a=c"),
        ("X-Frame-Options", "x-frame-options", "sameorigin"),
        ("X-XSS-Protection", "x-xss-protection", "1; mode=block"),
    ];
    let mut cases: Vec<_> = own
        .into_iter()
        .map(|(id, name, value)| {
            let first = get(&[now(), text(name, value), cc("max-age=3600")]).pause(3);
            store(id, first, then(Cached).expects(Has(name, value.into())))
        })
        .collect();
    let directives = get(&[now(), cc("max-age=3600")]).pause(3);
    cases.push(store(
        "Cache-Control",
        directives,
        then(Cached).expects(Has("cache-control", "max-age=3600".into())),
    ));
    let length = get(&[now(), cc("max-age=3600"), text("content-length", "10")]).body("ten bytes!").pause(3);
    cases.push(store("Content-Length", length, then(Cached).expects(Has("content-length", "10".into()))));
    cases
}

/// Fields that concern only the connection.
fn dropped() -> Vec<Case> {
    let own = [
        ("Connection", "connection"),
        ("Keep-Alive", "keep-alive"),
        ("Proxy-Authenticate", "proxy-authenticate"),
        ("Proxy-Authentication-Info", "proxy-authentication-info"),
        ("Proxy-Authorization", "proxy-authorization"),
        ("Proxy-Connection", "proxy-connection"),
        ("TE", "te"),
        ("Upgrade", "upgrade"),
    ];
    let mut cases: Vec<_> = own
        .into_iter()
        .map(|(id, name)| {
            let first = get(&[now(), text(name, "a"), cc("max-age=3600")]).pause(3);
            store(id, first, then(Cached).expects(Lacks(name)))
        })
        .collect();
    // The server of the test sends only codings that it knows.
    let chunked = get(&[now(), text("transfer-encoding", "chunked"), cc("max-age=3600")]).pause(3);
    cases.push(store("Transfer-Encoding", chunked, then(Cached).expects(Lacks("transfer-encoding"))));
    let named = fresh(&[text("connection", "a, b"), text("a", "1"), text("b", "2"), text("c", "3")]);
    let again = then(Cached).expects(Has("c", "3".into())).expects(Lacks("a")).expects(Lacks("b"));
    cases.push(case("headers-omit-headers-listed-in-Connection", Required, &[named, again]));
    cases
}

fn store(id: &str, first: crate::case::Step, again: crate::case::Step) -> Case {
    case(format!("headers-store-{id}"), Required, &[first, again])
}

fn others() -> Vec<Case> {
    let attachment = || text("content-disposition", "attachment; filename=example.txt");
    let after = |id: &str, kind, fields: &[Field]| case(id, kind, &[fresh(fields), then(Cached)]);
    vec![
        case(
            "other-heuristic-content-disposition-attachment",
            Question,
            &[get(&[date("last-modified", -100_000), now(), attachment()]), then(Cached)],
        ),
        after("other-fresh-content-disposition-attachment", Question, &[attachment()]),
        after("other-set-cookie", Optimal, &[text("set-cookie", "a=b")]),
        case("other-cookie", Optimal, &[fresh(&[]), then(Cached).asks(&[text("cookie", "a=b")])]),
    ]
}

fn ages() -> Vec<Case> {
    let month = 30 * 24 * 60 * 60;
    let expiring = |fields: &[Field]| get(&[&[date("expires", month), now()], fields].concat()).pause(3);
    let older = || then(Cached).expects(Has("age", "33".into()));
    vec![
        case("other-date-update", Required, &[fresh(&[]), then(Cached).expects(Kept("date"))]),
        case("other-date-update-expires", Required, &[expiring(&[]), then(Cached).expects(Kept("date"))]),
        case(
            "other-date-update-expires-update",
            Question,
            &[expiring(&[]), then(Cached).expects(Kept("expires"))],
        ),
        case("other-age-gen", Required, &[fresh(&[]), then(Cached).expects(Has("age", "3".into()))])
            .but(AGE_ELSEWHERE),
        case("other-age-update-expires", Required, &[expiring(&[text("age", "30")]), older()])
            .but(AGE_ELSEWHERE),
        case("other-age-update-max-age", Required, &[fresh(&[text("age", "30")]), older()])
            .but(AGE_ELSEWHERE),
    ]
}
