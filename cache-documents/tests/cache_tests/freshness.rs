//! How long a response is fresh.

use crate::case::{
    Cached, Case, Field, Optimal, Question, Required, Sent, at_once, case, cc, date, later, now, text, then,
};

const DAY: i64 = 24 * 60 * 60;

pub fn cases() -> Vec<Case> {
    [max_age(), expires(), age(), heuristic()].into_iter().flatten().collect()
}

fn max_age() -> Vec<Case> {
    let ages = [
        ("freshness-max-age", "max-age=3600"),
        ("freshness-max-age-max-minus-1", "max-age=2147483647"),
        ("freshness-max-age-max", "max-age=2147483648"),
        ("freshness-max-age-max-plus-1", "max-age=2147483649"),
        ("freshness-max-age-max-plus", "max-age=99999999999"),
        ("freshness-max-age-extension", "foobar, max-age=3600"),
        ("freshness-max-age-case-insenstive", "mAx-AgE=3600"),
    ];
    let mut cases: Vec<_> =
        ages.iter().map(|(id, directives)| later(*id, Optimal, &[cc(directives)], Cached)).collect();
    let late = date("expires", -7200);
    cases.extend([
        later("freshness-none", Question, &[], Sent),
        later("freshness-max-age-stale", Required, &[cc("max-age=2"), now()], Sent),
        later("freshness-max-age-0", Required, &[cc("max-age=0")], Sent),
        later("freshness-max-age-negative", Required, &[cc("max-age=-3600")], Sent),
        later("freshness-max-age-age", Required, &[cc("max-age=3600"), now(), text("age", "7200")], Sent),
        later("freshness-max-age-date", Question, &[cc("max-age=3600"), date("date", -7200)], Sent),
        later("freshness-max-age-expires", Optimal, &[cc("max-age=3600"), late, now()], Cached),
        later(
            "freshness-max-age-expires-invalid",
            Optimal,
            &[cc("max-age=3600"), text("expires", "0"), now()],
            Cached,
        ),
        later(
            "freshness-max-age-0-expires",
            Required,
            &[cc("max-age=0"), date("expires", 3600), now()],
            Sent,
        ),
        later("freshness-max-age-s-maxage-private", Required, &[cc("s-maxage=3600, max-age=1")], Sent),
        later(
            "freshness-max-age-s-maxage-private-multiple",
            Required,
            &[cc("s-maxage=3600"), cc("max-age=1")],
            Sent,
        ),
    ]);
    cases
}

fn expires() -> Vec<Case> {
    let at = |seconds| date("expires", seconds);
    vec![
        later("freshness-expires-future", Optimal, &[at(30 * DAY), now()], Cached),
        later("freshness-expires-past", Required, &[at(-30 * DAY), now()], Sent),
        at_once("freshness-expires-present", Required, &[at(0), now()], Sent),
        later("freshness-expires-old-date", Required, &[at(300), date("date", 400)], Sent),
        later("freshness-expires-invalid", Required, &[text("expires", "0"), now()], Sent),
        at_once("freshness-expires-invalid-date", Optimal, &[at(10), text("date", "foo")], Cached),
        at_once(
            "freshness-expires-age-slow-date",
            Required,
            &[at(10), date("date", -10), text("age", "25")],
            Sent,
        ),
        at_once(
            "freshness-expires-age-fast-date",
            Required,
            &[at(20), date("date", 10), text("age", "15")],
            Sent,
        ),
    ]
}

fn age() -> Vec<Case> {
    let of = |id: &str, kind, max_age: &str, ages: &[&str], expect| {
        let mut fields = vec![now(), cc(max_age)];
        fields.extend(ages.iter().map(|age| text("age", *age)));
        later(format!("age-parse-{id}"), kind, &fields, expect)
    };
    let hour = "max-age=3600";
    vec![
        of("nonnumeric", Required, hour, &["abc"], Cached),
        of("negative", Required, hour, &["-7200"], Cached),
        of("float", Required, hour, &["7200.0"], Cached),
        of("large-minus-one", Required, hour, &["2147483647"], Sent),
        of("large", Required, hour, &["2147483648"], Sent),
        of("larger", Required, hour, &["2147483649"], Sent),
        of("suffix", Required, hour, &["7200, 0"], Sent),
        of("prefix", Required, hour, &["0, 7200"], Cached),
        of("suffix-twoline", Required, hour, &["7200", "0"], Sent),
        of("prefix-twoline", Required, hour, &["0", "7200"], Cached),
        of("dup-0", Required, hour, &["0, 0"], Cached),
        of("dup-0-twoline", Required, hour, &["0", "0"], Cached),
        of("dup-old", Required, "max-age=10000", &["3600", "3600"], Cached),
        // It is no number, so it is ignored.
        of("parameter", Question, hour, &["7200;foo=bar"], Cached),
        of("numeric-parameter", Question, hour, &["7200;foo=111"], Cached),
    ]
}

/// A lifetime that is guessed from `Last-Modified`: a tenth of the time since.
fn heuristic() -> Vec<Case> {
    let of_status = |status: u16, kind, extra: &[Field], expect| {
        let name = if matches!(expect, Cached) { "cached" } else { "not_cached" };
        let fields = [&[date("last-modified", -DAY), now()], extra].concat();
        let steps = [crate::case::get(&fields).status(status), then(expect).status(status)];
        case(format!("heuristic-{status}-{name}"), kind, &steps)
    };
    let mut cases: Vec<_> =
        [200, 203, 204, 404, 405, 410, 414, 501].map(|status| of_status(status, Optimal, &[], Cached)).into();
    cases.extend([201, 202, 403, 502, 503, 504, 599].map(|status| of_status(status, Required, &[], Sent)));
    cases.push(of_status(599, Optimal, &[cc("public")], Cached));
    let ages = [5, 10, 30, 60, 300, 600, 1200, 1800, 3600, DAY / 2, DAY];
    cases.extend(ages.map(|age| {
        // Three seconds later.
        let expect = if age > 30 { Cached } else { Sent };
        later(format!("heuristic-delta-{age}"), Question, &[date("last-modified", -age), now()], expect)
    }));
    cases
}
