//! The least ratio that a row may have, and which rows fall short of it. Runs nothing.

#[cfg(test)]
mod tests;

use std::fmt::{self, Display};

use serde::Deserialize;

use crate::row::{Row, Unit};

/// All floors of this package.
const FLOORS: &str = include_str!("../floors.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floors {
    tolerance: Tolerance,
    #[serde(rename = "floor")]
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
    /// Each number of threads has to reach the ratio.
    threads: Vec<usize>,
    peer: String,
    ratio: f64,
}

/// A floor that was not reached.
#[derive(Debug, PartialEq)]
pub struct Shortfall<'a> {
    workload: &'a str,
    threads: usize,
    peer: &'a str,
    floor: f64,
    /// `None`: the row is not there.
    ratio: Option<f64>,
}

impl Floors {
    pub fn committed() -> Result<Self, toml::de::Error> {
        toml::from_str(FLOORS)
    }

    pub fn len(&self) -> usize {
        self.floors.iter().map(|floor| floor.threads.len()).sum()
    }

    pub fn shortfalls(&self, rows: &[Row]) -> Vec<Shortfall<'_>> {
        let mut shortfalls = Vec::new();
        for floor in &self.floors {
            let threads = floor.threads.iter();
            shortfalls.extend(threads.filter_map(|&threads| self.shortfall(floor, threads, rows)));
        }
        shortfalls
    }

    fn shortfall<'a>(&self, floor: &'a Floor, threads: usize, rows: &[Row]) -> Option<Shortfall<'a>> {
        let Floor { workload, peer, ratio, .. } = floor;
        let mut found: Vec<&Row> = rows.iter().filter(|row| row.is_of(workload, threads, peer)).collect();
        found.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
        let median = found.get(found.len() / 2);
        let is_reached = median.is_some_and(|row| row.ratio >= ratio * (1.0 - self.tolerance.of(row)));
        let shortfall =
            Shortfall { workload, threads, peer, floor: *ratio, ratio: median.map(|row| row.ratio) };
        (!is_reached).then_some(shortfall)
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
        let Self { workload, threads, peer, floor, ratio } = self;
        write!(f, "{workload}, {threads} thread{}, {peer}: ", if *threads == 1 { "" } else { "s" })?;
        match ratio {
            Some(ratio) => write!(f, "{ratio:.3} is below {floor}"),
            None => write!(f, "not in this run, must be at least {floor}"),
        }
    }
}
