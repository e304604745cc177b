//! Dates as readers expect them.

use maud::{Markup, html};
use time::OffsetDateTime;

/// A day, as in "1 June 2026".
pub(super) fn day(seconds: i64) -> Markup {
    element(seconds, |date| format!("{} {} {}", date.day(), date.month(), date.year()))
}

/// A time of a day, as in "1 June 2026, 6:40".
pub(super) fn moment(seconds: i64) -> Markup {
    element(seconds, |date| {
        format!("{} {} {}, {}:{:02}", date.day(), date.month(), date.year(), date.hour(), date.minute())
    })
}

fn element(seconds: i64, text: impl Fn(OffsetDateTime) -> String) -> Markup {
    // An invalid date counts as the first.
    let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let machine = format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day());
    html! { time datetime=(machine) { (text(date)) } }
}
