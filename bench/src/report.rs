//! What was found out, and how it is printed. Each line is printed as soon as it is known.

use serde::{Serialize, Serializer};

use crate::measure::Sample;
use crate::options::Format;

/// We and one peer in one workload.
#[derive(Debug, Serialize)]
pub struct Row {
    pub workload: String,
    pub peer: &'static str,
    pub threads: usize,
    pub ours: Figure,
    pub theirs: Figure,
    pub unit: Unit,
    /// Above 1 where ours is better.
    ratio: f64,
}

/// A median, and how far the middle half of the rounds lay apart.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    median: f64,
    /// Half the distance between the quartiles.
    spread: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub enum Unit {
    #[serde(rename = "ns/op")]
    NanosPerOperation,
    /// Share of hits.
    #[serde(rename = "ratio")]
    Ratio,
}

impl Row {
    pub fn new(
        workload: &str,
        peer: &'static str,
        threads: usize,
        ours: Figure,
        theirs: Figure,
        unit: Unit,
    ) -> Self {
        let ratio = match unit {
            Unit::NanosPerOperation => theirs.median / ours.median,
            Unit::Ratio => ours.median / theirs.median,
        };
        Self { workload: workload.to_owned(), peer, threads, ours, theirs, unit, ratio }
    }
}

impl Figure {
    pub fn exact(value: f64) -> Self {
        Self { median: value, spread: 0.0 }
    }

    pub fn time_of(sample: &Sample) -> Self {
        let mut times = sample.times.clone();
        times.sort_by(f64::total_cmp);
        let quantile = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
        Self { median: quantile(0.5), spread: (quantile(0.75) - quantile(0.25)) / 2.0 }
    }

    fn text(self, unit: Unit) -> String {
        match unit {
            Unit::NanosPerOperation => format!("{:.1} ±{:.1}", self.median, self.spread),
            Unit::Ratio => format!("{:.2} %", self.median * 100.0),
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.median.serialize(serializer)
    }
}

impl Unit {
    fn text(self) -> &'static str {
        match self {
            Self::NanosPerOperation => "ns/op",
            Self::Ratio => "hits",
        }
    }
}

pub struct Report {
    format: Format,
    has_begun: bool,
}

impl Report {
    pub fn new(format: Format) -> Self {
        Self { format, has_begun: false }
    }

    pub fn add(&mut self, row: &Row) {
        match self.format {
            Format::Table => self.add_line(row),
            // A row has no map with keys that JSON could not express.
            Format::Json => println!("{}", serde_json::to_string(row).expect("a row is plain data")),
        }
        self.has_begun = true;
    }

    fn add_line(&self, row: &Row) {
        if !self.has_begun {
            println!(
                "| workload                | threads | peer        | ours           | theirs         | unit  | ratio |"
            );
            println!(
                "|-------------------------|---------|-------------|----------------|----------------|-------|-------|"
            );
        }
        println!(
            "| {:<23} | {:<7} | {:<11} | {:<14} | {:<14} | {:<5} | {:<5.2} |",
            row.workload,
            row.threads,
            row.peer,
            row.ours.text(row.unit),
            row.theirs.text(row.unit),
            row.unit.text(),
            row.ratio
        );
    }
}
