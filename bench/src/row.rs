//! One line of the result: this cache and one peer in one workload. Plain data that is printed, written and read again.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::measure::Sample;

/// This cache and one peer in one workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub workload: String,
    pub peer: Cow<'static, str>,
    pub threads: usize,
    pub ours: Figure,
    pub theirs: Figure,
    pub unit: Unit,
    /// Above 1 where ours is better.
    pub ratio: f64,
}

/// A median, and the spread of the middle half of the rounds. Only the median is serialised.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Figure {
    pub median: f64,
    /// Half the distance between the quartiles.
    pub spread: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Time per operation.
    #[serde(rename = "ns/op")]
    NanosPerOperation,
    /// Time of single operations, such as the longest.
    #[serde(rename = "ns")]
    Nanos,
    /// Hit ratio.
    #[serde(rename = "ratio")]
    Ratio,
    #[serde(rename = "bytes")]
    Bytes,
    /// Instructions per operation.
    #[serde(rename = "instr")]
    Instructions,
    /// How often one key was loaded.
    #[serde(rename = "loads")]
    Loads,
    /// Lines of the compiler's intermediate code, per query.
    #[serde(rename = "lines")]
    Lines,
    /// Functions in that code.
    #[serde(rename = "functions")]
    Functions,
    #[serde(rename = "CPU s")]
    ProcessorSeconds,
    #[serde(rename = "MB")]
    Megabytes,
    #[serde(rename = "MB/s")]
    MegabytesPerSecond,
}

impl Row {
    pub fn new(
        workload: &str,
        peer: impl Into<Cow<'static, str>>,
        threads: usize,
        ours: Figure,
        theirs: Figure,
        unit: Unit,
    ) -> Self {
        let ratio = if unit.is_better_when_less() {
            theirs.median / ours.median
        } else {
            ours.median / theirs.median
        };
        Self { workload: workload.to_owned(), peer: peer.into(), threads, ours, theirs, unit, ratio }
    }

    pub fn is_of(&self, workload: &str, threads: usize, peer: &str) -> bool {
        self.workload == workload && self.threads == threads && self.peer == peer
    }
}

/// Reads rows as they were written, one per line.
pub fn read_rows(text: &str) -> Result<Vec<Row>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let row = |(at, line)| serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1));
    lines.map(row).collect()
}

impl Figure {
    pub fn exact(value: f64) -> Self {
        Self { median: value, spread: 0.0 }
    }

    pub fn time_of(sample: &Sample) -> Self {
        Self::of(&sample.times)
    }

    /// The figure of at least one measurement.
    pub fn of(measurements: &[f64]) -> Self {
        let mut sorted = measurements.to_vec();
        sorted.sort_by(f64::total_cmp);
        let quantile = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
        Self { median: quantile(0.5), spread: (quantile(0.75) - quantile(0.25)) / 2.0 }
    }
}

impl From<f64> for Figure {
    fn from(median: f64) -> Self {
        Self::exact(median)
    }
}

impl From<Figure> for f64 {
    fn from(figure: Figure) -> Self {
        figure.median
    }
}

impl Unit {
    pub fn is_time(self) -> bool {
        matches!(self, Self::NanosPerOperation | Self::Nanos)
    }

    fn is_better_when_less(self) -> bool {
        !matches!(self, Self::Ratio | Self::MegabytesPerSecond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: f64, theirs: f64, unit: Unit) -> Row {
        Row::new("work", "peer", 1, Figure::exact(ours), Figure::exact(theirs), unit)
    }

    #[test]
    fn a_ratio_is_above_1_where_ours_is_better_whatever_the_unit() {
        assert_eq!(row(10.0, 20.0, Unit::NanosPerOperation).ratio, 2.0);
        assert_eq!(row(10.0, 20.0, Unit::Bytes).ratio, 2.0);
        assert_eq!(row(0.4, 0.2, Unit::Ratio).ratio, 2.0);
        assert_eq!(row(200.0, 100.0, Unit::MegabytesPerSecond).ratio, 2.0);
    }

    #[test]
    fn a_row_is_written_as_one_plain_object_and_read_again() {
        let text = serde_json::to_string(&row(10.0, 20.0, Unit::NanosPerOperation));
        let text = text.unwrap_or_default();
        let expected = r#"{"workload":"work","peer":"peer","threads":1,"ours":10.0,"theirs":20.0,"unit":"ns/op","ratio":2.0}"#;
        assert_eq!(text, expected);
        let rows = read_rows(&format!("{text}\n\n{text}\n")).expect("what was written can be read");
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[1].peer.as_ref(), rows[1].theirs.median), ("peer", 20.0));
    }

    #[test]
    fn a_line_that_is_not_a_row_is_named() {
        let error = read_rows("\n{}").expect_err("an empty object is not a row");
        assert!(error.starts_with("line 2: "), "{error}");
    }

    #[test]
    fn a_figure_is_the_median_and_half_of_the_middle_half() {
        let figure = Figure::of(&[5.0, 1.0, 2.0, 4.0, 100.0]);
        assert_eq!((figure.median, figure.spread), (4.0, 1.5));
    }
}
