//! From rows to bars: which bars stand together, and how long each is. Knows nothing of pixels.

use crate::row::{Row, Unit};

/// The result of one workload with one number of threads. Has a scale of its own.
#[derive(Debug, PartialEq)]
pub struct Panel {
    pub title: String,
    pub bars: Vec<Bar>,
}

#[derive(Debug, PartialEq)]
pub struct Bar {
    pub name: String,
    pub kind: Kind,
    pub value: f64,
}

/// What a bar stands for; each kind has its own colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ours,
    /// A cache that evicts.
    Cache,
    /// A reference that does less or is not for real programs: a map, a floor, a simulation.
    Reference,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Ours, Self::Cache, Self::Reference];

    fn of(peer: &str) -> Self {
        match peer {
            "quick_cache" | "moka" | "foyer" | "cached" | "mutex-lru" => Self::Cache,
            _ => Self::Reference,
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Self::Ours => "this cache",
            Self::Cache => "caches that evict",
            Self::Reference => "maps without eviction, simulations, own variants",
        }
    }
}

/// One panel per workload and number of threads, in the order of the workloads, then in that of the rows.
pub fn panels(rows: &[Row], workloads: &[&str]) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for workload in workloads {
        for row in rows.iter().filter(|row| row.workload.starts_with(workload)) {
            add(&mut panels, row);
        }
    }
    panels
}

fn add(panels: &mut Vec<Panel>, row: &Row) {
    let title = title(row);
    let at = panels.iter().position(|panel| panel.title == title).unwrap_or_else(|| {
        let ours = Bar { name: "ours".to_owned(), kind: Kind::Ours, value: value(row.ours.median, row.unit) };
        panels.push(Panel { title, bars: vec![ours] });
        panels.len() - 1
    });
    let bars = &mut panels[at].bars;
    if bars.iter().all(|bar| bar.name != row.peer) {
        let name = row.peer.clone().into_owned();
        bars.push(Bar { name, kind: Kind::of(&row.peer), value: value(row.theirs.median, row.unit) });
    }
}

fn title(row: &Row) -> String {
    let workload = row.workload.trim_start_matches("trace/");
    match (row.unit.is_time(), row.threads) {
        (true, 1) => format!("{workload}, 1 thread"),
        (true, threads) => format!("{workload}, {threads} threads"),
        (false, _) => workload.to_owned(),
    }
}

/// A time becomes a number of operations, so that longer bars are better.
fn value(median: f64, unit: Unit) -> f64 {
    match unit {
        // Million operations per second.
        Unit::NanosPerOperation => 1e3 / median,
        // Percent.
        Unit::Ratio => 1e2 * median,
        _ => median,
    }
}
