//! The command line of `newsroom`.

use std::ffi::OsString;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::Arg::{Long, Short};
use lexopt::ValueExt;

use crate::database::Size;
use crate::settings::Settings;
use crate::sharing::{NotAServerUrl, ServerUrl};

/// What `--help` prints.
pub const HELP: &str = "\
A newspaper with comments, served from a cache over a small database.

Usage: newsroom [OPTIONS]

  --address ADDRESS          where to serve [default: 127.0.0.1:8080]
  --data DIR                 folder of the database and the snapshot [default: target/newsroom]
  --shared URL               share answers with other newsrooms on the same folder, by a Redis or Valkey server, such as
                             redis://127.0.0.1:6379; give all of them the same url
  --articles N               articles of a new database [default: 10000]
  --scripts WHICH            which scripts run on the page of an article: `inline` (files of the service, and those that
                             carry answers), `nonce` (only with the nonce of the page), `blocks` (only files; blocks of
                             data carry answers) or `strict` (the same, without code or markup from text)
                             [default: inline]
  --inspection WHO           who may see /_cache, by its link, and /api/stats: `off`, `local` (clients on this machine)
                             or `open` [default: local]; behind a proxy on this machine every client looks local
  --host NAME                a name under which browsers may open /_cache, beside this machine; may be repeated
  --connections N            connections at the same time; others wait [default: 800]
  --streams N                live comments at the same time; others are refused [default: 400]
  --streams-per-address N    the same for one address; raise it behind a proxy, which is one address [default: 40]
  --grace SECONDS            how long running requests may take after Ctrl-C [default: 1]
  -h, --help                 print this

Ctrl-C or SIGTERM stops it and saves the cache; a second one ends it at once.
";

/// What the user requests.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve the newspaper.
    Serve(Options),
    /// Print the help.
    Help,
}

/// How to serve.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The address.
    pub address: SocketAddr,
    /// Folder of the database and the snapshot.
    pub data: PathBuf,
    /// The server by which answers are shared with other newsrooms on the folder.
    pub shared: Option<ServerUrl>,
    /// The size of a new database.
    pub size: Size,
    /// Limits, and which clients may inspect the service.
    pub settings: Settings,
}

/// Reads the command line, without the name of the program.
///
/// # Errors
/// If it is invalid.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut options = Options {
        address: SocketAddr::from(([127, 0, 0, 1], 8080)),
        data: PathBuf::from("target/newsroom"),
        shared: None,
        size: Size::default(),
        settings: Settings::default(),
    };
    let settings = &mut options.settings;
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("address") => {
                let text = parser.value()?.string()?;
                let reason = "is not an address with a port, as in 127.0.0.1:8080";
                options.address =
                    text.parse().map_err(|_| lexopt::Error::from(format!("`{text}` {reason}")))?;
            }
            Long("data") => {
                options.data = parser.value()?.into();
                // For example from a variable that is not set.
                if options.data.as_os_str().is_empty() {
                    return Err("the folder of --data is empty; `--data .` is the current one".into());
                }
            }
            Long("shared") => {
                // Errors of the parser would show the url, which may contain a password.
                let url = parser.value()?.into_string().ok().and_then(|url| url.parse().ok());
                options.shared = Some(url.ok_or_else(|| format!("--shared: {NotAServerUrl}"))?);
            }
            Long("articles") => options.size = Size::of(number(&mut parser, 1, 1_000_000)?),
            Long("inspection") => settings.inspection = parser.value()?.parse_with(str::parse)?,
            Long("scripts") => settings.scripts = parser.value()?.parse_with(str::parse)?,
            Long("host") => settings.hosts.push(parser.value()?.string()?),
            Long("connections") => settings.connections = number(&mut parser, 1, 1_000_000)?,
            Long("streams") => settings.streams = number(&mut parser, 1, 1_000_000)?,
            Long("streams-per-address") => settings.streams_per_address = number(&mut parser, 1, 1_000_000)?,
            Long("grace") => settings.grace = Duration::from_secs(number(&mut parser, 0, 3_600)?),
            Long("help") | Short('h') => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Serve(options))
}

/// The value of an option: a number from `least` to `most`.
///
/// # Errors
/// If the value is not such a number.
pub fn number<N: FromStr + PartialOrd + Display>(
    parser: &mut lexopt::Parser,
    least: N,
    most: N,
) -> Result<N, lexopt::Error> {
    let within = |text: &str| text.parse().ok().filter(|number| (&least..=&most).contains(&number));
    parser
        .value()?
        .parse_with(|text| within(text).ok_or_else(|| format!("it must be from {least} to {most}")))
}
