//! Durations as text: `"1h30m"`. Whole numbers with units, the longest unit first.

use std::time::Duration;

/// Each unit with its length in nanoseconds, longest first.
const UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Reads `"1h30m"`, `"250ms"`, `"0s"`.
///
/// # Errors
/// A sentence that says what is wrong, and what would be right where that can be guessed.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("a duration is empty: write a number and a unit, as in \"30s\"".to_owned());
    }
    let mut total = 0_u128;
    let mut units = &UNITS[..];
    while !rest.is_empty() {
        let number = leading(rest, |letter| letter.is_ascii_digit() || letter == '_');
        rest = rest[number.len()..].trim_start();
        let unit = leading(rest, char::is_alphabetic);
        let at = position(text, number, unit, rest, units)?;
        total = add(total, number, units[at].1).ok_or_else(|| too_long(text))?;
        units = &units[at + 1..];
        rest = rest[unit.len()..].trim_start();
    }
    from_nanoseconds(total).ok_or_else(|| too_long(text))
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|letter| !belongs(letter)).unwrap_or(text.len())]
}

/// The position of the unit in `units`, the units still allowed, or what is wrong with this part of `text`.
fn position(
    text: &str,
    number: &str,
    unit: &str,
    rest: &str,
    units: &[(&str, u128)],
) -> Result<usize, String> {
    if number.is_empty() && rest.starts_with('-') {
        return Err(format!("\"{text}\" is negative; a duration is zero or more"));
    }
    if rest.starts_with('.') {
        return Err(format!("\"{text}\" has a fraction; write whole numbers, as in \"1h30m\" or \"1500ms\""));
    }
    if !number.contains(|letter: char| letter.is_ascii_digit()) {
        return Err(format!("\"{text}\" is not a duration; write numbers with units, as in \"1h30m\""));
    }
    if unit.is_empty() {
        return Err(format!("\"{text}\" has a number without a unit; did you mean \"{number}s\"?"));
    }
    if let Some(at) = units.iter().position(|&(name, _)| name == unit) {
        return Ok(at);
    }
    if UNITS.iter().any(|&(name, _)| name == unit) {
        return Err(format!(
            "\"{text}\" has its units out of order; write each once, the longest first, as in \"1h30m\""
        ));
    }
    Err(unknown_unit(text, unit))
}

fn unknown_unit(text: &str, unit: &str) -> String {
    let hint = match unit {
        "min" | "mins" | "minute" | "minutes" | "M" => "; did you mean `m`?",
        "sec" | "secs" | "second" | "seconds" | "S" => "; did you mean `s`?",
        "hr" | "hrs" | "hour" | "hours" | "H" => "; did you mean `h`?",
        "day" | "days" | "D" => "; did you mean `d`?",
        "msec" | "millis" | "milliseconds" => "; did you mean `ms`?",
        "µs" | "μs" | "micros" => "; did you mean `us`?",
        "w" | "week" | "weeks" => "; a week is `7d`",
        _ => ": use `d`, `h`, `m`, `s`, `ms`, `us` or `ns`",
    };
    format!("\"{text}\" has the unknown unit `{unit}`{hint}")
}

fn add(total: u128, number: &str, unit: u128) -> Option<u128> {
    let number: u128 = number.replace('_', "").parse().ok()?;
    total.checked_add(number.checked_mul(unit)?)
}

fn from_nanoseconds(total: u128) -> Option<Duration> {
    let seconds = u64::try_from(total / 1_000_000_000).ok()?;
    // A remainder below 10^9 fits.
    let rest = u32::try_from(total % 1_000_000_000).ok()?;
    Some(Duration::new(seconds, rest))
}

fn too_long(text: &str) -> String {
    format!("\"{text}\" is longer than a `Duration` can be; leave the option out for \"forever\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_durations_are_read() {
        for (text, expected) in [
            ("30s", Duration::from_secs(30)),
            ("5m", Duration::from_secs(300)),
            ("1h30m", Duration::from_secs(5_400)),
            ("1h 30m", Duration::from_secs(5_400)),
            (" 250 ms ", Duration::from_millis(250)),
            ("1d", Duration::from_secs(86_400)),
            ("2d3h4m5s6ms7us8ns", Duration::new(183_845, 6_007_008)),
            ("0s", Duration::ZERO),
            ("90m", Duration::from_secs(5_400)),
            ("10_000s", Duration::from_secs(10_000)),
            ("18446744073709551615s", Duration::from_secs(u64::MAX)),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn each_mistake_has_its_own_sentence() {
        for (text, part) in [
            ("", "is empty"),
            ("   ", "is empty"),
            ("30", "did you mean \"30s\"?"),
            ("1h30", "did you mean \"30s\"?"),
            ("5min", "did you mean `m`?"),
            ("5x", "unknown unit `x`: use `d`"),
            ("1.5h", "has a fraction"),
            (".5h", "has a fraction"),
            ("-5s", "is negative"),
            ("soon", "is not a duration"),
            ("_s", "is not a duration"),
            ("5m1h", "out of order"),
            ("5s5s", "out of order"),
            ("1w", "a week is `7d`"),
            ("18446744073709551616s", "longer than"),
            ("99999999999999999999999999999999999999999999d", "longer than"),
            ("5s,", "is not a duration"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
