//! The command line of `reader`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use dashboard::newsroom::Address;
use lexopt::Arg::{Long, Short, Value};
use lexopt::ValueExt;

/// What `--help` prints.
pub const HELP: &str = "\
Shows articles, their authors and comments from a newsroom, which `cargo run -p newsroom` starts.

Usage: reader [OPTIONS] [URL]

  URL            where the newsroom is [default: http://127.0.0.1:8080]
  --name NAME    who comments [default: A reader]
  --every TIME   how often to ask for news, as in 500ms or 5s [default: 5s]
  --data FOLDER  where to keep what was read, for a start without the newsroom
                 [default: target/reader]
  -h, --help     print this

Keys: up, down, page up, page down choose an article; left and right scroll it; c comments;
r renames the author; d deletes the article; u loads everything again; q ends.
";

/// What the user requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Read.
    Read(Options),
    /// Print the help.
    Help,
}

/// Where to read, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The address of the newsroom.
    pub address: Address,
    /// The name under which comments are posted.
    pub name: String,
    /// Time from an answer to the next question.
    pub every: Duration,
    /// The folder for what was read.
    pub data: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: Address::default(),
            name: "A reader".to_owned(),
            every: Duration::from_secs(5),
            data: PathBuf::from("target/reader"),
        }
    }
}

/// Reads the command line, without the name of the program.
///
/// # Errors
/// If it is invalid.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut options = Options::default();
    let mut has_address = false;
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Value(url) if !has_address => {
                options.address = url.parse_with(str::parse::<Address>)?;
                has_address = true;
            }
            Long("name") => options.name = parser.value()?.string()?,
            Long("every") => options.every = parser.value()?.parse_with(dashboard::arguments::time)?,
            Long("data") => options.data = parser.value()?.into(),
            Long("help") | Short('h') => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Read(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Command, String> {
        parse(arguments.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_address_is_the_argument() {
        let Ok(Command::Read(options)) =
            read(&["http://127.0.0.1:9000", "--every", "100ms", "--name", "Ada"])
        else {
            panic!("it is valid");
        };
        assert_eq!(options.address.to_string(), "http://127.0.0.1:9000");
        assert_eq!((options.every, &*options.name), (Duration::from_millis(100), "Ada"));
        assert_eq!(read(&["-h"]), Ok(Command::Help));
    }

    #[test]
    fn what_is_invalid_is_named() {
        assert!(read(&["127.0.0.1:9000"]).unwrap_err().contains("http://"));
        assert!(read(&["http://a", "http://b"]).unwrap_err().contains("http://b"));
        assert!(read(&["--every", "1"]).unwrap_err().contains("500ms"));
    }
}
