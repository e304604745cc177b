//! The command line of `dashboard`.

use std::ffi::OsString;
use std::time::Duration;

use lexopt::Arg::{Long, Short};
use lexopt::ValueExt;

use crate::newsroom::Address;

/// What `--help` prints.
pub const HELP: &str = "\
Shows what a newsroom says, and how each query is doing, live. Start one with `cargo run --release -p newsroom`.

Usage: dashboard [OPTIONS]

  --url URL           where the newsroom is [default: http://127.0.0.1:8080]
  --every TIME        how long after an answer to ask again [default: 2s]
  --retry-after TIME  how long to leave a newsroom alone that failed too often [default: 10s]
  -h, --help          print this

A TIME is a number and `ms`, `s` or `m`, as in 500ms.

Keys: q or Ctrl-C ends; r refreshes; p pauses; up and down choose an article, left and right a page.
";

/// The shortest time that an option may set: querying more often burdens the newsroom and shows nothing more.
const SHORTEST: Duration = Duration::from_millis(50);

/// The longest time that an option may set.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// What the user requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Show the newsroom.
    Show(Options),
    /// Print the help.
    Help,
}

/// What to show, and how often to query it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Address of the newsroom.
    pub address: Address,
    /// Time from an answer to the next query.
    pub every: Duration,
    /// How long the circuit breaker stays open.
    pub retry_after: Duration,
}

/// Reads the command line, without the name of the program.
///
/// # Errors
/// If it is invalid.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut options = Options {
        address: Address::default(),
        every: Duration::from_secs(2),
        retry_after: Duration::from_secs(10),
    };
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("url") => options.address = parser.value()?.parse_with(str::parse::<Address>)?,
            Long("every") => options.every = parser.value()?.parse_with(time)?,
            Long("retry-after") => options.retry_after = parser.value()?.parse_with(time)?,
            Long("help") | Short('h') => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Show(options))
}

/// A text that is not a time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages are self-explanatory")]
pub enum NotATime {
    #[error("a time is a number and `ms`, `s` or `m`, as in 500ms")]
    Shape,
    #[error("it must be from 50ms to 60m")]
    Range,
}

/// Reads a time, as options have it.
///
/// # Errors
/// It is no time, or too short or too long.
pub fn time(text: &str) -> Result<Duration, NotATime> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u32 = digits.parse().map_err(|_| NotATime::Shape)?;
    let unit = match &text[digits.len()..] {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        _ => return Err(NotATime::Shape),
    };
    let time = unit * number;
    if time < SHORTEST || time > LONGEST { Err(NotATime::Range) } else { Ok(time) }
}

#[cfg(test)]
mod tests;
