//! What may be done with a stale response.

use std::time::Duration;

use cache_documents::http::State::{Fresh, MustRevalidate, StaleIfError, StaleWhileRevalidate};

use crate::case::{Case, Date, Text, case, cc, check, verdict_after};

pub fn cases() -> Vec<Case> {
    let tag = Text("etag", "\"abc\"");
    vec![
        case("stale-close", "nothing said", &[cc("max-age=2")], MustRevalidate)
            .differs("only stale-if-error allows so"),
        case("stale-503", "nothing said, with a date", &[cc("max-age=2"), Date("date", 0)], MustRevalidate)
            .differs("only stale-if-error allows so"),
        case(
            "stale-while-revalidate",
            "within the window",
            &[cc("max-age=1, stale-while-revalidate=3600"), tag.clone()],
            StaleWhileRevalidate,
        ),
        case(
            "stale-while-revalidate-window",
            "behind the window",
            &[cc("max-age=1, stale-while-revalidate=4"), tag],
            MustRevalidate,
        )
        .after(5),
        case("stale-sie-close", "stale-if-error", &[cc("max-age=2, stale-if-error=60")], StaleIfError),
        case("stale-sie-503", "at its last second", &[cc("max-age=2, stale-if-error=60")], StaleIfError)
            .after(61),
        case("", "behind it", &[cc("max-age=2, stale-if-error=60")], MustRevalidate).after(62),
        case(
            "stale-close-must-revalidate",
            "must-revalidate ends both windows",
            &[cc("max-age=2, must-revalidate, stale-while-revalidate=60, stale-if-error=60")],
            MustRevalidate,
        ),
        case(
            "stale-close-no-cache",
            "no-cache ends both windows",
            &[cc("max-age=2, no-cache, stale-while-revalidate=60, stale-if-error=60")],
            MustRevalidate,
        ),
        case("", "a negative window", &[cc("max-age=2, stale-while-revalidate=-60")], MustRevalidate),
        case("", "a window twice", &[cc("max-age=2, stale-if-error=60, stale-if-error=50")], MustRevalidate),
        case(
            "",
            "a window behind a date",
            &[Date("expires", 2), cc("stale-while-revalidate=60")],
            StaleWhileRevalidate,
        ),
        case("", "a name in mixed case", &[cc("max-age=2, Stale-While-Revalidate=60")], StaleWhileRevalidate),
        case("", "a window without a lifetime", &[cc("stale-while-revalidate=60")], StaleWhileRevalidate),
    ]
}

#[test]
fn stale_responses() {
    check(&cases());
}

#[test]
fn a_window_ends_with_its_last_second() {
    let fields = [cc("max-age=60, stale-while-revalidate=30, stale-if-error=600")];
    let seconds = |after| {
        let verdict = verdict_after(after, &fields);
        let parts = [verdict.fresh_for, verdict.stale_while_revalidate, verdict.stale_if_error];
        (verdict.state, parts.map(|part| part.as_secs()))
    };
    assert_eq!(seconds(0), (Fresh, [60, 30, 600]));
    assert_eq!(seconds(59), (Fresh, [1, 30, 600]));
    assert_eq!(seconds(60), (StaleWhileRevalidate, [0, 30, 600]));
    assert_eq!(seconds(89), (StaleWhileRevalidate, [0, 1, 571]));
    assert_eq!(seconds(90), (StaleIfError, [0, 0, 570]));
    assert_eq!(seconds(659), (StaleIfError, [0, 0, 1]));
    assert_eq!(seconds(660), (MustRevalidate, [0, 0, 0]));
}

#[test]
fn a_huge_window_is_cut() {
    let verdict = verdict_after(0, &[cc("max-age=1, stale-if-error=99999999999999999999999")]);
    assert_eq!(verdict.stale_if_error, Duration::from_secs(1 << 31));
}
