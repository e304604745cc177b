//! Directives of responses and requests, and the older field `Pragma`.

use crate::case::{
    Asked, Cached, Case, Confirmed, Expect, Field, Has, Optimal, Question, Required, Sent, at_once, case, cc,
    date, fresh, get, now, soon_stale, text, then,
};

pub fn cases() -> Vec<Case> {
    [of_responses(), of_requests(), pragma()].into_iter().flatten().collect()
}

fn of_responses() -> Vec<Case> {
    let etag = || text("etag", "\"abcd\"");
    let explicit = |directives: &str| [cc(directives), date("expires", 10_000), now()];
    let by_etag = Confirmed("if-none-match");
    let newer = |id: &str, directives: &str| {
        let first = get(&[&explicit("max-age=10000")[..], &[text("a", "1")]].concat()).pause(3);
        let second = get(&[cc(directives), now(), text("a", "2")]).pause(3);
        case(id, Required, &[first, second, then(Cached).expects(Has("a", "1".into()))])
    };
    vec![
        at_once("cc-resp-private-private", Optimal, &[cc("private, max-age=3600")], Cached),
        at_once("cc-resp-no-store", Required, &[cc("no-store")], Sent),
        at_once("cc-resp-no-store-case-insensitive", Required, &[cc("No-StOrE")], Sent),
        at_once("cc-resp-no-store-fresh", Required, &explicit("max-age=10000, no-store"), Sent),
        newer("cc-resp-no-store-old-new", "no-store"),
        newer("cc-resp-no-store-old-max-age", "no-store, max-age=0"),
        at_once("cc-resp-no-cache", Required, &explicit("max-age=10000, no-cache"), Sent),
        at_once("cc-resp-no-cache-case-insensitive", Required, &explicit("max-age=10000, No-CaChE"), Sent),
        at_once("cc-resp-no-cache-revalidate", Optimal, &[cc("no-cache"), etag()], by_etag.clone()),
        at_once(
            "cc-resp-no-cache-revalidate-fresh",
            Optimal,
            &[&explicit("max-age=10000, no-cache")[..], &[etag()]].concat(),
            by_etag.clone(),
        ),
        // The whole response is asked for again, not only the listed fields.
        at_once(
            "headers-omit-headers-listed-in-Cache-Control-no-cache-single",
            Question,
            &[cc("no-cache=\"a\""), cc("max-age=3600"), text("a", "1"), text("b", "2"), now()],
            Sent,
        ),
        at_once(
            "headers-omit-headers-listed-in-Cache-Control-no-cache",
            Question,
            &[cc("no-cache=\"a, b\""), cc("max-age=3600"), text("a", "1"), text("b", "2"), now()],
            Sent,
        ),
        at_once(
            "cc-resp-must-revalidate-fresh",
            Optimal,
            &[cc("max-age=10000, must-revalidate"), etag()],
            Cached,
        ),
        case(
            "cc-resp-must-revalidate-stale",
            Required,
            &[
                get(&[cc("max-age=2, must-revalidate"), etag()]),
                then(Cached).pause(3),
                get(&[cc("max-age=2, must-revalidate"), etag()]).expects(by_etag),
            ],
        ),
    ]
}

fn of_requests() -> Vec<Case> {
    let with = |directives: &str, expect: Expect| then(expect).asks(&[cc(directives)]);
    let after = |id: &str, fields: &[Field], directives: &str, expect: Expect| {
        case(format!("ccreq-{id}"), Question, &[get(fields), with(directives, expect)])
    };
    vec![
        case("ccreq-ma0", Question, &[fresh(&[]), with("max-age=0", Sent)]),
        case("ccreq-ma1", Question, &[fresh(&[]), with("max-age=1", Sent)]),
        case("ccreq-magreaterage", Question, &[fresh(&[text("age", "1800")]), with("max-age=600", Sent)]),
        case("ccreq-max-stale", Question, &[soon_stale(&[]), with("max-stale=1000", Cached)]),
        after("max-stale-age", &[cc("max-age=1500"), text("age", "2000")], "max-stale=1000", Cached),
        after("min-fresh", &[cc("max-age=1500")], "min-fresh=2000", Sent),
        after("min-fresh-age", &[cc("max-age=1500"), text("age", "1000")], "min-fresh=1000", Sent),
        after("no-cache", &[cc("max-age=3600")], "no-cache", Sent),
        after(
            "no-cache-lm",
            &[cc("max-age=3600"), date("last-modified", -10_000), now()],
            "no-cache",
            Confirmed("if-modified-since"),
        ),
        after(
            "no-cache-etag",
            &[cc("max-age=3600"), text("etag", "\"a\"")],
            "no-cache",
            Confirmed("if-none-match"),
        ),
        case("ccreq-no-store", Question, &[fresh(&[]), with("no-store", Sent)]),
        // The strategy `cache-only` does that for a query.
        case("ccreq-oic", Question, &[with("only-if-cached", Asked("cache-control", "only-if-cached"))]),
    ]
}

fn pragma() -> Vec<Case> {
    let asked = |id: &str, pragma: &str, expect| {
        let id = format!("pragma-request-{id}");
        case(id, Question, &[fresh(&[]), then(expect).asks(&[text("pragma", pragma)])])
    };
    vec![
        asked("no-cache", "no-cache", Sent),
        asked("extension", "unrecognised-extension", Cached),
        at_once(
            "pragma-response-no-cache",
            Question,
            &[cc("max-age=3600"), text("pragma", "no-cache")],
            Cached,
        ),
        at_once(
            "pragma-response-no-cache-heuristic",
            Question,
            &[now(), date("last-modified", -10_000), text("pragma", "no-cache")],
            Sent,
        ),
        at_once(
            "pragma-response-extension",
            Question,
            &[cc("max-age=3600"), text("pragma", "unrecognised-extension")],
            Cached,
        ),
    ]
}
