//! Recorded traces, replayed by one thread: hit ratios.

use std::io;

use super::{Operation, caches, contestant, report_figures};
use crate::measure::Contestant;
use crate::options::Options;
use crate::oracle;
use crate::peers::{Lru, Ours, Peer};
use crate::report::Report;
use crate::row::{Figure, Unit};
use crate::traces;

const TRACES: [(&str, &[u64]); 2] = [("OLTP", &[256, 512, 1_000, 2_000]), ("P3", &[20_000, 160_000])];

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    for (trace, capacities) in TRACES {
        let is_wanted = |capacity: &&u64| options.wants(&name(trace, **capacity));
        let wanted: Vec<_> = capacities.iter().filter(is_wanted).collect();
        if wanted.is_empty() {
            continue;
        }
        let Some(folder) = &options.traces else {
            eprintln!(
                "cache-bench: {trace} is skipped: name the folder of {trace}.lis.zst with --traces DIR"
            );
            continue;
        };
        let keys = traces::read(folder, trace)?;
        for &capacity in wanted {
            replay(report, &name(trace, capacity), &keys, &line_up(capacity), &line_up_exact(capacity));
        }
    }
    Ok(())
}

fn replay(
    report: &mut Report,
    workload: &str,
    keys: &[u32],
    contestants: &[Contestant],
    exact: &[Contestant],
) {
    let ratios = |contestants: &[Contestant]| -> Vec<Figure> {
        contestants.iter().map(|it| Figure::exact(it.run(keys) as f64 / keys.len() as f64)).collect()
    };
    report_figures(report, workload, 1, contestants, &ratios(contestants), Unit::Ratio);
    report_figures(report, &format!("lru-{workload}"), 1, exact, &ratios(exact), Unit::Ratio);
}

/// All caches, and the exact policies.
fn line_up(capacity: u64) -> Vec<Contestant> {
    let mut contestants = caches(capacity, 0, Operation::GetOrInsert);
    contestants.extend(oracle::contestants(capacity as usize));
    contestants
}

fn line_up_exact(capacity: u64) -> [Contestant; 2] {
    [
        contestant(Ours::lru(capacity), Operation::GetOrInsert),
        contestant(Lru::with_capacity(capacity), Operation::GetOrInsert),
    ]
}

fn name(trace: &str, capacity: u64) -> String {
    format!("trace/{trace}-{capacity}")
}
