//! `cache-codegen explain CRATE_DIR`: what the generator sees in a crate. Reads arguments and prints; the library does
//! the work.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use cache_codegen::Explanation;
use lexopt::prelude::*;

const USAGE: &str = "\
Usage: cache-codegen explain CRATE_DIR [--json] [--root FILE]

Prints the modules that are walked, the queries that are found, and why a lookalike is ignored.

  --json       answer in JSON
  --root FILE  file of the crate root, relative to CRATE_DIR
  -h, --help   print this
  -V, --version

Exit status: 0 if the crate could be walked, 1 if not, 2 for bad usage.
";

/// The crate could not be walked.
const FAILURE: u8 = 1;
/// The command line is invalid.
const BAD_USAGE: u8 = 2;

enum Command {
    Explain { folder: PathBuf, root: Option<PathBuf>, is_json: bool },
    Help,
    Version,
}

fn main() -> ExitCode {
    match command() {
        Ok(Command::Help) => print(USAGE),
        Ok(Command::Version) => print(concat!("cache-codegen ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Explain { folder, root, is_json }) => match Explanation::of(&folder, root.as_deref()) {
            Ok(explanation) => explain(&explanation, is_json),
            Err(report) => fail(&report.render(&folder)),
        },
        Err(error) => {
            let _ = write!(std::io::stderr(), "error: {error}\n\n{USAGE}");
            ExitCode::from(BAD_USAGE)
        }
    }
}

fn command() -> Result<Command, lexopt::Error> {
    let (mut words, mut root, mut is_json) = (Vec::new(), None, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("json") => is_json = true,
            Long("root") => root = Some(PathBuf::from(parser.value()?)),
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Value(word) => words.push(word),
            other => return Err(other.unexpected()),
        }
    }
    match words.as_slice() {
        [command, folder] if command == "explain" => {
            Ok(Command::Explain { folder: PathBuf::from(folder), root, is_json })
        }
        [command] if command == "explain" => Err("missing argument CRATE_DIR".into()),
        [] => Err("missing command".into()),
        [command, ..] if command != "explain" => {
            Err(format!("unknown command `{}`", command.to_string_lossy()).into())
        }
        _ => Err("too many arguments".into()),
    }
}

fn explain(explanation: &Explanation, is_json: bool) -> ExitCode {
    let text = if is_json { explanation.json() } else { explanation.text() };
    let printed = print(&text);
    let faults = explanation.faults();
    if faults.is_empty() { printed } else { fail(&faults.render(&explanation.package.folder)) }
}

/// Prints to standard output. A closed reader, as in `| head`, is not a failure.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILURE),
    }
}

fn fail(report: &str) -> ExitCode {
    let _ = std::io::stderr().write_all(report.as_bytes());
    ExitCode::from(FAILURE)
}
