//! Lifetimes: `max-age`, `Expires`, `Age`, guesses.

use cache_documents::http::State::{self, Fresh, MustRevalidate};
use std::time::Duration;

use crate::case::{Case, Date, Text, case, cc, check, verdict_after};

pub fn cases() -> Vec<Case> {
    [max_age(), expires(), age(), guesses()].concat()
}

fn max_age() -> Vec<Case> {
    let hour = cc("max-age=3600");
    vec![
        case("freshness-none", "without any time it is stale", &[], MustRevalidate),
        case("freshness-max-age", "a lifetime", std::slice::from_ref(&hour), Fresh),
        case(
            "freshness-max-age-stale",
            "a lifetime that ended",
            &[cc("max-age=2"), Date("date", 0)],
            MustRevalidate,
        ),
        case("freshness-max-age-0", "a lifetime of zero", &[cc("max-age=0")], MustRevalidate).after(0),
        case(
            "freshness-max-age-max-minus-1",
            "the greatest 31-bit number",
            &[cc("max-age=2147483647")],
            Fresh,
        ),
        case("freshness-max-age-max", "the first number of 32 bits", &[cc("max-age=2147483648")], Fresh),
        case("freshness-max-age-max-plus-1", "one more", &[cc("max-age=2147483649")], Fresh),
        case("freshness-max-age-max-plus", "more than 32 bits", &[cc("max-age=99999999999")], Fresh),
        case(
            "freshness-max-age-age",
            "it was older than its lifetime when it came",
            &[Date("date", 0), hour.clone(), Text("age", "7200")],
            MustRevalidate,
        ),
        case(
            "freshness-max-age-date",
            "its date says that it was older than its lifetime when it came",
            &[Date("date", -7200), hour.clone()],
            MustRevalidate,
        ),
        case(
            "freshness-max-age-expires",
            "max-age wins over a date in the past",
            &[hour.clone(), Date("expires", -7200), Date("date", 0)],
            Fresh,
        ),
        case(
            "freshness-max-age-expires-invalid",
            "max-age wins over what is no date",
            &[hour.clone(), Text("expires", "0"), Date("date", 0)],
            Fresh,
        ),
        case(
            "freshness-max-age-0-expires",
            "max-age of zero wins over a date in the future",
            &[Date("expires", 3600), cc("max-age=0"), Date("date", 0)],
            MustRevalidate,
        ),
        case(
            "freshness-max-age-s-maxage-private",
            "s-maxage is for others",
            &[cc("s-maxage=3600, max-age=1")],
            MustRevalidate,
        ),
        case(
            "freshness-max-age-s-maxage-private-multiple",
            "s-maxage is for others, also on a line of its own",
            &[cc("s-maxage=3600"), cc("max-age=1")],
            MustRevalidate,
        ),
        case(
            "other-set-cookie",
            "a cookie does not matter",
            &[hour.clone(), Text("set-cookie", "a=b")],
            Fresh,
        ),
        case("other-cookie", "nor a cookie in the request", std::slice::from_ref(&hour), Fresh)
            .asked(&[Text("cookie", "a=b")]),
        case(
            "other-fresh-content-disposition-attachment",
            "nor how the content is to be shown",
            &[hour.clone(), Text("content-disposition", "attachment; filename=a.txt")],
            Fresh,
        ),
        case("", "a request with credentials", std::slice::from_ref(&hour), Fresh)
            .request(&[Text("authorization", "secret")]),
    ]
}

fn expires() -> Vec<Case> {
    let month = 30 * 24 * 60 * 60;
    let now = Date("date", 0);
    vec![
        case("freshness-expires-future", "a later date", &[Date("expires", month), now.clone()], Fresh),
        case(
            "freshness-expires-past",
            "an earlier date",
            &[Date("expires", -month), now.clone()],
            MustRevalidate,
        ),
        case(
            "freshness-expires-present",
            "this very moment",
            &[Date("expires", 0), now.clone()],
            MustRevalidate,
        )
        .after(0),
        case(
            "freshness-expires-old-date",
            "before the date of a clock that is ahead",
            &[Date("expires", 300), Date("date", 400)],
            MustRevalidate,
        ),
        case("freshness-expires-invalid", "a zero", &[Text("expires", "0"), now], MustRevalidate).after(0),
        case(
            "freshness-expires-invalid-date",
            "without a valid date it counts from the reception",
            &[Text("date", "foo"), Date("expires", 10)],
            Fresh,
        ),
        case(
            "freshness-expires-age-slow-date",
            "Age is more than the lifetime, by a clock that is behind",
            &[Date("date", -10), Date("expires", 10), Text("age", "25")],
            MustRevalidate,
        ),
        case(
            "freshness-expires-age-fast-date",
            "Age is more than the lifetime, by a clock that is ahead",
            &[Date("date", 10), Date("expires", 20), Text("age", "15")],
            MustRevalidate,
        ),
    ]
}

