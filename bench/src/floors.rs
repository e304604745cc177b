//! The floors: the minimum ratio of each row, the maximum of each figure of ours, the aims for both, and which rows
//! miss them. Runs nothing.

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
    #[serde(default)]
    limits: Vec<Limit>,
}

/// How far from its floor or limit a figure may be, as a share of it. Hit ratios and bytes have no tolerance.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tolerance {
    one_thread: f64,
    /// For counts that differ a little between runs: of instructions, and of what a compiler generates.
    counts: f64,
    more_threads: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Floor {
    workload: String,
    threads: usize,
    peer: String,
    /// The figure when the floor was last moved.
    ratio: f64,
    /// The aim, if it is higher.
    aim: Option<f64>,
}

/// The maximum for a figure of ours, whatever the figures of others are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    workload: String,
    threads: usize,
    /// The figure when the limit was last moved.
    most: f64,
    /// The aim, if it is lower.
    aim: Option<f64>,
}

/// A floor, limit or aim that a run misses.
#[derive(Debug, PartialEq)]
pub struct Shortfall<'a> {
    workload: &'a str,
    threads: usize,
    wanted: Wanted<'a>,
    found: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted<'a> {
    /// Compared with this peer.
    Ratio(&'a str, f64),
    AtMost(f64),
}

/// How a run compares with the floors.
#[derive(Debug, Default)]
pub struct Verdict<'a> {
    /// Below their floor.
    pub below: Vec<Shortfall<'a>>,
    /// Not below their floor, but missing their aim.
    pub short_of_aim: Vec<Shortfall<'a>>,
    /// Workloads of floors whose row is not in the run.
    pub absent: BTreeSet<&'a str>,
}

impl Floors {
    pub fn committed() -> Result<Self, toml::de::Error> {
        toml::from_str(FLOORS)
    }

    pub fn len(&self) -> usize {
        self.floors.len() + self.limits.len()
    }

    pub fn compare(&self, rows: &[Row]) -> Verdict<'_> {
        let mut verdict = Verdict::default();
        for floor in &self.floors {
            let Some(row) = floor.median_of(rows) else {
                verdict.absent.insert(&floor.workload);
                continue;
            };
            // NaN counts as not reached.
            let is_reached = row.ratio >= floor.ratio * (1.0 - self.tolerance.of(row));
            match floor.aim {
                _ if !is_reached => verdict.below.push(floor.missed(floor.ratio, row)),
                Some(aim) if row.ratio < aim => verdict.short_of_aim.push(floor.missed(aim, row)),
                _ => {}
            }
        }
        for limit in &self.limits {
            let Some(row) = limit.median_of(rows) else {
                verdict.absent.insert(&limit.workload);
                continue;
            };
            let is_kept = row.ours.median <= limit.most * (1.0 + self.tolerance.of(row));
            match limit.aim {
                _ if !is_kept => verdict.below.push(limit.missed(limit.most, row)),
                Some(aim) if row.ours.median > aim => verdict.short_of_aim.push(limit.missed(aim, row)),
                _ => {}
            }
        }
        verdict
    }
}

impl Floor {
    /// The median row of this floor, since several runs have several rows.
    fn median_of<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
        let Self { workload, threads, peer, .. } = self;
        median_by(rows.iter().filter(|row| row.is_of(workload, *threads, peer)), |row| row.ratio)
    }

    fn missed(&self, wanted: f64, row: &Row) -> Shortfall<'_> {
        let Self { workload, threads, peer, .. } = self;
        Shortfall { workload, threads: *threads, wanted: Wanted::Ratio(peer, wanted), found: row.ratio }
    }
}

impl Limit {
    /// There is one row for each peer, and for each of several runs.
    fn median_of<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
        let is_of_it = |row: &&Row| row.workload == self.workload && row.threads == self.threads;
        median_by(rows.iter().filter(is_of_it), |row| row.ours.median)
    }

    fn missed(&self, wanted: f64, row: &Row) -> Shortfall<'_> {
        let Self { workload, threads, .. } = self;
        Shortfall { workload, threads: *threads, wanted: Wanted::AtMost(wanted), found: row.ours.median }
    }
}

fn median_by<'a>(rows: impl Iterator<Item = &'a Row>, figure: impl Fn(&Row) -> f64) -> Option<&'a Row> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|a, b| figure(a).total_cmp(&figure(b)));
    rows.get(rows.len() / 2).copied()
}

impl Tolerance {
    fn of(&self, row: &Row) -> f64 {
        match row.unit {
            Unit::Ratio | Unit::Bytes => 0.0,
            Unit::Instructions | Unit::Lines | Unit::Functions | Unit::Megabytes => self.counts,
            _ if row.threads == 1 => self.one_thread,
            _ => self.more_threads,
        }
    }
}

impl Display for Shortfall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workload, threads, wanted, found } = self;
        let plural = if *threads == 1 { "" } else { "s" };
        write!(f, "{workload}, {threads} thread{plural}, ")?;
        match wanted {
            Wanted::Ratio(peer, ratio) => write!(f, "{peer}: {found:.3} instead of {ratio}"),
            Wanted::AtMost(most) => write!(f, "ours: {found:.1} instead of at most {most}"),
        }
    }
}
