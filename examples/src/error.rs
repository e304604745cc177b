//! Why the program fails. Each message is one line.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use cache_core::{CommitError, OpenError};

/// Why the program fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The path on the command line does not exist.
    #[error("no such file or folder: `{}`", .0.display())]
    NoSuchPath(PathBuf),
    /// Cargo could not read the project.
    #[error("cargo cannot read the project: {0}")]
    Cargo(String),
    /// No package has this name.
    #[error("no package `{0}` in this project")]
    NoSuchPackage(String),
    /// No package has this licence.
    #[error("no package with licence `{0}` in this project; without options, all licences are listed")]
    NoSuchLicence(String),
    /// The cache could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Answers could not be stored in the cache.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The file of answers could not be opened.
    #[error("cannot use the file of `--provider`: {0}")]
    Provider(#[from] cache_file::OpenError),
    /// The runtime of the client could not be made.
    #[error("cannot start the client: {0}")]
    Runtime(io::Error),
    /// A load of the client failed.
    #[error("{0}")]
    Load(Arc<Error>),
    /// The client has no answer for another reason.
    #[error("{0}")]
    Client(String),
}

impl From<cargo_metadata::Error> for Error {
    fn from(error: cargo_metadata::Error) -> Self {
        match error {
            cargo_metadata::Error::CargoMetadata { stderr } => Self::Cargo(one_line(&stderr)),
            other => Self::Cargo(one_line(&other.to_string())),
        }
    }
}

/// A report of cargo on one line: the error and its causes, without source excerpts.
fn one_line(report: &str) -> String {
    let lines = report.lines().map(str::trim).skip_while(|line| !line.starts_with("error"));
    let parts: Vec<&str> = lines
        .filter(|line| !line.is_empty() && *line != "Caused by:" && !is_picture(line))
        .map(|line| line.trim_start_matches("error: ").trim_start_matches("--> "))
        .collect();
    if parts.is_empty() { report.split_whitespace().collect::<Vec<_>>().join(" ") } else { parts.join(": ") }
}

/// Whether a line is part of a source frame: `12 | text` or `   | ^^^`.
fn is_picture(line: &str) -> bool {
    line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn causes_follow_on_the_same_line() {
        let report =
            "error: failed to get `foo`\n\nCaused by:\n  failed to load\n\nCaused by:\n  No such file\n";
        assert_eq!(one_line(report), "failed to get `foo`: failed to load: No such file");
    }

    #[test]
    fn pictures_of_the_source_are_left_out() {
        let report = "    Updating index\nerror: unclosed table, expected `]`\n --> Cargo.toml:1:9\n  |\n1 | [package\n  |         ^\n";
        assert_eq!(one_line(report), "unclosed table, expected `]`: Cargo.toml:1:9");
    }

    #[test]
    fn a_report_without_an_error_is_kept() {
        assert_eq!(one_line("something\n odd\n"), "something odd");
    }
}