fn age() -> Vec<Case> {
    let aged = |suite, checks, lines: &[&'static str], state| {
        let mut fields = vec![Date("date", 0), cc("max-age=3600")];
        fields.extend(lines.iter().map(|line| Text("age", line)));
        case(suite, checks, &fields, state)
    };
    vec![
        aged("age-parse-nonnumeric", "no number is ignored", &["abc"], Fresh),
        aged("age-parse-negative", "a negative number is ignored", &["-7200"], Fresh),
        aged("age-parse-float", "a fraction is ignored", &["7200.0"], Fresh),
        aged("age-parse-large-minus-one", "the greatest 31-bit number", &["2147483647"], MustRevalidate),
        aged("age-parse-large", "the first number of 32 bits", &["2147483648"], MustRevalidate),
        aged("age-parse-larger", "one more", &["2147483649"], MustRevalidate),
        aged("age-parse-parameter", "a parameter makes it no number", &["7200;foo=bar"], Fresh)
            .differs("ignored"),
        aged("age-parse-numeric-parameter", "so does another", &["7200;foo=111"], Fresh).differs("ignored"),
        aged("", "more than 64 bits", &["99999999999999999999999"], MustRevalidate),
        aged("age-parse-suffix", "the first of a list counts: an old one", &["7200, 0"], MustRevalidate),
        aged("age-parse-prefix", "the first of a list counts: a young one", &["0, 7200"], Fresh),
        aged("age-parse-suffix-twoline", "the first line counts: an old one", &["7200", "0"], MustRevalidate),
        aged("age-parse-prefix-twoline", "the first line counts: a young one", &["0", "7200"], Fresh),
        aged("age-parse-dup-0", "zero twice", &["0, 0"], Fresh),
        aged("age-parse-dup-0-twoline", "zero on two lines", &["0", "0"], Fresh),
        case(
            "age-parse-dup-old",
            "the same age twice counts once",
            &[Date("date", 0), cc("max-age=10000"), Text("age", "3600"), Text("age", "3600")],
            Fresh,
        ),
    ]
}

fn guesses() -> Vec<Case> {
    let changed = |suite, checks, ago: i64, state: State| {
        case(suite, checks, &[Date("last-modified", -ago), Date("date", 0)], state)
    };
    vec![
        changed("heuristic-delta-5", "changed 5 s ago", 5, MustRevalidate).differs("a tenth of it is over"),
        changed("heuristic-delta-10", "changed 10 s ago", 10, MustRevalidate)
            .differs("a tenth of it is over"),
        changed("heuristic-delta-30", "changed 30 s ago", 30, MustRevalidate)
            .differs("a tenth of it is over"),
        changed("heuristic-delta-60", "changed a minute ago", 60, Fresh),
        changed("heuristic-delta-300", "changed 5 minutes ago", 300, Fresh),
        changed("heuristic-delta-600", "changed 10 minutes ago", 600, Fresh),
        changed("heuristic-delta-1200", "changed 20 minutes ago", 1200, Fresh),
        changed("heuristic-delta-1800", "changed half an hour ago", 1800, Fresh),
        changed("heuristic-delta-3600", "changed an hour ago", 3600, Fresh),
        changed("heuristic-delta-43200", "changed half a day ago", 43200, Fresh),
        changed("heuristic-delta-86400", "changed a day ago", 86400, Fresh),
        case(
            "other-heuristic-content-disposition-attachment",
            "a guess for a download",
            &[Date("last-modified", -100_000), Date("date", 0), Text("content-disposition", "attachment")],
            Fresh,
        ),
        changed("", "changed after it was sent", -60, MustRevalidate),
    ]
}

#[test]
fn lifetimes() {
    check(&max_age());
}

#[test]
fn expiry_dates() {
    check(&expires());
}

#[test]
fn ages() {
    check(&age());
}

#[test]
fn guessed_lifetimes() {
    check(&guesses());
}

#[test]
fn a_response_is_stale_from_the_second_that_ends_its_lifetime() {
    let fields = [cc("max-age=60"), Text("age", "10")];
    let before = verdict_after(49, &fields);
    assert_eq!((before.state, before.fresh_for), (Fresh, Duration::from_secs(1)));
    let at = verdict_after(50, &fields);
    assert_eq!((at.state, at.fresh_for), (MustRevalidate, Duration::ZERO));
}

#[test]
fn a_number_beyond_31_bits_counts_as_68_years() {
    let most = Duration::from_secs(1 << 31);
    // The second is 2⁶⁴ + 4, which is 4 if it overflows.
    for huge in ["max-age=99999999999", "max-age=18446744073709551620"] {
        assert_eq!(verdict_after(0, &[cc(huge)]).fresh_for, most);
    }
    let far = [Text("expires", "Fri, 31 Dec 9999 23:59:59 GMT")];
    assert_eq!(verdict_after(0, &far).fresh_for, most);
}

#[test]
fn a_guess_is_at_most_a_day() {
    let day = Duration::from_secs(86_400);
    let old = Text("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(verdict_after(0, std::slice::from_ref(&old)).fresh_for, day);
    // Nor does a date in the far future make it longer.
    let far = Text("date", "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_eq!(verdict_after(0, &[Date("last-modified", -1000), far]).fresh_for, Duration::from_secs(100));
}
