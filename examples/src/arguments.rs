//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

/// What `--help` prints.
pub const HELP: &str = "\
Answers questions about a Cargo project, and remembers the answers until its lock file or manifests change.

Usage: packages [OPTIONS] [PATH]

  PATH                 a folder or a Cargo.toml; by default the project of the current folder

Questions (by default an overview: licences, most used packages, longest chain, several versions):
  -p, --package SPEC   tell about a package and who depends on it; SPEC is a name, name@version or id
  -l, --licence NAME   list the packages with this licence

Cache:
      --cache FILE     keep the snapshot in FILE; by default in packages.snapshot in the project's target folder
      --no-cache       restore nothing and save nothing
      --provider FILE  keep no snapshot, but each answer by itself in FILE, which several projects can share
      --inspect        show what is in the cache, and the last commits

  -h, --help           print this
  -V, --version        print the version

Exit status: 0 if all questions were answered, 1 if not, 2 if the command line is invalid.
";

/// The command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Answer questions.
    Answer(Options),
}

/// Which questions, about which project, and where the answers are saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Folder or manifest; `None` for the current folder.
    pub path: Option<PathBuf>,
    /// Packages to show.
    pub packages: Vec<String>,
    /// Licences to list.
    pub licences: Vec<String>,
    /// Where the snapshot is.
    pub snapshot: Snapshot,
    /// Show the content of the cache.
    pub inspect: bool,
}

/// Where the snapshot is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Snapshot {
    /// In the target folder of the project.
    #[default]
    InTarget,
    /// In this file.
    File(PathBuf),
    /// Nowhere.
    Nowhere,
    /// Nowhere: each answer is kept in this file, by a provider.
    Provider(PathBuf),
}

/// Reads a command line, without the name of the program.
///
/// # Errors
/// If it is invalid.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_args(arguments);
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version),
            Arg::Short('p') | Arg::Long("package") => options.packages.push(parser.value()?.string()?),
            Arg::Short('l') | Arg::Long("licence" | "license") => {
                options.licences.push(parser.value()?.string()?)
            }
            Arg::Long("cache") => options.snapshot = Snapshot::File(parser.value()?.into()),
            Arg::Long("provider") => options.snapshot = Snapshot::Provider(parser.value()?.into()),
            Arg::Long("no-cache") => options.snapshot = Snapshot::Nowhere,
            Arg::Long("inspect") => options.inspect = true,
            Arg::Value(path) if options.path.is_none() => options.path = Some(path.into()),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Answer(options))
}

#[cfg(test)]
mod tests {
    use super::{Command, Options, Snapshot, parse};

    #[test]
    fn nothing_asks_for_an_overview_of_the_current_project() {
        assert_eq!(read(""), Ok(Command::Answer(Options::default())));
    }

    #[test]
    fn options_stand_before_and_after_the_path() {
        let expected = Options {
            path: Some("here".into()),
            packages: vec!["a".into(), "b@1".into()],
            licences: vec!["MIT".into()],
            snapshot: Snapshot::File("x.snapshot".into()),
            inspect: true,
        };
        let line = "-p a --inspect here --package=b@1 --licence MIT --cache x.snapshot";
        assert_eq!(read(line), Ok(Command::Answer(expected)));
    }

    #[test]
    fn the_last_place_for_answers_counts() {
        let provider = Options { snapshot: Snapshot::Provider("x.redb".into()), ..Options::default() };
        assert_eq!(read("--no-cache --provider x.redb"), Ok(Command::Answer(provider)));
    }

    #[test]
    fn an_invalid_argument_is_named() {
        assert_eq!(read("--chache x").unwrap_err(), "invalid option '--chache'");
        assert_eq!(read("a b").unwrap_err(), "unexpected argument \"b\"");
        assert_eq!(read("-p").unwrap_err(), "missing argument for option '-p'");
    }

    #[track_caller]
    fn read(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(Into::into)).map_err(|error| error.to_string())
    }
}
