//! The command line of `load`.

use std::ffi::OsString;
use std::net::SocketAddr;

use lexopt::Arg::{Long, Short};
use lexopt::ValueExt;
use newsroom::arguments::number;

pub(crate) const HELP: &str = "\
Reads and comments over many connections, and checks every answer.

Usage: load [OPTIONS]

  --connections N    readers at the same time [default: 200]
  --seconds N        how long [default: 30]
  --posts N          comments among a hundred requests [default: 5]
  --address ADDRESS  a service that runs; without it, one is started with a new database
  --help             print this
";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) connections: u64,
    pub(crate) seconds: u64,
    pub(crate) posts: u8,
    pub(crate) address: Option<SocketAddr>,
}

/// `None` if the user wants help.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options { connections: 200, seconds: 30, posts: 5, address: None };
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("connections") => options.connections = number(&mut parser, 1, 100_000)?,
            Long("seconds") => options.seconds = number(&mut parser, 1, 86_400)?,
            Long("posts") => options.posts = number(&mut parser, 0, 100)?,
            Long("address") => options.address = Some(parser.value()?.parse()?),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}
