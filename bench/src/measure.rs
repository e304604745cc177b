//! Runs contestants in turns on the same keys. Knows neither what they do nor how the result is shown.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::keys::Keys;
use crate::options::Effort;

/// A cache with a workload to run on it.
pub struct Contestant {
    pub name: &'static str,
    run: Box<Run>,
}

/// Runs a workload on some keys and returns the number of hits.
type Run = dyn Fn(&[u32]) -> usize + Send + Sync;

impl Contestant {
    pub fn new(name: &'static str, run: impl Fn(&[u32]) -> usize + Send + Sync + 'static) -> Self {
        Self { name, run: Box::new(run) }
    }

    /// The same contestant under another name.
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Runs without measuring the time. Returns the number of hits.
    pub fn run(&self, keys: &[u32]) -> usize {
        (self.run)(keys)
    }
}

/// The results of one contestant in all its turns.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Nanoseconds per operation, one for each turn.
    pub times: Vec<f64>,
    hits: usize,
    operations: usize,
}

impl Sample {
    pub fn hit_ratio(&self) -> f64 {
        self.hits as f64 / self.operations as f64
    }
}

/// Runs each contestant once per round, on the same keys. Returns one sample per contestant, in their order.
pub fn race(contestants: &[Contestant], keys: &Keys, threads: usize, effort: Effort) -> Vec<Sample> {
    race_with(contestants, keys, threads, effort, take_time)
}

/// [`race`] with one thread, by the wall clock: for operations that wait for other threads or processes.
pub fn race_by_wall_clock(contestants: &[Contestant], keys: &Keys, effort: Effort) -> Vec<Sample> {
    race_with(contestants, keys, 1, effort, take_common_time)
}

fn race_with(
    contestants: &[Contestant],
    keys: &Keys,
    threads: usize,
    effort: Effort,
    take_time: impl Fn(&Contestant, &[&[u32]]) -> (f64, usize),
) -> Vec<Sample> {
    let mut samples = vec![Sample::default(); contestants.len()];
    for round in 0..effort.rounds {
        for turn in 0..contestants.len() {
            // The first contestant changes each round, so that none always finds the processor's caches as the same
            // neighbour left them.
            let index = (turn + round) % contestants.len();
            let pieces: Vec<&[u32]> =
                (0..threads).map(|thread| keys.piece(round * threads + thread, effort.operations)).collect();
            let (nanos, hits) = take_time(&contestants[index], &pieces);
            let operations = threads * effort.operations;
            samples[index].times.push(nanos / operations as f64);
            samples[index].hits += hits;
            samples[index].operations += operations;
        }
    }
    samples
}

/// Runs each piece on a thread of its own. Returns nanoseconds, and all hits.
fn take_time(contestant: &Contestant, pieces: &[&[u32]]) -> (f64, usize) {
    match pieces {
        [keys] => take_own_time(contestant, keys),
        _ => take_common_time(contestant, pieces),
    }
}

/// Processor time of this thread. Unlike wall-clock time, it does not include interruptions by other programs.
fn take_own_time(contestant: &Contestant, keys: &[u32]) -> (f64, usize) {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let start = now();
    let hits = contestant.run(keys);
    ((now() - start).as_nanos() as f64, hits)
}

/// Wall clock from the first start to the last end; it includes the time that threads wait for each other.
fn take_common_time(contestant: &Contestant, pieces: &[&[u32]]) -> (f64, usize) {
    let start_line = Barrier::new(pieces.len());
    let run = |keys: &[u32]| {
        start_line.wait();
        let start = Instant::now();
        let hits = contestant.run(keys);
        (start, Instant::now(), hits)
    };
    let runs: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = pieces.iter().map(|keys| scope.spawn(|| run(keys))).collect();
        // A contestant that panics fails the whole run.
        threads.into_iter().map(|thread| thread.join().expect("no contestant panics")).collect()
    });
    let start = runs.iter().map(|run| run.0).min();
    let end = runs.iter().map(|run| run.1).max();
    let nanos = start.zip(end).map_or(0.0, |(start, end)| (end - start).as_nanos() as f64);
    (nanos, runs.iter().map(|run| run.2).sum())
}
