//! The programs of this package, from the command line to the exit code.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::charts::draw_all;
use crate::compile::{self, CompileOptions};
use crate::floors::{Floors, Verdict};
use crate::memory::{self, Allocator};
use crate::options::{self, Options};
use crate::report::Report;
use crate::row::{Row, read_rows};
use crate::workloads;

/// Measures times and hit ratios.
pub fn compare() -> ExitCode {
    if let Some(result) = workloads::shared::run_if_child() {
        return end(result);
    }
    let options = match Options::from_command_line() {
        Ok(options) => options,
        Err(error) => return refuse(&error, options::USAGE),
    };
    let mut report = Report::new(options.format);
    end(workloads::run(&options, &mut report))
}

/// Measures bytes.
pub fn memory(allocator: &Allocator) -> ExitCode {
    let options = match Options::from_command_line() {
        Ok(options) => options,
        Err(error) => return refuse(&error, options::USAGE),
    };
    memory::run(&options, &mut Report::new(options.format), allocator);
    ExitCode::SUCCESS
}

/// Counts instructions.
pub fn instructions() -> ExitCode {
    let options = match Options::from_command_line() {
        Ok(options) => options,
        Err(error) => return refuse(&error, options::USAGE),
    };
    end(crate::instructions::run(&options, &mut Report::new(options.format)))
}

/// Measures what queries cost to build.
pub fn compile() -> ExitCode {
    match CompileOptions::from_arguments(std::env::args().skip(1)) {
        Ok(options) => end(compile::run(options)),
        Err(error) => refuse(&error, compile::USAGE),
    }
}

/// Compares rows of runs with the committed floors.
pub fn check() -> ExitCode {
    end(find_shortfalls())
}

fn find_shortfalls() -> Result<(), Box<dyn Error>> {
    let rows = rows_of(std::env::args_os().skip(1))?;
    let floors = Floors::committed()?;
    let Verdict { below, short_of_aim, absent } = floors.compare(&rows);
    if !absent.is_empty() {
        println!("not in this run: {}", absent.into_iter().collect::<Vec<_>>().join(", "));
    }
    for shortfall in &short_of_aim {
        println!("misses its aim: {shortfall}");
    }
    for shortfall in &below {
        println!("below its floor: {shortfall}");
    }
    match below.len() {
        0 => Ok(()),
        below => Err(format!("{below} of {} floors are not reached", floors.len()).into()),
    }
}

/// Draws the rows of runs.
pub fn charts() -> ExitCode {
    let mut files: Vec<OsString> = std::env::args_os().skip(1).collect();
    let Some(folder) = files.pop().filter(|_| !files.is_empty()) else {
        return refuse(&"expected files of results and a folder", "usage: charts RESULTS.json... FOLDER");
    };
    end(rows_of(files.into_iter()).and_then(|rows| draw_all(&rows, Path::new(&folder))))
}

/// The rows of all files, or of standard input if there is no file.
fn rows_of(files: impl Iterator<Item = OsString>) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    let mut files = files.peekable();
    if files.peek().is_none() {
        rows.extend(read_rows(&io::read_to_string(io::stdin())?)?);
    }
    for file in files {
        let explain = |error: &dyn Display| format!("{}: {error}", file.display());
        let text = fs::read_to_string(&file).map_err(|error| explain(&error))?;
        rows.extend(read_rows(&text).map_err(|error| explain(&error))?);
    }
    Ok(rows)
}

fn refuse(error: &impl Display, usage: &str) -> ExitCode {
    eprintln!("cache-bench: {error}\n{usage}");
    ExitCode::from(2)
}

fn end(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cache-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
