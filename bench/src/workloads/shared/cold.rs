//! A key that no machine has: the tasks of four processes ask for it at once, and its load takes some time.

use std::time::{Duration, Instant};

use super::Failure;
use super::machine::{Machine, Order};
use crate::options::Options;
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

pub const NAMES: [&str; 2] = ["shared-cold/100ms", "shared-cold/300ms"];
const LOADS: [u64; 2] = [100, 300];
const MACHINES: usize = 4;
/// No other workload asks for this key or the next ones.
const FIRST: u64 = 1 << 32;

/// The measurements of all rounds.
#[derive(Default)]
struct Measured {
    nanos: Vec<f64>,
    loads: Vec<f64>,
}

pub fn run(url: &str, options: &Options, report: &mut Report) -> Result<(), Failure> {
    let mut wanted = NAMES.into_iter().zip(LOADS).filter(|(workload, _)| options.wants(workload)).peekable();
    if wanted.peek().is_none() {
        return Ok(());
    }
    let mut machines = Vec::new();
    for _ in 0..MACHINES {
        machines.push(Machine::start(url)?);
    }
    // Connects them, and has each ask for a first key.
    ask(&mut machines, Order { id: FIRST, millis: 0, shared: true })?;
    let mut ids = FIRST + 1..;
    for (workload, millis) in wanted {
        let [mut shared, mut alone] = [Measured::default(), Measured::default()];
        for (id, _) in ids.by_ref().zip(0..options.effort.rounds) {
            shared.add(ask(&mut machines, Order { id, millis, shared: true })?);
            alone.add(ask(&mut machines, Order { id, millis, shared: false })?);
        }
        let [ours, theirs] = [&shared, &alone].map(|measured| Figure::of(&measured.nanos));
        report.add(&Row::new(workload, "ours-untiered", 1, ours, theirs, Unit::Nanos));
        let [ours, theirs] = [&shared, &alone].map(Measured::most_loads);
        let workload = workload.replace("shared-cold", "shared-cold-loads");
        report.add(&Row::new(&workload, "ours-untiered", 1, ours, theirs, Unit::Loads));
    }
    Ok(())
}

/// Has all machines ask. Returns the time until the last of their tasks has its answer, and how often the key was
/// loaded.
fn ask(machines: &mut [Machine], order: Order) -> Result<(Duration, usize), Failure> {
    let start = Instant::now();
    for machine in &mut *machines {
        machine.order(order)?;
    }
    let mut loads = 0;
    for machine in machines {
        loads += machine.loads()?;
    }
    Ok((start.elapsed(), loads))
}

impl Measured {
    fn add(&mut self, (time, loads): (Duration, usize)) {
        self.nanos.push(time.as_nanos() as f64);
        self.loads.push(loads as f64);
    }

    /// The most of any round: one more than necessary is one too many.
    fn most_loads(&self) -> Figure {
        Figure::exact(self.loads.iter().copied().fold(0.0, f64::max))
    }
}
