//! Crates of many caches, and what they cost to build.

mod cargo;
mod program;

use std::error::Error;

use cargo::{Built, Incremental, Package};
use program::{By, Edit, Program, Usage};

pub const USAGE: &str = "usage: compile [--code] [QUERIES]";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileOptions {
    pub queries: usize,
    /// Only the code, which takes no release builds and does not depend on the machine's load.
    pub only_code: bool,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self { queries: 20, only_code: false }
    }
}

impl CompileOptions {
    /// # Errors
    /// If an argument is neither the flag nor a number above 0.
    pub fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.parse() {
                _ if argument == "--code" => options.only_code = true,
                Ok(queries) if queries > 0 => options.queries = queries,
                _ => return Err(format!("`{argument}` is neither `--code` nor a number above 0")),
            }
        }
        Ok(options)
    }
}

/// Prints what each query adds to a build, and what hand-written caches of the same types do.
pub fn run(options: CompileOptions) -> Result<(), Box<dyn Error>> {
    let package = Package::new()?;
    let CompileOptions { queries, only_code } = options;
    println!(
        "{:<12}{:<8}{:>8}{:>20}{:>20}",
        "by", "usage", "queries", "IR lines per query", "functions per query"
    );
    for (by, usages) in [
        (By::Ours, &[Usage::Listed, Usage::Used, Usage::Saved][..]),
        (By::QuickCache, &[Usage::Used, Usage::Saved]),
        (By::Moka, &[Usage::Used, Usage::Saved]),
    ] {
        for &usage in usages {
            let none = package.code(&Program::new(by, usage, 0))?;
            let all = package.code(&Program::new(by, usage, queries))?;
            let per_query = |all: u64, none: u64| all.saturating_sub(none) as f64 / queries as f64;
            let (lines, functions) =
                (per_query(all.lines, none.lines), per_query(all.functions, none.functions));
            println!("{:<12}{:<8}{queries:>8}{lines:>20.0}{functions:>20.0}", by.name(), usage.name());
        }
    }
    if only_code {
        return Ok(());
    }
    println!(
        "\n{:<12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}",
        "by", "check", "dev", "release", "body", "field", "dev MB"
    );
    for by in [By::Ours, By::QuickCache, By::Moka] {
        let Built { check, dev, release, megabytes } =
            package.build(&Program::new(by, Usage::Saved, queries))?;
        let edited = |edit| {
            let program = Program::new(by, Usage::Saved, queries);
            package.rebuild(&program, &program.with(edit))
        };
        let Incremental { seconds: body } = edited(Edit::Body)?;
        let Incremental { seconds: field } = edited(Edit::Field)?;
        println!(
            "{:<12}{check:>10.1}{dev:>10.1}{release:>10.1}{body:>10.1}{field:>10.1}{megabytes:>12.1}",
            by.name()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Result<CompileOptions, String> {
        CompileOptions::from_arguments(arguments.iter().map(ToString::to_string))
    }

    #[test]
    fn arguments_are_a_number_and_a_flag() {
        assert_eq!(options(&[]), Ok(CompileOptions { queries: 20, only_code: false }));
        assert_eq!(options(&["100", "--code"]), Ok(CompileOptions { queries: 100, only_code: true }));
        for wrong in ["0", "-3", "twenty", "--quick"] {
            assert!(options(&[wrong]).unwrap_err().contains(wrong));
        }
    }
}
