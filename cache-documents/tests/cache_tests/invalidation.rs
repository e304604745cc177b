//! What unsafe methods make stale, and what `HEAD` and `POST` bring.

use crate::case::{
    Cached, Case, Has, Optimal, Question, Required, Sent, case, cc, date, fresh, get, now, soon_stale, text,
    then,
};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in ["POST", "PUT", "DELETE", "M-SEARCH"] {
        let change = || get(&[]).method(method);
        cases.push(case(format!("invalidate-{method}"), Required, &[fresh(&[]), change(), then(Sent)]));
        let failed = change().status(500);
        cases.push(case(format!("invalidate-{method}-failed"), Optimal, &[fresh(&[]), failed, then(Cached)]));
        for (name, field) in [("location", "location"), ("cl", "content-location")] {
            let target = || get(&[cc("max-age=100000"), date("last-modified", 0), now()]).path("target");
            let names_it = get(&[text(field, "target")]).method(method);
            let steps = [target(), names_it, target().expects(Sent)];
            cases.push(case(format!("invalidate-{method}-{name}"), Question, &steps));
        }
    }
    cases.extend(of_head());
    let post = get(&[cc("max-age=3600"), text("content-location", "page"), now()]).method("POST").pause(3);
    let posted = case("method-POST", Optimal, &[post, then(Cached)]);
    cases.push(posted.but("a POST has no key, so that its response is kept nowhere"));
    cases.push(case(
        "query-args-different",
        Required,
        &[fresh(&[]).path("page?test=1"), then(Sent).path("page?test=2")],
    ));
    let same = [fresh(&[]).path("page?test=1"), then(Cached).path("page?test=1")];
    cases.push(case("query-args-same", Optimal, &same));
    cases
}

/// A `HEAD` has no key, so it changes nothing that is stored.
fn of_head() -> Vec<Case> {
    let marked = |value: &str| text("template-a", value);
    let head = |value: &str| get(&[marked(value), cc("max-age=1000")]).method("HEAD").expects(Sent);
    vec![
        case("head-writethrough", Question, &[soon_stale(&[]), get(&[]).method("HEAD").expects(Sent)]),
        case(
            "head-200-retain",
            Question,
            &[soon_stale(&[marked("1")]), head("2").expects(Has("template-a", "2".into()))],
        ),
        case("head-200-freshness-update", Question, &[soon_stale(&[]), head("2"), then(Sent)]),
        case("head-200-update", Question, &[soon_stale(&[marked("1")]), head("2"), then(Sent)]),
        case("head-410-update", Question, &[soon_stale(&[marked("1")]), head("2").status(410), then(Sent)]),
    ]
}
