//! The least ratio that a row may have, the one that it should have, and which rows fall short of them. Runs nothing.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use serde::Deserialize;

use crate::row::{Row, Unit};

/// All floors of this package.
const FLOORS: &str = include_str!("../floors.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floors {
    tolerance: Tolerance,
    floors: Vec<Floor>,
}

/// How far below its floor a time may be, as a share of the floor. What is counted has to reach it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tolerance {
    one_thread: f64,
    more_threads: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Floor {
    workload: String,
    threads: usize,
    peer: String,
    /// What was reached when the floor was last moved.
    ratio: f64,
    /// What is wanted, if that is more.
    aim: Option<f64>,
}

/// A ratio that was not reached.
#[derive(Debug, PartialEq)]
pub struct Shortfall<'a> {
    workload: &'a str,
    threads: usize,
    peer: &'a str,
    wanted: f64,
    ratio: f64,
}

/// How a run compares with the floors.
#[derive(Debug, Default)]
pub struct Verdict<'a> {
    /// Below their floor.
    pub below: Vec<Shortfall<'a>>,
    /// Not below their floor, but below their aim.
    pub short_of_aim: Vec<Shortfall<'a>>,
    /// Workloads of floors whose row is not in the run.
    pub absent: BTreeSet<&'a str>,
}

impl Floors {
    pub fn committed() -> Result<Self, toml::de::Error> {
        toml::from_str(FLOORS)
    }

    pub fn len(&self) -> usize {
        self.floors.len()
    }

    pub fn compare(&self, rows: &[Row]) -> Verdict<'_> {
        let mut verdict = Verdict::default();
        for floor in &self.floors {
            let Some(row) = floor.median_of(rows) else {
                verdict.absent.insert(&floor.workload);
                continue;
            };
            // What is no number reaches nothing.
            let is_reached = row.ratio >= floor.ratio * (1.0 - self.tolerance.of(row));
            match floor.aim {
                _ if !is_reached => verdict.below.push(floor.missed(floor.ratio, row)),
                Some(aim) if row.ratio < aim => verdict.short_of_aim.push(floor.missed(aim, row)),
                _ => {}
            }
        }
        verdict
    }
}

impl Floor {
    /// Of the rows of this floor the one in the middle, as there may be several after several runs.
    fn median_of<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
        let Self { workload, threads, peer, .. } = self;
        let mut found: Vec<&Row> = rows.iter().filter(|row| row.is_of(workload, *threads, peer)).collect();
        found.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
        found.get(found.len() / 2).copied()
    }

    fn missed(&self, wanted: f64, row: &Row) -> Shortfall<'_> {
        let Self { workload, threads, peer, .. } = self;
        Shortfall { workload, threads: *threads, peer, wanted, ratio: row.ratio }
    }
}

impl Tolerance {
    fn of(&self, row: &Row) -> f64 {
        match row.unit {
            Unit::Ratio | Unit::Bytes => 0.0,
            _ if row.threads == 1 => self.one_thread,
            _ => self.more_threads,
        }
    }
}

impl Display for Shortfall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workload, threads, peer, wanted, ratio } = self;
        let plural = if *threads == 1 { "" } else { "s" };
        write!(f, "{workload}, {threads} thread{plural}, {peer}: {ratio:.3} instead of {wanted}")
    }
}
