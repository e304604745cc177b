//! Fields that are written in unusual ways.

use crate::case::{
    Cached, Case, Field, Kind, Optimal, Question, Required, Sent, case, cc, date, get, later, now, text, then,
};

pub fn cases() -> Vec<Case> {
    [cache_control(), expires(), vary()].into_iter().flatten().collect()
}

fn cache_control() -> Vec<Case> {
    let of = |id: &str, kind, lines: &[&str], expect| {
        let fields: Vec<_> = lines.iter().map(|line| cc(line)).collect();
        later(format!("freshness-max-age-{id}"), kind, &fields, expect)
    };
    vec![
        // Two numbers contradict each other.
        of("two-fresh-stale-sameline", Question, &["max-age=1800, max-age=1"], Sent),
        of("two-fresh-stale-sepline", Question, &["max-age=1800", "max-age=1"], Sent),
        of("two-stale-fresh-sameline", Question, &["max-age=1, max-age=1800"], Sent),
        of("two-stale-fresh-sepline", Question, &["max-age=1", "max-age=1800"], Sent),
        of("quoted", Question, &["max-age=\"3600\""], Cached),
        of("ignore-quoted", Required, &["extension=\"max-age=3600\", max-age=1"], Sent),
        of("ignore-quoted-rev", Required, &["max-age=1, extension=\"max-age=3600\""], Sent),
        of("space-before-equals", Question, &["max-age =3600"], Sent),
        of("space-after-equals", Question, &["max-age= 3600"], Sent),
        of("leading-zero", Required, &["max-age=003600"], Cached),
        of("single-quoted", Required, &["max-age='3600'"], Sent),
        of("decimal-zero", Question, &["max-age=3600.0"], Sent),
        of("decimal-five", Question, &["max-age=3600.5"], Sent),
        of("a100", Question, &["max-age=a3600"], Sent),
        of("100a", Question, &["max-age=3600a"], Sent),
    ]
}

fn expires() -> Vec<Case> {
    let of = |id: &str, kind, lines: &[&str], expect| {
        let mut fields: Vec<_> = lines.iter().map(|line| text("expires", *line)).collect();
        fields.push(now());
        later(format!("freshness-expires-{id}"), kind, &fields, expect)
    };
    let refused = |id: &str, line: &str| of(&format!("invalid-{id}"), Required, &[line], Sent);
    vec![
        of("32bit", Optimal, &["Tue, 19 Jan 2038 14:14:08 GMT"], Cached),
        of("far-future", Optimal, &["Sun, 21 Nov 2286 04:46:39 GMT"], Cached),
        of("rfc850", Optimal, &["Thursday, 18-Aug-50 02:01:18 GMT"], Cached),
        of("ansi-c", Optimal, &["Thu Aug  8 02:01:18 2050"], Cached)
            .but("a date with another day of the week than its own is none"),
        of("wrong-case-weekday", Optimal, &["THU, 18 Aug 2050 02:01:18 GMT"], Cached),
        of("wrong-case-month", Optimal, &["Thu, 18 AUG 2050 02:01:18 GMT"], Cached),
        of("wrong-case-tz", Optimal, &["Thu, 18 Aug 2050 02:01:18 gMT"], Cached),
        refused("utc", "Thu, 18 Aug 2050 02:01:18 UTC"),
        refused("aest", "Thu, 18 Aug 2050 02:01:18 AEST"),
        refused("2-digit-year", "Thu, 18 Aug 50 02:01:18 GMT"),
        refused("no-comma", "Thu 18 Aug 2050 02:01:18 GMT"),
        refused("multiple-spaces", "Thu, 18  Aug  2050 02:01:18 GMT"),
        refused("date-dashes", "Thu, 18-Aug-2050 02:01:18 GMT"),
        refused("time-periods", "Thu, 18 Aug 2050 02.01.18 GMT"),
        refused("1-digit-hour", "Thu, 18 Aug 2050 2:01:18 GMT"),
        of(
            "invalid-multiple-lines",
            Required,
            &["Thu, 18 Aug 2050 02:01:18 GMT", "Thu, 18 Aug 2050 02:01:19 GMT"],
            Sent,
        ),
    ]
}

fn vary() -> Vec<Case> {
    let of = |id: &str, lines: &[&str]| {
        let asks: [Field; 2] = [text("color", "1"), text("shape", "789")];
        let mut fields = vec![cc("max-age=5000"), date("last-modified", -3000), now()];
        fields.extend(lines.iter().map(|line| text("vary", *line)));
        let kind: Kind = Required;
        case(format!("vary-syntax-{id}"), kind, &[get(&fields).asks(&asks), then(Sent).asks(&asks)])
    };
    vec![
        of("star", &["*"]),
        of("star-star", &["*, *"]),
        of("star-star-lines", &["*", "*"]),
        of("empty-star", &[", *"]),
        of("empty-star-lines", &["", "*"]),
        of("star-foo", &["*, Color"]),
        of("foo-star", &["Color, *"]),
    ]
}
