//! Crates of many caches, and what they cost to build.

mod cargo;
mod code;
mod program;

use std::error::Error;
use std::io;

use cargo::{Built, Package};
use code::{Code, Size};
use program::{By, Edit, Program, Usage};

pub const USAGE: &str = "usage: compile [--code] [--top N] [QUERIES]";

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompileOptions {
    /// Number of queries of the crates, if not the usual one.
    pub queries: Option<usize>,
    /// Only the code, which takes no builds and does not depend on the machine's load.
    pub only_code: bool,
    /// How many of the largest functions of our queries to list; nothing else if that is more than 0.
    pub top: usize,
}

/// The least number of queries in a crate, so that what the first ones add besides is left out.
const FEW: usize = 3;

impl CompileOptions {
    /// # Errors
    /// If an argument is neither a flag nor a number above 0.
    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let number = |text: Option<String>| {
            let text = text.unwrap_or_default();
            let number = text.parse().ok().filter(|&number| number > 0);
            number.ok_or_else(|| format!("`{text}` is neither an option nor a number above 0"))
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--code" => options.only_code = true,
                "--top" => options.top = number(arguments.next())?,
                _ => options.queries = Some(number(Some(argument))?),
            }
        }
        Ok(options)
    }
}

/// Prints what each query adds to a build, and what hand-written caches of the same types do.
pub fn run(options: CompileOptions) -> Result<(), Box<dyn Error>> {
    let package = Package::new()?;
    if options.top > 0 {
        return list_largest(&package, options);
    }
    print_code(&package, options)?;
    match options.only_code {
        true => Ok(()),
        false => print_seconds(&package, options.queries.unwrap_or(20)),
    }
}

/// What each query adds, by the difference of two crates.
fn code_of_each(package: &Package, by: By, usage: Usage, options: CompileOptions) -> io::Result<Code> {
    let queries = options.queries.unwrap_or(10);
    let few = package.code(&Program::new(by, usage, FEW))?;
    let more = package.code(&Program::new(by, usage, FEW + queries))?;
    Ok(Code::of_each(&more, &few, queries))
}

fn print_code(package: &Package, options: CompileOptions) -> io::Result<()> {
    println!("{:<12}{:<8}{:>20}{:>20}", "by", "usage", "IR lines per query", "functions per query");
    for (by, usages) in [
        (By::Ours, &[Usage::Listed, Usage::Used, Usage::Saved, Usage::Fetched][..]),
        (By::QuickCache, &[Usage::Used, Usage::Saved, Usage::Fetched]),
        (By::Moka, &[Usage::Used, Usage::Saved, Usage::Fetched]),
    ] {
        for &usage in usages {
            let Size { lines, functions } = code_of_each(package, by, usage, options)?.total();
            println!("{:<12}{:<8}{lines:>20.0}{functions:>20.0}", by.name(), usage.name());
        }
    }
    Ok(())
}

fn list_largest(package: &Package, options: CompileOptions) -> Result<(), Box<dyn Error>> {
    for usage in [Usage::Used, Usage::Saved, Usage::Fetched] {
        let code = code_of_each(package, By::Ours, usage, options)?;
        let Size { lines, functions } = code.total();
        println!("{}: {lines:.0} lines, {functions:.0} functions per query", usage.name());
        for sizes in [code.origins(options.top), code.largest(options.top)] {
            println!("{:>10}{:>10}", "lines", "copies");
            for (path, Size { lines, functions }) in sizes {
                println!("{lines:>10.0}{functions:>10.1}  {path}");
            }
        }
    }
    Ok(())
}

fn print_seconds(package: &Package, queries: usize) -> Result<(), Box<dyn Error>> {
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
        let body = edited(Edit::Body)?;
        let field = edited(Edit::Field)?;
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
    fn arguments_are_numbers_and_flags() {
        let usual = CompileOptions::default();
        assert_eq!(options(&[]), Ok(usual));
        let code_of_100 = CompileOptions { queries: Some(100), only_code: true, ..usual };
        assert_eq!(options(&["100", "--code"]), Ok(code_of_100));
        assert_eq!(options(&["--top", "40"]), Ok(CompileOptions { top: 40, ..usual }));
        for wrong in [&["0"][..], &["-3"], &["twenty"], &["--quick"], &["--top", "0"], &["--top", "twenty"]] {
            let last = wrong.last().unwrap_or(&"");
            assert!(options(wrong).unwrap_err().contains(last));
        }
        assert!(options(&["--top"]).is_err());
    }
}
