//! The command line of `newsroom`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::Arg::{Long, Short};
use lexopt::ValueExt;

/// What `--help` prints.
pub const HELP: &str = "\
A newspaper with comments, served from a cache over a small database.

Usage: newsroom [OPTIONS]

  --address ADDRESS  where to serve [default: 127.0.0.1:8080]
  --data DIR         folder of the database and the snapshot [default: target/newsroom]
  --help             print this
";

/// What the user wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// To serve.
    Serve(Options),
    /// To be told how.
    Help,
}

/// How to serve.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Where.
    pub address: SocketAddr,
    /// Folder of the database and the snapshot.
    pub data: PathBuf,
}

/// Reads the command line, without the name of the program.
///
/// # Errors
/// If it makes no sense.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut options =
        Options { address: SocketAddr::from(([127, 0, 0, 1], 8080)), data: PathBuf::from("target/newsroom") };
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("address") => {
                let text = parser.value()?.string()?;
                let reason = "is no address with a port, as in 127.0.0.1:8080";
                options.address =
                    text.parse().map_err(|_| lexopt::Error::from(format!("`{text}` {reason}")))?;
            }
            Long("data") => options.data = parser.value()?.into(),
            Long("help") | Short('h') => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Serve(options))
}
