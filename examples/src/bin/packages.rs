//! Answers questions about a Cargo project. `packages --help` lists them.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use examples::arguments::{self, Command, Options, Snapshot};
use examples::project::Place;
use examples::session::{Session, Start};
use examples::{Error, report};

fn main() -> ExitCode {
    let options = match arguments::parse(env::args_os().skip(1)) {
        Ok(Command::Answer(options)) => options,
        Ok(Command::Help) => return print(arguments::HELP),
        Ok(Command::Version) => return print(concat!("packages ", env!("CARGO_PKG_VERSION"), "\n")),
        Err(error) => {
            eprintln!("error: {error}; see `packages --help`");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(text) => print(&text),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<String, Error> {
    let before = Instant::now();
    let place = Place::find(options.path.as_deref().unwrap_or(Path::new(".")))?;
    let title = format!("Project {}", place.root.display());
    let snapshot = snapshot(options, &place);
    let session = match &options.snapshot {
        Snapshot::Provider(file) => Session::open_with_provider(place, file, before.elapsed())?,
        _ => Session::open(place, snapshot.clone(), before.elapsed())?,
    };
    if let (Start::Damaged(problem), Some(path)) = (session.start(), &snapshot) {
        eprintln!("warning: `{}`: {problem}", path.display());
    }

    let mut tables = Vec::new();
    for spec in &options.packages {
        tables.extend(report::packages(&session, spec)?);
    }
    for licence in &options.licences {
        tables.push(report::licence(&session, licence)?);
    }
    if tables.is_empty() {
        tables = report::overview(&session)?;
    }

    let end = session.end()?;
    if let Some(Err(problem)) = &end.saved {
        eprintln!("warning: the answers were not saved: {problem}");
    }
    let inspection = session.inspect();
    let mut text = format!("{title}\n\n");
    for table in tables {
        text += &format!("{table}\n");
    }
    text += &report::cache(session.start(), &end, &inspection);
    if options.inspect {
        text += &format!("\n{inspection}\n");
    }
    Ok(text)
}

fn snapshot(options: &Options, place: &Place) -> Option<PathBuf> {
    match &options.snapshot {
        Snapshot::InTarget => Some(place.target.join("packages.snapshot")),
        Snapshot::File(path) => Some(path.clone()),
        Snapshot::Nowhere | Snapshot::Provider(_) => None,
    }
}

/// Prints to standard output. A reader that closes it early, such as `head`, has read enough.
fn print(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: cannot print: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
