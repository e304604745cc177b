//! The programs of this package, from command line to exit code.

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;

use crate::memory::{self, Allocator};
use crate::options::{self, Options};
use crate::report::Report;
use crate::workloads;

/// Measures times and shares of hits.
pub fn compare() -> ExitCode {
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
