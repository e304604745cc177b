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

/// An age in the largest unit that fits, as in "2 hours".
pub(super) fn age(seconds: u64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (length, unit) = units.into_iter().find(|(length, _)| seconds >= *length).unwrap_or((1, "second"));
    let count = seconds / length;
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

fn element(seconds: i64, text: impl Fn(OffsetDateTime) -> String) -> Markup {
    // An invalid date counts as the first.
    let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let machine = format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day());
    html! { time datetime=(machine) { (text(date)) } }
}
