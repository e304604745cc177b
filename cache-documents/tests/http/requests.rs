//! `Cache-Control` and `Pragma` of the request that wants to use a stored response.

use cache_documents::http::State::{self, Fresh, MustRevalidate, NotStored, StaleIfError};

use crate::case::{Case, Date, Text, case, cc, check, verdict_after};

pub fn cases() -> Vec<Case> {
    let asked = |suite, checks, stored, wish, state: State| {
        case(suite, checks, &[cc(stored)], state).asked(&[cc(wish)])
    };
    let long = "max-age=100000";
    vec![
        asked("ccreq-ma0", "max-age of zero", long, "max-age=0", MustRevalidate).after(0),
        asked("ccreq-ma1", "max-age less than the age", long, "max-age=1", MustRevalidate),
        asked("", "max-age more than the age", long, "max-age=4", Fresh),
        asked("", "max-age that is no number", long, "max-age=x", MustRevalidate),
        case("ccreq-magreaterage", "max-age less than Age", &[cc(long), Text("age", "1800")], MustRevalidate)
            .asked(&[cc("max-age=600")]),
        asked("ccreq-max-stale", "max-stale", "max-age=2", "max-stale=1000", Fresh),
        case("ccreq-max-stale-age", "max-stale and Age", &[cc("max-age=1500"), Text("age", "2000")], Fresh)
            .asked(&[cc("max-stale=1000")]),
        asked("", "max-stale that is over", "max-age=2", "max-stale=1", MustRevalidate),
        asked("", "max-stale without a number", "max-age=2", "max-stale", Fresh).after(1 << 30),
        asked("", "max-stale that is no number", "max-age=2", "max-stale=x", MustRevalidate),
        asked(
            "",
            "max-stale against must-revalidate",
            "max-age=2, must-revalidate",
            "max-stale",
            MustRevalidate,
        ),
        asked("", "max-stale against no-cache", "no-cache", "max-stale", MustRevalidate),
        asked(
            "ccreq-min-fresh",
            "min-fresh more than the lifetime",
            "max-age=1500",
            "min-fresh=2000",
            MustRevalidate,
        ),
        case(
            "ccreq-min-fresh-age",
            "min-fresh and Age",
            &[cc("max-age=1500"), Text("age", "1000")],
            MustRevalidate,
        )
        .asked(&[cc("min-fresh=1000")]),
        asked("", "min-fresh that is left", "max-age=60", "min-fresh=50", Fresh),
        asked("", "min-fresh that is no number", "max-age=60", "min-fresh=x", MustRevalidate),
        asked("ccreq-no-cache", "no-cache", "max-age=3600", "no-cache", MustRevalidate),
        case(
            "ccreq-no-cache-lm",
            "no-cache, with a date of change",
            &[cc("max-age=3600"), Date("last-modified", -10)],
            MustRevalidate,
        )
        .asked(&[cc("no-cache")]),
        case("ccreq-no-cache-etag", "no-cache, with a tag", &[cc("max-age=3600"), Text("etag", "\"a\"")], {
            MustRevalidate
        })
        .asked(&[cc("no-cache")]),
        asked("ccreq-no-store", "no-store", long, "no-store", NotStored),
        case("", "no-store in the request that brought it", &[cc(long)], NotStored)
            .request(&[cc("no-store")])
            .asked(&[]),
        asked(
            "",
            "max-age does not want what is stale",
            "max-age=2, stale-while-revalidate=60",
            "max-age=60",
            MustRevalidate,
        ),
        asked("", "stale-if-error in a request", "max-age=2", "stale-if-error=60", StaleIfError),
        asked("", "and with max-age", "max-age=2", "max-age=60, stale-if-error=60", StaleIfError),
        asked("", "but not against must-revalidate", "max-age=2, must-revalidate", "stale-if-error=60", {
            MustRevalidate
        }),
        case("pragma-request-no-cache", "Pragma alone", &[cc(long)], MustRevalidate)
            .differs("old clients mean it")
            .asked(&[Text("pragma", "no-cache")]),
        case("", "Pragma beside Cache-Control", &[cc(long)], Fresh)
            .asked(&[Text("pragma", "no-cache"), cc("max-age=60")]),
        case("pragma-request-extension", "an unknown Pragma", &[cc(long)], Fresh)
            .asked(&[Text("pragma", "unknown")]),
    ]
}

#[test]
fn the_wishes_of_a_request() {
    check(&cases());
}

#[test]
fn the_time_that_a_request_leaves_is_counted_to_the_second() {
    let wish = |wish| {
        case("", "", &[cc("max-age=60")], Fresh).asked(&[cc(wish)]).after(10).verdict().fresh_for.as_secs()
    };
    assert_eq!(verdict_after(10, &[cc("max-age=60")]).fresh_for.as_secs(), 50);
    assert_eq!(wish("max-age=30"), 20);
    assert_eq!(wish("min-fresh=30"), 20);
    assert_eq!(wish("max-stale=30"), 80);
    assert_eq!(wish("max-stale=30, max-age=20"), 10);
}
