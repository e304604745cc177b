//! The command line of `coherence`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value};
use lexopt::{Parser, ValueExt};

use crate::{builds, node};

/// What `--help` prints.
pub const HELP: &str = "\
Runs four machines with one shared tier, and what can go wrong between them.
Starts a `redis-server` of its own on a free port.

Usage: coherence [OPTIONS]

  --script        run a fixed sequence, print a timeline, and judge it. Exits
                  with 0 only if all guarantees held
  --max-lag MS    how old fresh answers may be, in milliseconds [default: 1000]
  --lease MS      how long a machine may load a key while others wait
                  [default: 2000]
  -h, --help      print this

The variable CACHE_TEST_SERVER names another server, such as valkey-server.
";

/// What the user requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Show the machines.
    Show(Limits),
    /// Run the script.
    Script(Limits),
    /// Be a machine.
    Node(node::Settings),
    /// Be the origin with this folder.
    Origin(PathBuf),
    /// Print the help.
    Help,
}

/// Limits of the tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long an answer may be called fresh after another machine has dropped it.
    pub max_lag: Duration,
    /// How long a machine may load a key while the others wait.
    pub lease: Duration,
}

/// Reads the command line, without the name of the program.
///
/// # Errors
/// If it is invalid.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut limits = Limits { max_lag: Duration::from_secs(1), lease: Duration::from_secs(2) };
    let mut is_script = false;
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("script") => is_script = true,
            Long("max-lag") => limits.max_lag = milliseconds(&parser.value()?)?,
            Long("lease") => limits.lease = milliseconds(&parser.value()?)?,
            Long("help") | Short('h') => return Ok(Command::Help),
            Value(value) if value == "origin" => return Ok(Command::Origin(parser.value()?.into())),
            Value(value) if value == "node" => return node(&mut parser).map(Command::Node),
            other => return Err(other.unexpected()),
        }
    }
    Ok(if is_script { Command::Script(limits) } else { Command::Show(limits) })
}

/// The settings of a machine, as [`lab`](crate::lab) writes them.
fn node(parser: &mut Parser) -> Result<node::Settings, lexopt::Error> {
    Ok(node::Settings {
        node: parser.value()?.parse()?,
        build: parser.value()?.parse_with(|name| builds::Name::parse(name).ok_or("no such build"))?,
        url: parser.value()?.string()?,
        origin: parser.value()?.into(),
        max_lag: milliseconds(&parser.value()?)?,
        lease: milliseconds(&parser.value()?)?,
    })
}

fn milliseconds(text: &OsString) -> Result<Duration, lexopt::Error> {
    match text.parse()? {
        limit @ 100..=600_000 => Ok(Duration::from_millis(limit)),
        _ => Err("a limit is from 100 to 600000 milliseconds".into()),
    }
}

#[cfg(test)]
mod tests;
