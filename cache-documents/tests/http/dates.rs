//! How dates are read: three formats, in any case, and nothing else.

use cache_documents::http::State::{Fresh, MustRevalidate};

use crate::case::{Bytes, Case, Date, Text, case, check};

pub fn cases() -> Vec<Case> {
    let valid = |suite, checks, date| case(suite, checks, &[Text("expires", date), Date("date", 0)], Fresh);
    let refused =
        |suite, checks, date| case(suite, checks, &[Text("expires", date), Date("date", 0)], MustRevalidate);
    vec![
        valid("freshness-expires-32bit", "beyond 31 bits", "Tue, 19 Jan 2038 14:14:08 GMT"),
        valid("freshness-expires-far-future", "centuries away", "Sun, 21 Nov 2286 04:46:39 GMT"),
        valid("freshness-expires-rfc850", "the format of RFC 850", "Thursday, 18-Aug-50 02:01:18 GMT"),
        valid("", "the format of C, with its right weekday", "Mon Aug  8 02:01:18 2050"),
        valid(
            "freshness-expires-wrong-case-weekday",
            "a weekday in capitals",
            "THU, 18 Aug 2050 02:01:18 GMT",
        ),
        valid("freshness-expires-wrong-case-month", "a month in capitals", "Thu, 18 AUG 2050 02:01:18 GMT"),
        valid("freshness-expires-wrong-case-tz", "a zone in mixed case", "Thu, 18 Aug 2050 02:01:18 gMT"),
        refused("freshness-expires-invalid-utc", "the zone UTC", "Thu, 18 Aug 2050 02:01:18 UTC"),
        refused("freshness-expires-invalid-aest", "another zone", "Thu, 18 Aug 2050 02:01:18 AEST"),
        refused("", "a zone of mail", "Thu, 18 Aug 2050 02:01:18 EST"),
        refused("", "a zone as a number", "Thu, 18 Aug 2050 02:01:18 +0000"),
        refused("freshness-expires-invalid-2-digit-year", "a short year", "Thu, 18 Aug 50 02:01:18 GMT"),
        refused("freshness-expires-invalid-no-comma", "no comma", "Thu 18 Aug 2050 02:01:18 GMT"),
        refused(
            "freshness-expires-invalid-multiple-spaces",
            "many spaces",
            "Thu, 18  Aug  2050 02:01:18 GMT",
        ),
        refused("freshness-expires-invalid-date-dashes", "dashes", "Thu, 18-Aug-2050 02:01:18 GMT"),
        refused(
            "freshness-expires-invalid-time-periods",
            "dots in the time",
            "Thu, 18 Aug 2050 02.01.18 GMT",
        ),
        refused("freshness-expires-invalid-1-digit-hour", "a short hour", "Thu, 18 Aug 2050 2:01:18 GMT"),
        refused("", "a date that does not exist", "Wed, 31 Feb 2050 02:01:18 GMT"),
        refused(
            "freshness-expires-ansi-c",
            "the format of C, with a wrong weekday",
            "Thu Aug  8 02:01:18 2050",
        )
        .differs("the weekday is wrong"),
        refused("", "a negative number", "-1"),
        refused("", "nothing", ""),
        case(
            "",
            "bytes beyond ASCII",
            &[Bytes("expires", b"Thu, 18 Aug 2050 02:01:18 GMT\xff")],
            MustRevalidate,
        ),
        case(
            "freshness-expires-invalid-multiple-lines",
            "two lines that differ",
            &[
                Text("expires", "Thu, 18 Aug 2050 02:01:18 GMT"),
                Text("expires", "Thu, 18 Aug 2050 02:01:19 GMT"),
                Date("date", 0),
            ],
            MustRevalidate,
        ),
        case("", "two lines that agree", &[Date("expires", 60), Date("expires", 60), Date("date", 0)], Fresh),
    ]
}

#[test]
fn a_date_is_read_in_the_three_formats_of_http_only() {
    check(&cases());
}
