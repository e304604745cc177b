//! The command line, and how it sets the length of a run. Measures nothing.

use std::path::PathBuf;

use lexopt::prelude::*;

/// Numbers of threads that are measured.
pub const THREADS: [usize; 2] = [1, 2];

pub const USAGE: &str =
    "usage: cache-bench [--quick] [--only NAME] [--json] [--traces DIR] [--documents DIR]";

pub struct Options {
    pub effort: Effort,
    /// Part of the names of the workloads to run; empty for all.
    pub only: String,
    pub format: Format,
    pub traces: Option<PathBuf>,
    /// The folder of recorded documents.
    pub documents: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Table,
    Json,
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Turns of each contestant, of which the median is reported.
    pub rounds: usize,
    /// Operations of each thread in one turn.
    pub operations: usize,
    /// Operations on a cache with eviction between its filling and the first turn.
    pub warm_up: usize,
    /// Large workloads have their number of entries divided by this.
    pub part: usize,
}

impl Effort {
    const FULL: Self = Self { rounds: 9, operations: 250_000, warm_up: 4_000_000, part: 1 };
    const QUICK: Self = Self { rounds: 5, operations: 25_000, warm_up: 500_000, part: 10 };

    /// The number of keys that a sequence needs so that no round repeats the keys of the one before.
    pub fn sequence(self) -> usize {
        self.rounds * self.operations * THREADS.len()
    }

    /// The number of entries of a large workload that has this many at full length, and how its name shows it.
    pub fn entries(self, full: usize) -> (usize, String) {
        let entries = full / self.part;
        let name = match entries {
            1_000_000.. => format!("{}m", entries / 1_000_000),
            _ => format!("{}k", entries / 1_000),
        };
        (entries, name)
    }
}

impl Options {
    pub fn from_command_line() -> Result<Self, lexopt::Error> {
        let mut options = Self {
            effort: Effort::FULL,
            only: String::new(),
            format: Format::Table,
            traces: None,
            documents: None,
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("quick") => options.effort = Effort::QUICK,
                Long("only") => options.only = arguments.value()?.string()?,
                Long("json") => options.format = Format::Json,
                Long("traces") => options.traces = Some(arguments.value()?.into()),
                Long("documents") => options.documents = Some(arguments.value()?.into()),
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(options)
    }

    pub fn is_quick(&self) -> bool {
        self.effort.part > 1
    }

    /// Whether a workload of this name was requested.
    pub fn wants(&self, workload: &str) -> bool {
        workload.contains(&self.only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_workload_is_a_tenth_in_a_quick_run_and_its_name_says_so() {
        assert_eq!(Effort::FULL.entries(1_000_000), (1_000_000, "1m".to_owned()));
        assert_eq!(Effort::QUICK.entries(1_000_000), (100_000, "100k".to_owned()));
        assert_eq!(Effort::QUICK.entries(100_000), (10_000, "10k".to_owned()));
    }
}
