//! Prints rows, each as soon as it is measured.

use crate::options::Format;
use crate::row::{Figure, Row, Unit};

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
            // Only a map whose keys JSON cannot express could fail, and a row has no map.
            Format::Json => println!("{}", serde_json::to_string(row).expect("a row is plain data")),
        }
        self.has_begun = true;
    }

    fn add_line(&self, row: &Row) {
        if !self.has_begun {
            let [workload, threads, peer] = ["workload", "threads", "peer"];
            println!(
                "| {workload:<25} | {threads} | {peer:<15} | ours             | theirs           | unit  | ratio |"
            );
            println!(
                "|---------------------------|---------|-----------------|------------------|------------------|-------|-------|"
            );
        }
        println!(
            "| {:<25} | {:<7} | {:<15} | {:<16} | {:<16} | {:<5} | {:<5.2} |",
            row.workload,
            row.threads,
            row.peer,
            text(row.ours, row.unit),
            text(row.theirs, row.unit),
            header(row.unit),
            row.ratio
        );
    }
}

fn text(figure: Figure, unit: Unit) -> String {
    let Figure { median, spread } = figure;
    match unit {
        Unit::Ratio => format!("{:.2} %", median * 100.0),
        Unit::Bytes | Unit::ProcessorSeconds | Unit::Megabytes => format!("{median:.1}"),
        Unit::Instructions | Unit::Loads | Unit::Lines | Unit::Functions => format!("{median:.0}"),
        Unit::Nanos => format!("{median:.0} ±{spread:.0}"),
        Unit::NanosPerOperation | Unit::MegabytesPerSecond => format!("{median:.1} ±{spread:.1}"),
    }
}

fn header(unit: Unit) -> &'static str {
    match unit {
        Unit::NanosPerOperation => "ns/op",
        Unit::Nanos => "ns",
        Unit::Ratio => "hits",
        Unit::Bytes => "bytes",
        Unit::Instructions => "instr",
        Unit::Loads => "loads",
        Unit::Lines => "lines",
        Unit::Functions => "functions",
        Unit::ProcessorSeconds => "CPU s",
        Unit::Megabytes => "MB",
        Unit::MegabytesPerSecond => "MB/s",
    }
}
