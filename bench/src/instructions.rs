//! Instructions per operation, as `callgrind` counts them. They do not depend on the load of the machine.
//!
//! The program runs itself under `callgrind`. The inner run executes each contestant in a function that turns the
//! counting on, and writes the count into a file when the function returns.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::measure::Contestant;
use crate::options::Options;
use crate::report::Report;
use crate::row::{Figure, Row, Unit};
use crate::workloads::{COUNTED, Counted};

/// Set for the program that runs under `callgrind`.
const CHILD: &str = "CACHE_BENCH_COUNTED";

/// One contestant in one workload.
struct Count {
    workload: String,
    peer: String,
    instructions: f64,
}

pub fn run(options: &Options, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let wanted = || COUNTED.iter().filter(|counted| options.wants(&name(counted)));
    if std::env::var_os(CHILD).is_some() {
        wanted().for_each(run_counted);
        return Ok(());
    }
    let counts = count(options)?;
    for workload in wanted().map(name) {
        let mut figures = counts.iter().filter(|count| count.workload == workload);
        let ours = figures.next().ok_or_else(|| format!("{workload}: nothing was counted"))?;
        for theirs in figures {
            let [ours, figure] = [ours, theirs].map(|count| Figure::exact(count.instructions));
            report.add(&Row::new(&workload, theirs.peer.clone(), 1, ours, figure, Unit::Instructions));
        }
    }
    Ok(())
}

fn name(counted: &Counted) -> String {
    format!("instructions/{}", counted.name)
}

/// Prints the workload and contestant of each file of `callgrind`, in the order of the files.
fn run_counted(counted: &Counted) {
    counted.run(|contestant, keys| {
        counted_operations(contestant, keys);
        end_of_operations(contestant.name);
        println!("{} {} {}", name(counted), contestant.name, keys.len());
    });
}

/// The code that is counted. `callgrind` finds this function and the next by name.
#[inline(never)]
fn counted_operations(contestant: &Contestant, keys: &[u32]) {
    std::hint::black_box(contestant.run(std::hint::black_box(keys)));
}

/// Writes what was counted so far into the next file.
#[inline(never)]
fn end_of_operations(name: &str) {
    std::hint::black_box(name);
}

fn count(options: &Options) -> Result<Vec<Count>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("counts");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no", "--combine-dumps=no"])
        .args(["--toggle-collect=*counted_operations*", "--dump-before=*end_of_operations*"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe()?)
        .args(["--only", &options.only])
        .env(CHILD, "1")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run `valgrind`; install the package of this name: {error}"))?;
    if !output.status.success() {
        return Err(format!("valgrind: {}", output.status).into());
    }
    let lines = String::from_utf8(output.stdout)?;
    // The parts are numbered from 1.
    lines.lines().enumerate().map(|(at, line)| read_count(line, &file, at + 1)).collect()
}

fn read_count(line: &str, file: &Path, part: usize) -> Result<Count, Box<dyn Error>> {
    let [workload, peer, operations] = *line.split(' ').collect::<Vec<_>>() else {
        return Err(format!("expected workload, contestant and number, found `{line}`").into());
    };
    let path = format!("{}.{part}", file.display());
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let total = total_of(&text).ok_or_else(|| io::Error::other(format!("{path} has no total")))?;
    let instructions = total / operations.parse::<f64>()?;
    Ok(Count { workload: workload.to_owned(), peer: peer.to_owned(), instructions })
}

/// Instructions of one file of `callgrind`.
fn total_of(text: &str) -> Option<f64> {
    let total =
        text.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    total?.split(' ').next()?.parse().ok().filter(|&total| total > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_file_is_found() {
        let text = "version: 1\nevents: Ir\nfl=(1) a.rs\nfn=(1) f\n3 40\n\ntotals: 4200\n";
        assert_eq!(total_of(text), Some(4200.0));
        assert_eq!(total_of("events: Ir\nsummary: 12\n"), Some(12.0));
        assert_eq!(total_of("events: Ir\n"), None);
    }

    #[test]
    fn a_file_in_which_nothing_was_counted_has_no_total() {
        assert_eq!(total_of("totals: 0\n"), None);
    }
}
