//! Crates of many caches, and what they cost to build.

mod cargo;
mod code;
mod program;

use std::error::Error;
use std::io;

use crate::options::Format;
use crate::report::Report;
use crate::row::{Figure, Row, Unit};
use cargo::{Built, Package};
use code::{Code, Size};
use program::{By, Edit, Program, Usage};

pub const USAGE: &str = "usage: compile [--code] [--top N] [--json] [QUERIES]";

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompileOptions {
    /// Number of queries of the crates, if not the default.
    pub queries: Option<usize>,
    /// Measures only the code, which needs no builds and does not depend on the machine's load.
    pub only_code: bool,
    /// How many of the largest functions of our queries to list. If it is more than 0, nothing else is done.
    pub top: usize,
    pub format: Format,
}

const BY_HAND: [By; 2] = [By::QuickCache, By::Moka];

/// The smallest number of queries in a crate, so that the fixed cost of the first ones is not counted.
const FEW: usize = 3;

impl CompileOptions {
    /// # Errors
    /// If an argument is neither an option nor a number above 0.
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
                "--json" => options.format = Format::Json,
                "--top" => options.top = number(arguments.next())?,
                _ => options.queries = Some(number(Some(argument))?),
            }
        }
        Ok(options)
    }
}

/// Reports what each query adds to a build, compared with hand-written caches of the same types.
pub fn run(options: CompileOptions) -> Result<(), Box<dyn Error>> {
    let package = Package::new()?;
    if options.top > 0 {
        return list_largest(&package, options);
    }
    let mut report = Report::new(options.format);
    report_code(&package, options, &mut report)?;
    if !options.only_code {
        report_builds(&package, options.queries.unwrap_or(20), &mut report)?;
    }
    Ok(())
}

/// What each query adds: the difference between two crates.
fn code_of_each(package: &Package, by: By, usage: Usage, options: CompileOptions) -> io::Result<Code> {
    let queries = options.queries.unwrap_or(10);
    let few = package.code(&Program::new(by, usage, FEW))?;
    let more = package.code(&Program::new(by, usage, FEW + queries))?;
    Ok(Code::of_each(&more, &few, queries))
}

fn report_code(package: &Package, options: CompileOptions, report: &mut Report) -> io::Result<()> {
    let count = |by, usage| code_of_each(package, by, usage, options).map(|code| code.total());
    let used = count(By::Ours, Usage::Used)?;
    for usage in [Usage::Listed, Usage::Used, Usage::Saved, Usage::Fetched] {
        let (ours, peers) = match usage {
            // A hand-written program has no registry.
            Usage::Listed => (count(By::Ours, usage)?, vec![("ours-used", used)]),
            Usage::Used => (used, by_hand(|by| count(by, usage))?),
            Usage::Saved | Usage::Fetched => (count(By::Ours, usage)?, by_hand(|by| count(by, usage))?),
        };
        for (peer, theirs) in peers {
            for (figure, unit, of) in [
                ("lines", Unit::Lines, (|size| size.lines) as fn(Size) -> f64),
                ("functions", Unit::Functions, |size| size.functions),
            ] {
                let workload = format!("build-{figure}/{}", usage.name());
                let [ours, theirs] = [ours, theirs].map(|size| Figure::exact(of(size)));
                report.add(&Row::new(&workload, peer, 1, ours, theirs, unit));
            }
        }
    }
    Ok(())
}

/// The figures of the other libraries.
fn by_hand<T>(mut measure: impl FnMut(By) -> io::Result<T>) -> io::Result<Vec<(&'static str, T)>> {
    BY_HAND.into_iter().map(|by| Ok((by.name(), measure(by)?))).collect()
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

/// One row per figure and library.
fn report_builds(package: &Package, queries: usize, report: &mut Report) -> io::Result<()> {
    let measure = |by| {
        let program = Program::new(by, Usage::Saved, queries);
        let Built { check, dev, release, megabytes } = package.build(&program)?;
        let body = package.rebuild(&program, &program.with(Edit::Body))?;
        let field = package.rebuild(&program, &program.with(Edit::Field))?;
        io::Result::Ok([check, dev, release, body, field, megabytes].map(Figure::exact))
    };
    let ours = measure(By::Ours)?;
    let [.., body, field, _] = ours;
    let workload = format!("build-field/{queries}");
    report.add(&Row::new(&workload, "ours-body", 1, field, body, Unit::ProcessorSeconds));
    for by in BY_HAND {
        let theirs = measure(by)?;
        for (at, figure) in ["check", "dev", "release", "body", "field", "size"].into_iter().enumerate() {
            let workload = format!("build-{figure}/{queries}");
            let unit = if figure == "size" { Unit::Megabytes } else { Unit::ProcessorSeconds };
            report.add(&Row::new(&workload, by.name(), 1, ours[at], theirs[at], unit));
        }
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
        assert_eq!(options(&["--json"]), Ok(CompileOptions { format: Format::Json, ..usual }));
        assert_eq!(options(&["--top", "40"]), Ok(CompileOptions { top: 40, ..usual }));
        for wrong in [&["0"][..], &["-3"], &["twenty"], &["--quick"], &["--top", "0"], &["--top", "twenty"]] {
            let last = wrong.last().unwrap_or(&"");
            assert!(options(wrong).unwrap_err().contains(last));
        }
        assert!(options(&["--top"]).is_err());
    }
}
